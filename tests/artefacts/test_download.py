"""Downloads from a real server that breaks off, lies, and comes back."""

import hashlib
import random

import pytest

from helpers.file_server import serving
from neuralsampleid.artefacts.download import Artefact, MissingFileError, Patience, download
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
    def run(name="a.bin", **known):
        artefact = Artefact(name="a.bin", url=f"{site.url}/{name}", **known)
        found = download(artefact, tmp_path / "got" / "a.bin", QUICK)
        assert found.sha256 == hashlib.sha256((tmp_path / "got/a.bin").read_bytes()).hexdigest()
        return found

    return run


def test_a_file_arrives_whole(fetch, tmp_path):
    got = fetch(sha256=SHA256, size=len(CONTENT))
    assert (got.size, got.sha256, got.version) == (len(CONTENT), SHA256, "")
    assert [path.name for path in (tmp_path / "got").iterdir()] == ["a.bin"]


def test_a_file_that_is_there_is_not_fetched_again(fetch, site, tmp_path):
    assert fetch(sha256=SHA256) == fetch(sha256=SHA256).model_copy(update={"size": len(CONTENT)})
    assert site.asked == [""]
    (tmp_path / "got/a.bin").write_bytes(b"other")
    assert fetch(sha256=SHA256).sha256 == SHA256


@pytest.mark.parametrize(("tagged", "known"), [(True, {}), (False, {"sha256": SHA256})])
def test_a_broken_connection_is_resumed(fetch, site, tagged, known):
    site.break_after, site.tagged = [1_000_000, 500_000, 0, 0], tagged
    assert fetch(**known).sha256 == SHA256
    assert site.asked == ["", "bytes=1000000-", *["bytes=1500000-"] * 3]


def test_where_nothing_would_tell_another_file_it_begins_again(fetch, site):
    site.break_after, site.tagged = [1_000_000], False
    assert fetch().sha256 == SHA256
    assert site.asked == ["", ""]


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
    assert fetch().sha256 == hashlib.sha256(other).hexdigest()


def test_a_part_of_something_else_is_dropped(fetch, tmp_path):
    (tmp_path / "got").mkdir()
    part = tmp_path / "got/a.bin.part"
    for stale in (b"x" * 1000, b"x" * len(CONTENT), b"x" * (len(CONTENT) + 1)):
        (tmp_path / "got/a.bin").unlink(missing_ok=True)
        part.write_bytes(stale)
        assert fetch(sha256=SHA256).sha256 == SHA256
        assert not part.exists()


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
    with pytest.raises(UserError, match="size 3000000, expected 7"):
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
        download(Artefact(name="a", url=f"{url}/a"), tmp_path / "a", QUICK)
    with pytest.raises(UserError, match="expected an address that begins with https"):
        download(Artefact(name="a", url="file:///etc/passwd"), tmp_path / "a", QUICK)
