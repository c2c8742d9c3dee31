"""The table of published files: filled on first use, verified afterwards."""

import csv
import hashlib
import logging
import multiprocessing

import pytest

from helpers.file_server import serving
from neuralsampleid.errors import UserError
from neuralsampleid.released.artefacts import (
    COLUMNS,
    Artefact,
    Obtained,
    obtain,
    read_artefacts,
    read_record,
    record,
    write_record,
)
from neuralsampleid.released.download import MissingFileError, Patience

QUICK = Patience(attempts=2, first_wait_s=0.001, timeout_s=5)
SHA256 = hashlib.sha256(b"content").hexdigest()


def write_table(path, *rows):
    path.write_text("".join(",".join(row) + "\n" for row in (COLUMNS, *rows)))
    return path


@pytest.fixture
def site():
    with serving() as running:
        running.files["a.bin"] = b"content"
        yield running


@pytest.fixture
def table(tmp_path, site):
    rows = [(name, f"{site.url}/{name}", "", "", "") for name in ("a.bin", "b.bin")]
    return write_table(tmp_path / "artefacts.csv", *rows)


def test_the_first_download_is_recorded_and_the_next_verified(table, site, tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    first = obtain("a.bin", table, tmp_path / "one", patience=QUICK)
    assert (first.checksum, first.size, first.sha256) == ("recorded", 7, SHA256)
    assert "recorded size, sha256 of 'a.bin' on first use" in caplog.text
    row = read_artefacts(table)["a.bin"]
    assert row == Artefact("a.bin", f"{site.url}/a.bin", "", 7, SHA256)
    before = table.read_bytes()
    assert obtain("a.bin", table, tmp_path / "two", patience=QUICK).checksum == "verified"
    assert table.read_bytes() == before
    site.files["a.bin"] = b"CONTENT"
    with pytest.raises(UserError, match=rf"SHA-256 \w+, expected {SHA256}"):
        obtain("a.bin", table, tmp_path / "three", patience=QUICK)
    assert not (tmp_path / "three").exists()
    assert table.read_bytes() == before


def test_a_sha1_is_verified_where_the_authors_tell_no_more(tmp_path, site):
    sha1 = hashlib.sha1(b"content").hexdigest()
    head = ",".join((*COLUMNS, "sha1"))
    table = tmp_path / "t.csv"
    table.write_text(f"{head}\na.bin,{site.url}/a.bin,v1,,,{sha1}\nb.bin,,,,,\n")
    assert obtain("a.bin", table, tmp_path / "one", patience=QUICK).checksum == "recorded"
    assert read_artefacts(table)["a.bin"] == Artefact(
        "a.bin", f"{site.url}/a.bin", "v1", 7, SHA256, sha1
    )
    assert table.read_text().splitlines()[0] == head
    table.write_text(f"{head}\na.bin,{site.url}/a.bin,v1,,,{'0' * 40}\n")
    with pytest.raises(UserError, match=rf"SHA-1 {sha1}, expected 0000"):
        obtain("a.bin", table, tmp_path / "two", patience=QUICK)
    assert not (tmp_path / "two").exists()
    table.write_text(f"{head}\na.bin,u,,,,abc\n")
    with pytest.raises(UserError, match="line 2: sha1 is 'abc', expected 40"):
        read_artefacts(table)


def test_the_version_of_the_hub_is_recorded(tmp_path, site):
    row = ("a.bin", f"{site.url}/hub/a.bin", "", "", "")
    table = write_table(tmp_path / "t.csv", row)
    assert obtain("a.bin", table, tmp_path / "one", patience=QUICK).version == "c0ffee"
    assert read_artefacts(table)["a.bin"].version == "c0ffee"


def test_missing_files(table, tmp_path):
    with pytest.raises(MissingFileError, match="404"):
        obtain("b.bin", table, tmp_path / "b", patience=QUICK)
    missing = obtain("b.bin", table, tmp_path / "b", optional=True, patience=QUICK)
    assert missing.path is None
    assert "404" in missing.reason
    with pytest.raises(MissingFileError, match=r"no URL of 'c\.bin'"):
        obtain("c.bin", table, tmp_path / "c")
    with pytest.raises(MissingFileError, match="no such file, expected the published one"):
        obtain("a.bin", table, tmp_path / "a", folder=tmp_path / "nowhere")


def test_a_users_folder_is_compared_and_never_recorded(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("known", "other", "new"):
        (folder / name).write_bytes(b"content")
    row = ("known", "", "v1", "7", SHA256)
    table = write_table(tmp_path / "t.csv", row, ("other", "", "v1", "7", "0" * 64))
    before = table.read_bytes()
    got = {
        name: obtain(name, table, tmp_path / "x", folder=folder)
        for name in ("known", "other", "new")
    }
    assert [one.checksum for one in got.values()] == ["verified", "differs", "unrecorded"]
    assert [one.version for one in got.values()] == ["v1", "", ""]
    assert got["new"].path == str(folder / "new")
    assert table.read_bytes() == before
    (folder / "page").write_text("<html></html>")
    with pytest.raises(UserError, match="a web page"):
        obtain("page", table, tmp_path / "x", folder=folder)


def test_what_is_filled_stays(table):
    found = Artefact("a.bin", "elsewhere", "v2", 7, SHA256)
    assert record(table, found) == ["version", "size", "sha256"]
    assert record(table, Artefact("a.bin", "x", "v3", 8, "0" * 64)) == []
    assert read_artefacts(table)["a.bin"].version == "v2"
    with pytest.raises(UserError, match="no row of 'z'"):
        record(table, Artefact("z"))


def test_parallel_processes_lose_no_row(tmp_path):
    names = [f"f{number}" for number in range(24)]
    table = write_table(tmp_path / "t.csv", *((name, "u", "", "", "") for name in names))
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        pool.starmap(record, [(table, Artefact(n, "u", "v", 1, SHA256)) for n in names], 1)
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == names
    assert all(row["sha256"] == SHA256 for row in rows)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("a", "u", "", "many", "")], "line 2: size is 'many'"),
        ([("a", "u", "", "1", "abc")], "line 2: sha256 is 'abc'"),
        ([("a", "u", "", "", "")] * 2, "line 3: 'a' stands twice"),
        ([("a", "u")], "columns differ"),
    ],
)
def test_broken_tables(tmp_path, rows, message):
    with pytest.raises(UserError, match=message):
        read_artefacts(write_table(tmp_path / "t.csv", *rows))


def test_no_table(tmp_path):
    with pytest.raises(UserError, match="no such file, expected columns name, url"):
        read_artefacts(tmp_path / "none.csv")


def test_an_unwritable_table_does_not_stop_a_download(table, tmp_path, monkeypatch, caplog):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("neuralsampleid.released.artefacts.write_text", refuse)
    assert obtain("a.bin", table, tmp_path / "a", patience=QUICK).checksum == "unrecorded"
    assert "nothing was recorded" in caplog.text


def test_records_come_back(tmp_path):
    obtained = Obtained("a", "u", None, reason="gone")
    write_record(tmp_path, obtained)
    assert read_record(tmp_path) == obtained
