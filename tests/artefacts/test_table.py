"""The table of files that others have published: filled on first use, verified afterwards."""

import csv
import hashlib
import logging
import multiprocessing
from pathlib import Path

import pytest

from helpers.file_server import serving
from helpers.sample100 import SHARED
from helpers.upstream_set import tree_bytes
from neuralsampleid.artefacts.download import Artefact, MissingFileError, Patience
from neuralsampleid.artefacts.table import (
    Obtained,
    obtain,
    read_artefacts,
    read_record,
    record,
    write_record,
)
from neuralsampleid.errors import UserError

QUICK = Patience(attempts=2, first_wait_s=0.001, timeout_s=5)
COLUMNS = ("name", "url", "version", "size", "sha256")
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
    assert row == Artefact(name="a.bin", url=f"{site.url}/a.bin", size=7, sha256=SHA256)
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
    url = f"{site.url}/a.bin"
    assert read_artefacts(table)["a.bin"] == Artefact(
        name="a.bin", url=url, version="v1", size=7, sha256=SHA256, sha1=sha1
    )
    assert table.read_text().splitlines()[0] == head
    table.write_text(f"{head}\na.bin,{site.url}/a.bin,v1,,,{'0' * 40}\n")
    with pytest.raises(UserError, match=rf"SHA-1 {sha1}, expected 0000"):
        obtain("a.bin", table, tmp_path / "two", patience=QUICK)
    assert not (tmp_path / "two").exists()
    table.write_text(f"{head}\na.bin,u,,,,abc\n")
    with pytest.raises(UserError, match=r"line 2: sha1: String .*, found 'abc'"):
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
    with pytest.raises(MissingFileError, match=r"a\.bin: no such file or folder"):
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


def test_a_table_that_a_spreadsheet_saved_is_read(table):
    """With a mark of UTF-8 before its first column (K11)."""
    expected = read_artefacts(table)
    table.write_bytes("\ufeff".encode() + table.read_bytes())
    assert read_artefacts(table) == expected


def test_what_is_filled_stays(table):
    found = Artefact(name="a.bin", url="elsewhere", version="v2", size=7, sha256=SHA256)
    assert record(table, found) == ["version", "size", "sha256"]
    other = Artefact(name="a.bin", url="x", version="v3", size=8, sha256="0" * 64)
    assert record(table, other) == []
    assert read_artefacts(table)["a.bin"].version == "v2"


def test_parallel_processes_lose_no_row(tmp_path):
    names = [f"f{number}" for number in range(24)]
    table = write_table(tmp_path / "t.csv", *((name, "u", "", "", "") for name in names))
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        found = [Artefact(name=n, url="u", version="v", size=1, sha256=SHA256) for n in names]
        pool.starmap(record, [(table, row) for row in found], 1)
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == names
    assert all(row["sha256"] == SHA256 for row in rows)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [("a", "u", "", "many", "")],
            r"line 2: size: Input .* integer.*, found 'many'",
        ),
        ([("a", "u", "", "1", "abc")], "line 2: sha256: String should match"),
        ([("a", "u", "", "", "")] * 2, "line 3: 'a' stands twice"),
        ([("a", "u", "", "", "", "more")], "line 2: further cells: Extra inputs"),
        ([("a/../../b", "u", "", "", "")], "line 2: name: String should match"),
    ],
)
def test_broken_tables(tmp_path, rows, message):
    with pytest.raises(UserError, match=message):
        read_artefacts(write_table(tmp_path / "t.csv", *rows))


def test_no_table(tmp_path):
    with pytest.raises(UserError, match="no such file, expected a table"):
        read_artefacts(tmp_path / "none.csv")


def test_an_unwritable_table_does_not_stop_a_download(table, tmp_path, monkeypatch, caplog):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("neuralsampleid.artefacts.table.write_text", refuse)
    assert obtain("a.bin", table, tmp_path / "a", patience=QUICK).checksum == "unrecorded"
    assert "nothing was recorded" in caplog.text


def test_records_come_back(tmp_path):
    obtained = Obtained("a", "u", None, reason="gone")
    write_record(tmp_path, obtained)
    assert read_record(tmp_path) == obtained


FOLDER = {
    "ext/samples.csv": b"id",
    "ext/annotations/S1.json": b"{}",
    "ext/annotations/S2.json": b"[]",
}


@pytest.fixture
def folder_table(tmp_path, site):
    site.files |= {Path(name).name: content for name, content in FOLDER.items()}
    rows = [(name, f"{site.url}/{name}", "c0ffee", "", "") for name in FOLDER]
    return write_table(tmp_path / "artefacts.csv", ("other", "u", "", "", ""), *rows)


def test_a_folder_comes_file_by_file_and_is_verified_the_next_time(folder_table, site, tmp_path):
    first = obtain("ext", folder_table, tmp_path / "one", patience=QUICK)
    assert (first.checksum, first.size, first.path) == ("recorded", 6, str(tmp_path / "one"))
    assert tree_bytes(tmp_path / "one") == {
        name.removeprefix("ext/"): content for name, content in FOLDER.items()
    }
    assert all(read_artefacts(folder_table)[name].sha256 for name in FOLDER)
    second = obtain("ext", folder_table, tmp_path / "two", patience=QUICK)
    assert (second.checksum, second.size) == ("verified", 6)
    site.files["S2.json"] = b"()"
    with pytest.raises(UserError, match=r"S2\.json: SHA-256 \w+, expected"):
        obtain("ext", folder_table, tmp_path / "three", optional=True, patience=QUICK)
    assert not (tmp_path / "three").exists()


def test_a_folder_goes_on_with_the_file_that_failed(folder_table, site, tmp_path):
    lost = site.files.pop("S2.json")
    missing = obtain("ext", folder_table, tmp_path / "got", optional=True, patience=QUICK)
    assert missing.path is None
    assert "S2.json: the server has no such file (404)" in missing.reason
    assert not (tmp_path / "got").exists()
    # What was changed while it waited is fetched again, what was not is kept.
    (tmp_path / "got.part/ext/samples.csv").write_bytes(b"no")
    site.files["S2.json"] = lost
    site.asked.clear()
    assert obtain("ext", folder_table, tmp_path / "got", patience=QUICK).size == 6
    assert len(site.asked) == 2
    assert (tmp_path / "got/samples.csv").read_bytes() == b"id"
    assert not (tmp_path / "got.part").exists()


def test_a_server_that_is_away_is_no_error_for_what_is_optional(folder_table, site, tmp_path):
    site.statuses = [503] * 2
    missing = obtain("ext", folder_table, tmp_path / "got", optional=True, patience=QUICK)
    assert missing.path is None
    assert "the server answers 503, 2 times in a row" in missing.reason
    site.statuses = [403]
    with pytest.raises(UserError, match="the server answers 403"):
        obtain("ext", folder_table, tmp_path / "got", patience=QUICK)


def test_a_users_folder_in_a_folder(folder_table, tmp_path):
    obtain("ext", folder_table, tmp_path / "mine/ext", patience=QUICK)

    def find():
        return obtain("ext", folder_table, tmp_path / "x", folder=tmp_path / "mine").checksum

    (tmp_path / "mine/ext/README.md").write_text("no part of it")
    assert find() == "verified"
    more = tmp_path / "mine/ext/annotations/S3.json"
    more.write_text("{}")
    assert find() == "differs"
    more.unlink()
    (tmp_path / "mine/ext/samples.csv").write_text("other")
    assert find() == "differs"
    (tmp_path / "mine/ext/samples.csv").unlink()
    assert find() == "differs"
    unknown = write_table(tmp_path / "empty.csv")
    found = obtain("ext", unknown, tmp_path / "x", folder=tmp_path / "mine")
    assert (found.checksum, found.path) == ("unrecorded", str(tmp_path / "mine/ext"))
    with pytest.raises(MissingFileError, match="nowhere/ext: no such file or folder"):
        obtain("ext", folder_table, tmp_path / "x", folder=tmp_path / "nowhere")


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared, which is not public")
def test_the_committed_table_knows_the_real_annotations(tmp_path):
    table = Path(__file__).parents[2] / "upstream/artefacts.csv"
    found = obtain("sample100-ext", table, tmp_path / "x", folder=SHARED)
    assert (found.checksum, found.size) == ("verified", 110403 + 15910 + 7566)
