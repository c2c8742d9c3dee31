"""``nsid``: evaluation end to end, usage, and errors of one line."""

import json
import os
import subprocess
import sys
from importlib import metadata

import numpy as np
import pytest
import torch

from helpers.parity import FOLDER, released_weights
from helpers.upstream_set import tree_bytes
from neuralsampleid.cli import main


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Checkpoints in the published form."""
    folder = tmp_path_factory.mktemp("weights")
    state = {f"module.{name}": value for name, value in released_weights("gnn").items()}
    torch.save({"state_dict": state, "optimizer": {}, "epoch": 1, "loss": 0.5}, folder / "gnn.pth")
    torch.save({"state_dict": released_weights("resnet_ibn")}, folder / "resnet.pth")
    torch.save(released_weights("classifier"), folder / "reranker.pth")
    return folder


def evaluate(parity_set, out, *more, system="baseline", protocol="released"):
    folder, truth = parity_set
    return main(
        [
            *("evaluate", "--fingerprints", str(folder), "--ground-truth", str(truth)),
            *("--system", system, "--protocol", protocol, "--index", "flat"),
            *("--query-segments", "1,3, 6,12,20", "--json", str(out), *more),
        ]
    )


def test_evaluate_as_released(parity_set, weights, tmp_path):
    before = tree_bytes(parity_set[0])
    reranker = ("--reranker-weights", str(weights / "reranker.pth"), "--threads", "1")
    assert evaluate(parity_set, tmp_path / "out.json", *reranker, system="proposed") == 0
    found = json.loads((tmp_path / "out.json").read_text())
    expected = json.loads((FOLDER / "release_eval_seed7.json").read_text())
    np.testing.assert_allclose(found["hit_rates"], expected["proposed_hit_rates_l2"])
    assert found["map"] == expected["proposed_map_at_20_l2"]
    assert found["rankings"] == expected["proposed_rankings_l2"]
    assert found["query_segments"] == expected["query_segments"]
    assert (found["system"], found["protocol"], found["index"]) == ("proposed", "released", "flat")
    assert tree_bytes(parity_set[0]) == before


def test_evaluate_corrected(parity_set, tmp_path, caplog):
    assert evaluate(parity_set, tmp_path / "out.json", protocol="corrected") == 0
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["queries"] == [35] * 5
    said = f"mAP {100 * found['map']:.1f} % over 16 tracks; all figures in {tmp_path / 'out.json'}"
    assert caplog.messages[-1] == said


def test_errors_are_one_line_and_status_1(parity_set, tmp_path, capsys):
    folder = parity_set[0]
    assert evaluate((tmp_path / "nowhere", parity_set[1]), tmp_path / "out.json") == 1
    assert capsys.readouterr().err == (
        f"nsid: error: {tmp_path / 'nowhere'}: no such folder, "
        "expected fingerprints in upstream's layout\n"
    )
    assert evaluate((folder, tmp_path / "gt.json"), tmp_path / "out.json") == 1
    assert "gt.json: no such file" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert evaluate(parity_set, tmp_path / "file" / "out.json") == 1  # the system's own error
    error = capsys.readouterr().err
    assert error.startswith("nsid: error: ")
    assert len(error.splitlines()) == 1
    missing = ("--reranker-weights", str(tmp_path / "missing.pth"))
    assert evaluate(parity_set, tmp_path / "out.json", *missing, system="proposed") == 1
    assert "missing.pth: no such checkpoint" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--query-segments", "1,x"), "'x', expected a number of at least 1"),
        (("--query-segments", "0"), "'0', expected a number of at least 1"),
        (("--threads", "0"), "'0', expected a number of at least 1"),
        (("--system", "proposed"), "--system proposed needs --reranker-weights"),
        (("--protocol", "other"), "invalid choice"),
    ],
)
def test_wrong_usage_is_status_2(parity_set, tmp_path, capsys, more, message):
    with pytest.raises(SystemExit) as stopped:
        evaluate(parity_set, tmp_path / "out.json", *more)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="OpenMP's settings are those of libgomp")
@pytest.mark.parametrize(("set_by_user", "passive"), [(None, True), ("active", False)])
def test_threads_wait_passively_unless_told_otherwise(tmp_path, set_by_user, passive):
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment |= {"OMP_WAIT_POLICY": set_by_user} if set_by_user else {}
    arguments = ["index", "no music", "--out", "out"]
    run = subprocess.run(
        [sys.executable, "-m", "neuralsampleid.cli", *arguments],
        env={**environment, "OMP_DISPLAY_ENV": "verbose"},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    # Unset, the policy is said to be passive too, but threads spin before they sleep.
    assert ("GOMP_SPINCOUNT = '0'" in run.stderr) == passive


def test_as_a_program(tmp_path):
    command = [sys.executable, "-m", "neuralsampleid.cli"]
    arguments = ["index", "no music", "--out", "out"]
    run = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert run.returncode == 1
    assert run.stderr == "nsid: error: no music: no such folder, expected one with audio files\n"
    assert run.stdout == ""
    assert not (tmp_path / "out").exists()
    usage = subprocess.run([*command, "--help"], capture_output=True, text=True, check=False)
    assert usage.returncode == 0
    assert "index" in usage.stdout
    assert "evaluate" in usage.stdout


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"nsid {metadata.version('neuralsampleid')}\n"


def test_a_former_option_says_its_new_name(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["identify", "new.mp3", "--catalogue", "old"])
    assert stopped.value.code == 2
    assert "--catalogue is now called --library\n" in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["index"], ["identify"], ["info"], ["evaluate"]])
def test_help_is_whole_sentences(command, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "400")  # each on one line
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--help"])
    assert stopped.value.code == 0
    said = capsys.readouterr().out.split("-h, --help")[1].splitlines()[1:]
    columns = [line.split("  ")[-1].strip() for line in said if line.startswith("  ")]
    texts = [text for text in columns if not text.startswith("-")]  # too long an option has a line
    assert texts or command == ["info"]
    assert [text for text in texts if not (text[0].isupper() and text.endswith("."))] == []
