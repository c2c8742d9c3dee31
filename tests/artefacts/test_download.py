"""Downloads from a real server that breaks off, lies, and comes back."""

import hashlib
import json
import random

import pytest

from helpers.file_server import serving
from neuralsampleid.artefacts.download import MissingFileError, Patience, download
from neuralsampleid.errors import UserError

CONTENT = random.Random(1).randbytes(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
QUICK = Patience(attempts=3, first_wait_s=0.001, longest_wait_s=0.01, timeout_s=5)


@pytest.fixture
def site():
    with serving() as running:
        running.files["a.bin"] = CONTENT
        yield running


@pytest.fixture
def fetch(site, tmp_path):
    def run(name="a.bin", **options):
        options = {"patience": QUICK, **options}
        return download(f"{site.url}/{name}", tmp_path / "got" / "a.bin", **options)

    return run


def test_a_file_arrives_whole(fetch, tmp_path):
    got = fetch(sha256=SHA256, size=len(CONTENT))
    assert got.path.read_bytes() == CONTENT
    assert (got.size, got.sha256, got.version) == (len(CONTENT), SHA256, "")
    assert [path.name for path in (tmp_path / "got").iterdir()] == ["a.bin"]


@pytest.mark.parametrize("tagged", [True, False])
def test_a_broken_connection_is_resumed(fetch, site, tagged):
    site.break_after, site.tagged = [1_000_000, 500_000, 0, 0], tagged
    assert fetch().path.read_bytes() == CONTENT
    assert site.asked == ["", "bytes=1000000-", *["bytes=1500000-"] * 3]


def test_a_later_run_resumes(fetch, site, tmp_path):
    site.break_after = [1_000_000, 0, 0, 0]
    with pytest.raises(UserError, match=r"before byte 3000000, 3 times in a row; 1000000 bytes"):
        fetch()
    assert not (tmp_path / "got/a.bin").exists()
    assert fetch(sha256=SHA256).sha256 == SHA256
    assert site.asked[-1] == "bytes=1000000-"


def test_without_ranges_it_begins_again(fetch, site):
    site.break_after, site.ranges = [1_000_000], False
    assert fetch().sha256 == SHA256


def test_a_file_that_changed_meanwhile_is_not_pieced_together(fetch, site):
    site.break_after = [1_000_000, 0, 0, 0]
    with pytest.raises(UserError, match="times in a row"):
        fetch()
    site.files["a.bin"] = other = CONTENT[::-1] + b"longer"
    assert fetch().path.read_bytes() == other
    site.tagged = False


def test_a_part_of_something_else_is_dropped(fetch, tmp_path):
    part = tmp_path / "part"
    for stale in (b"x" * 1000, b"x" * len(CONTENT), b"x" * (len(CONTENT) + 1)):
        part.write_bytes(stale)
        assert fetch(part=part, sha256=SHA256).path.read_bytes() == CONTENT
        assert not part.exists()
    part.write_bytes(CONTENT[:1000])
    part.with_name("part.json").write_text(json.dumps({"url": "http://elsewhere/", "total": 5}))
    assert fetch(part=part).sha256 == SHA256


def test_passing_errors_are_retried_and_lasting_ones_are_not(fetch, site):
    site.statuses = [503, 429]
    assert fetch().sha256 == SHA256
    site.statuses = [500] * 3
    with pytest.raises(UserError, match="the server answers 500, 3 times in a row"):
        fetch()
    site.asked.clear()
    site.statuses = [403]
    with pytest.raises(UserError, match="the server answers 403"):
        fetch()
    with pytest.raises(MissingFileError, match=r"no such file \(404\)"):
        fetch("b.bin")
    assert len(site.asked) == 2


def test_a_web_page_is_named_as_such(fetch, site, tmp_path):
    page = b"\n<!DOCTYPE html><html><body>blob</body></html>"
    site.files |= {"said.bin": page, "unsaid.bin": page}
    site.pages = {"said.bin"}
    for name in ("said.bin", "unsaid.bin"):
        with pytest.raises(UserError, match=r"a web page \(HTML\) in place of the file"):
            fetch(name)
    assert not list((tmp_path / "got").glob("*"))


def test_wrong_checksum_and_size(fetch, tmp_path):
    with pytest.raises(UserError, match=f"SHA-256 {SHA256}, expected 00"):
        fetch(sha256="00" * 32)
    with pytest.raises(UserError, match="3000000 bytes, expected 7"):
        fetch(size=7)
    assert not list((tmp_path / "got").glob("*"))


def test_the_hub_says_version_and_checksum(fetch, site):
    got = fetch("hub/a.bin")
    assert (got.version, got.sha256) == ("c0ffee", SHA256)
    site.break_after = [10]
    assert fetch("hub/a.bin").sha256 == SHA256


def test_nobody_there(tmp_path):
    with serving() as gone:
        url = gone.url
    with pytest.raises(UserError, match="the connection failed"):
        download(f"{url}/a", tmp_path / "a", patience=QUICK)
    with pytest.raises(UserError, match="expected an address that begins with https"):
        download("file:///etc/passwd", tmp_path / "a", patience=QUICK)
