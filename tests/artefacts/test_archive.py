"""Archives: plain ones are unpacked, and none writes outside its folder."""

import stat
import zipfile

import numpy as np
import pytest

from neuralsampleid.artefacts.archive import unpack
from neuralsampleid.errors import UserError


def archive(path, *members):
    """A ZIP file of (name or ZipInfo, content)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)
    return path


def test_unpacking(tmp_path):
    source = archive(
        tmp_path / "a.zip",
        ("fingerprints/", b""),
        ("fingerprints/ref_db.mm", b"1234"),
        ("fingerprints/ref_nmatrix/T1.npy", b"5"),
    )
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("replaced")
    unpack(source, tmp_path / "out")
    assert (tmp_path / "out/fingerprints/ref_db.mm").read_bytes() == b"1234"
    assert (tmp_path / "out/fingerprints/ref_nmatrix/T1.npy").read_bytes() == b"5"
    assert not (tmp_path / "out" / "old").exists()


@pytest.mark.parametrize(
    "name",
    ["../evil", "a/../../evil", "/tmp/evil", "C:/evil", "C:evil", "..\\evil", "\\\\host\\evil"],
)
def test_no_member_lands_outside_the_folder(tmp_path, name):
    member = zipfile.ZipInfo("x")
    member.filename = name
    source = archive(tmp_path / "a.zip", ("good", b"1"), (member, b"2"))
    unpack(source, tmp_path / "folder/out")
    files = {path for path in tmp_path.rglob("*") if path.is_file()}
    (evil,) = files - {source, tmp_path / "folder/out/good"}
    assert evil.is_relative_to(tmp_path / "folder/out")


def test_a_link_becomes_a_plain_file(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    unpack(archive(tmp_path / "a.zip", (link, b"/etc")), tmp_path / "out")
    assert not (tmp_path / "out/link").is_symlink()
    assert (tmp_path / "out/link").read_bytes() == b"/etc"
    through = archive(tmp_path / "b.zip", (link, b"/etc"), ("link/passwd", b"2"))
    with pytest.raises(UserError, match="cannot be unpacked"):
        unpack(through, tmp_path / "through")
    assert not (tmp_path / "through").exists()


def test_broken_archives(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        unpack(tmp_path / "missing.zip", tmp_path / "out")
    (tmp_path / "page.zip").write_text("<html>")
    with pytest.raises(UserError, match="cannot be unpacked"):
        unpack(tmp_path / "page.zip", tmp_path / "out")
    noise = np.random.default_rng(0).bytes(1000)
    whole = archive(tmp_path / "a.zip", ("x", noise)).read_bytes()
    for place in (40, 500):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        (tmp_path / "damaged.zip").write_bytes(damaged)
        with pytest.raises(UserError, match="cannot be unpacked"):
            unpack(tmp_path / "damaged.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()
