"""K18, K19 and a part of K14: folders, configuration files and names that cannot be used."""

import json
import shutil
import subprocess

import pytest

from helpers.workflow import ROOT, snakemake
from neuralsampleid.cli import main
from neuralsampleid.config import read_config
from neuralsampleid.config.parsing import run_named
from neuralsampleid.errors import UserError
from neuralsampleid.files import read_json


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("name", ["two words", "it's", "a$b", 'a"b', "a:b"])
def test_make_refuses_a_folder_that_no_environment_can_lie_in(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    done = subprocess.run(["make", "demo"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if "grep" not in line]
    assert f"{folder}: the path of this folder holds a blank or a sign" in line
    assert not (folder / ".venv").exists()


def test_make_takes_letters_of_any_language(tmp_path):
    folder = tmp_path / "m\xfcsik_1.0-rc,音楽"
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    done = subprocess.run(
        ["make", "-n", "clean"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert "rm -rf results" in done.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed: 1\nindex: {kind: flat}\nseed: 2\n", "key 'seed' stands in line 1 and in line 3"),
        ("index: {kind: flat, kind: auto}\n", "key 'kind' stands in line 1 and in line 1"),
        ("run: My Run\n", "run: found 'My Run', expected small letters a–z, digits and '_'"),
        ("seed: 1\n".encode("utf-16"), "letters that are not in UTF-8; save the file again"),
    ],
)
def test_what_is_wrong_with_a_configuration_file_is_said(tmp_path, text, said):
    path = tmp_path / "my.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError) as error:
        read_config(path)
    assert str(path) in str(error.value)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_key_given_twice_stops_the_workflow(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text("seed: 1\nseed: 2\n")
    done = snakemake(tmp_path, {}, "-n", "--configfile", str(path))
    assert done.returncode == 1
    assert f"{path}: key 'seed' stands in line 1 and in line 2, expected each key once" in (
        done.stdout
    )
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize(
    ("file", "name"),
    [("My-run.yaml", "my_run"), ("2nd try.yaml", "run_2nd_try"), ("音楽.yaml", "run")],
)
def test_any_file_gives_its_run_a_name(tmp_path, file, name):
    assert run_named(tmp_path / file) == name
    (tmp_path / file).write_text("seed: 2\n")
    assert read_config(tmp_path / file).run == name


def test_a_key_of_json_given_twice_is_refused(tmp_path):
    path = tmp_path / "gt_dict.json"
    path.write_text('{"a": ["x"], "b": {"c": 1, "c": 2}}')
    with pytest.raises(UserError, match=r"gt_dict\.json: not JSON \('c' stands twice\)"):
        read_json(path, dict, "ground truth")
    path.write_text(json.dumps({"a": {"b": 1}, "c": {"b": 1}}))
    assert read_json(path, dict, "ground truth") == {"a": {"b": 1}, "c": {"b": 1}}


def test_the_former_name_of_weights_is_told_of(tmp_path, capsys):
    (tmp_path / "music").mkdir()
    (tmp_path / "music/a.wav").write_bytes(b"")
    out = str(tmp_path / "out")
    assert main(["index", str(tmp_path / "music"), "--out", out, "--weights", "default"]) == 1
    assert (
        "default: the weights in this package are now called 'shipped'" in capsys.readouterr().err
    )
