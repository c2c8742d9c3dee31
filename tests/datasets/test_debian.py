"""Files out of Debian packages."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from helpers.debs import COMPRESSIONS, write_deb, zipped
from neuralsampleid.datasets.debian import WantedFile, extract
from neuralsampleid.errors import UserError

# Longer than a chunk, and hard to compress.
LONG = np.random.default_rng(1).bytes(1_200_001)
FILES = {"usr/share/a.ogg": LONG, "usr/share/b/c.ogg": b"short", "usr/share/d.txt": b"no music"}


def wanted(folder: Path, path: str, content: bytes) -> WantedFile:
    name = path.replace("!", "/").rpartition("/")[2]
    return WantedFile(path, hashlib.sha256(content).hexdigest(), folder / name)


def both(folder: Path) -> list[WantedFile]:
    return [wanted(folder, path, FILES[path]) for path in ("usr/share/b/c.ogg", "usr/share/a.ogg")]


@pytest.mark.parametrize("kind", COMPRESSIONS)
def test_wanted_files_alone_are_written(kind: str, tmp_path: Path):
    deb = write_deb(tmp_path / "a_1_all.deb", FILES, kind)
    files = both(tmp_path / "out")
    assert not any(file.is_there for file in files)
    found = extract(deb, files)
    assert found == {file.path: file.sha256 for file in files}
    assert all(file.is_there for file in files)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a.ogg", "c.ogg"}
    assert (tmp_path / "out/a.ogg").read_bytes() == LONG


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="Debian's own program writes this one")
@pytest.mark.parametrize("kind", ["xz", "gzip", "zstd"])
def test_packages_of_dpkg_are_read(kind: str, tmp_path: Path):
    for path, content in FILES.items():
        (tmp_path / "tree" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / path).write_bytes(content)
    control = "Package: a\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x>\nDescription: x\n"
    (tmp_path / "tree/DEBIAN").mkdir()
    (tmp_path / "tree/DEBIAN/control").write_text(control)
    deb = tmp_path / "a_1_all.deb"
    line = ["dpkg-deb", f"-Z{kind}", "--root-owner-group", "-b", str(tmp_path / "tree"), str(deb)]
    subprocess.run(line, check=True, capture_output=True)
    files = both(tmp_path / "out")
    assert extract(deb, files) == {file.path: file.sha256 for file in files}


def test_members_of_a_zip_in_a_package_are_written(tmp_path: Path):
    inner = zipped({"music/a.ogg": LONG, "music/b.ogg": b"b", "art/c.png": b"c"})
    deb = write_deb(tmp_path / "a_1_all.deb", {"usr/mod.zip": inner, "usr/z.ogg": b"z"})
    out = tmp_path / "out"
    files = [
        wanted(out, "usr/mod.zip!music/b.ogg", b"b"),
        wanted(out, "usr/mod.zip!music/a.ogg", LONG),
        wanted(out, "usr/mod.zip!music/none.ogg", b"b"),
        wanted(out, "usr/z.ogg", b"z"),
    ]
    found = extract(deb, files)
    assert [file.path in found for file in files] == [True, True, False, True]
    assert [path.name for path in sorted(out.iterdir())] == ["a.ogg", "b.ogg", "z.ogg"]


def test_another_file_is_told_and_not_written(tmp_path: Path):
    deb = write_deb(tmp_path / "a_1_all.deb", FILES)
    other = wanted(tmp_path / "out", "usr/share/a.ogg", b"expected")
    missing = wanted(tmp_path / "out", "usr/share/x.ogg", b"")
    assert extract(deb, [other, missing]) == {other.path: hashlib.sha256(LONG).hexdigest()}
    assert not list((tmp_path / "out").iterdir())


def test_what_is_no_whole_package_is_named(tmp_path: Path):
    files = both(tmp_path / "out")
    deb = tmp_path / "a_1_all.deb"
    with pytest.raises(UserError, match=r"a_1_all\.deb: no such file"):
        extract(deb, files)
    whole = write_deb(deb, FILES).read_bytes()
    for content in (b"PK odd", whole[: len(whole) // 2], whole[:100], b"!<arch>\n"):
        deb.write_bytes(content)
        with pytest.raises(UserError, match=r"a_1_all\.deb: cannot be read .*whole \.deb"):
            extract(deb, files)
    inner = {"usr/mod.zip": b"no zip"}
    with pytest.raises(UserError, match="cannot be read"):
        extract(write_deb(deb, inner), [wanted(tmp_path / "out", "usr/mod.zip!a.ogg", b"")])
    assert not [path for path in (tmp_path / "out").iterdir() if path.name == "a.ogg"]
