"""Files and folders appear whole or not at all."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from neuralsampleid.errors import UserError
from neuralsampleid.files import (
    read_json,
    remove_leftovers,
    replacing_file,
    replacing_folder,
    sha256_of,
    write_csv,
    write_json,
    write_text,
)


def test_a_file_appears_at_the_end(tmp_path: Path):
    target = tmp_path / "deep" / "table.csv"
    with replacing_file(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.suffix == ".csv"
        temporary.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


def test_a_failure_keeps_the_old_file(tmp_path: Path):
    target = tmp_path / "file.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), replacing_file(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path):
    target = tmp_path / "store"
    target.mkdir()
    (target / "stale").write_text("old")
    with replacing_folder(target) as temporary:
        (temporary / "fresh").write_text("new")
        assert (target / "stale").exists()
    assert [path.name for path in target.iterdir()] == ["fresh"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_failure_keeps_the_old_folder(tmp_path: Path):
    target = tmp_path / "store"
    target.mkdir()
    (target / "kept").write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing_folder(target) as temporary:
        (temporary / "half").write_text("new")
        raise KeyboardInterrupt
    assert [path.name for path in target.iterdir()] == ["kept"]
    assert list(tmp_path.iterdir()) == [target]


def test_others_may_read_results(tmp_path: Path):
    mask = os.umask(0o022)
    try:
        write_text(tmp_path / "file", "text")
        with replacing_folder(tmp_path / "folder"):
            pass
    finally:
        os.umask(mask)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o755


def test_formats(tmp_path: Path):
    write_json(tmp_path / "a.json", {"b": 1, "a": "ü"})
    text = (tmp_path / "a.json").read_text()
    assert json.loads(text) == {"a": "ü", "b": 1}
    assert text.index('"a"') < text.index('"b"')
    write_csv(tmp_path / "a.csv", pd.DataFrame({"x": [1, 2], "y": ["é", ""]}))
    assert (tmp_path / "a.csv").read_bytes() == "x,y\n1,é\n2,\n".encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "a.json: no such file, expected a list of names"),
        (b"[1", "a.json: not JSON (Expecting"),
        (b"\xff", "a.json: not JSON ('utf-8'"),
        (b"[" * 100_000, "a.json: not JSON (maximum recursion"),
        (b"{}", "a.json: holds a dict, expected a list of names"),
    ],
)
def test_json_that_is_not_what_it_should_be_is_one_line(tmp_path: Path, content, message):
    path = tmp_path / "a.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError) as refused:
        read_json(path, list, "a list of names")
    assert message in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
    path.write_text('["one"]')
    assert read_json(path, list, "a list of names") == ["one"]


def test_sha256(tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    assert sha256_of(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_leftovers_of_a_killed_process_are_removed(tmp_path: Path):
    with replacing_folder(tmp_path / "a.b") as left, replacing_folder(tmp_path / "a") as other:
        (left / "file").touch()
        (tmp_path / ".hidden").mkdir()
        remove_leftovers(tmp_path, {"a.b", "hidden"})
        assert not left.exists()
        assert other.exists()
        left.mkdir()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden", "a", "a.b"]
    remove_leftovers(tmp_path / "nowhere", {"a"})
