"""Getting files of packages, from a folder or by apt (a stand-in for it)."""

import hashlib
import os
from pathlib import Path

import pytest

from helpers.debs import write_deb
from neuralsampleid.datasets.debian import WantedFile
from neuralsampleid.datasets.packages import obtain
from neuralsampleid.errors import UserError

# Knows the versions in $POOL; apt-get download copies one of them and counts.
APT = r"""#!/bin/sh
case "$1" in
madison)
    for deb in $(ls -r "$POOL" | grep "^$2_"); do
        echo " $2 | $(echo "$deb" | sed 's/[^_]*_//; s/_all.deb//; s/%3a/:/') | http://pool"
    done ;;
download)
    echo "$2" >> "$POOL/log"
    if [ -n "$BROKEN" ]; then printf "W: odd\nE: $BROKEN\n" >&2; exit 100; fi
    cp "$POOL/$(echo "$2" | sed 's/=/_/; s/:/%3a/')_all.deb" . ;;
esac
"""


@pytest.fixture
def pool(tmp_path, monkeypatch):
    """A folder of packages that apt knows."""
    pool = tmp_path / "pool"
    pool.mkdir()
    for name in ("apt-get", "apt-cache"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(APT)
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("POOL", str(pool))
    return pool


def wanted(folder: Path, *names: str) -> list[WantedFile]:
    digests = [hashlib.sha256(name.encode()).hexdigest() for name in names]
    return [
        WantedFile(f"usr/{name}.ogg", digest, folder / f"out/{name}.ogg")
        for name, digest in zip(names, digests, strict=True)
    ]


def package(folder: Path, version: str, **content: str) -> Path:
    files = {f"usr/{name}.ogg": text.encode() for name, text in content.items()}
    return write_deb(folder / f"tune_{version}_all.deb", files)


def log(pool: Path) -> list[str]:
    return (pool / "log").read_text().split() if (pool / "log").exists() else []


def test_apt_downloads_what_is_not_there_and_its_package_goes(pool, tmp_path):
    package(pool, "2%3a1.0", a="a", b="b")
    files = wanted(tmp_path, "a", "b")
    downloads = tmp_path / "downloads"
    assert set(obtain("tune", files, None, downloads).values()) == {""}
    assert all(file.is_there for file in files)
    assert not list(downloads.rglob("*.deb"))
    obtain("tune", files, None, downloads)
    assert log(pool) == ["tune=2:1.0"]  # not again
    files[0].target.write_text("spoiled")
    kept = files[1].target.stat().st_mtime_ns
    obtain("tune", files, None, downloads)
    assert len(log(pool)) == 2
    assert files[0].is_there
    assert files[1].target.stat().st_mtime_ns == kept


def test_every_version_is_looked_into_until_nothing_is_missing(pool, tmp_path):
    package(pool, "3", a="remixed", b="b")
    package(pool, "2", a="a")
    package(pool, "1", a="a")
    files = wanted(tmp_path, "a", "b")
    assert set(obtain("tune", files, None, tmp_path / "downloads").values()) == {""}
    assert log(pool) == ["tune=3", "tune=2"]


def test_the_users_folder_comes_first_and_differing_files_are_named(pool, tmp_path):
    package(pool, "9", a="a", b="b", c="c")
    package(tmp_path / "debs", "4", a="a", b="remixed")
    files = wanted(tmp_path, "a", "b", "c")
    reasons = list(obtain("tune", files, tmp_path / "debs", tmp_path / "downloads").values())
    digest = hashlib.sha256(b"remixed").hexdigest()
    assert reasons == [
        "",
        f"tune_4_all.deb holds another file, SHA-256 {digest}",
        "tune_4_all.deb holds no such file",
    ]
    assert not log(pool)


def test_what_a_killed_process_left_goes(pool, tmp_path):
    package(pool, "1", a="a")
    files = wanted(tmp_path, "a")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/.a.k3_x9d2a.ogg").write_text("half")
    obtain("tune", files, None, tmp_path / "downloads")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.ogg"]


def test_a_package_that_is_not_to_be_had_is_one_line_with_what_to_do(pool, tmp_path, monkeypatch):
    files, downloads = wanted(tmp_path, "a"), tmp_path / "downloads"
    with pytest.raises(
        UserError, match=r"tune: apt knows no such package.*apt-get update.*data\.debs"
    ):
        obtain("tune", files, None, downloads)
    package(pool, "1", a="a")
    monkeypatch.setenv("BROKEN", "Failed to fetch http://x  Could not resolve")
    pattern = (
        r"cannot download it \(Failed to fetch http://x Could not resolve\), expected a network"
    )
    with pytest.raises(UserError, match=pattern):
        obtain("tune", files, None, downloads)
    with pytest.raises(UserError, match=r"nowhere: no such folder, expected data\.debs"):
        obtain("tune", files, tmp_path / "nowhere", downloads)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"no apt-get on this machine, expected tune_\*\.deb"):
        obtain("tune", files, None, downloads)
