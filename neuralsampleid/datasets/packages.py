"""Getting files of Debian packages: from a folder of the user's, else by ``apt-get download``."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from neuralsampleid.datasets.debian import WantedFile, extract
from neuralsampleid.errors import UserError
from neuralsampleid.files import remove_leftovers

_LOG = logging.getLogger(__name__)


def obtain(
    package: str, wanted: Sequence[WantedFile], debs: Path | None, downloads: Path
) -> dict[WantedFile, str]:
    """Write the wanted files of a package that are not there yet.

    Every version that is at hand is looked into until none is missing. What apt has downloaded is
    removed after use. One that arrived whole before an interruption is not downloaded again; a part
    of one is, as apt does not go on from it.

    Args:
        package: its name.
        wanted: files of it.
        debs: folder with ``<package>_<version>_<architecture>.deb``; what lies there is not
            downloaded. None: all is.
        downloads: folder for apt.

    Returns:
        Each file → why it is not there; empty if it is.

    Raises:
        UserError: there is no package, or it is broken.
    """
    for folder in {file.target.parent for file in wanted}:
        remove_leftovers(folder, {file.target.name for file in wanted})
    reasons = dict.fromkeys(wanted, "")
    missing = [file for file in wanted if not file.is_there]
    versions = _versions(package, debs, downloads / package)
    while missing and (deb := next(versions, None)):
        found = extract(deb, missing)
        missing = [file for file in missing if found.get(file.path) != file.sha256]
        for file in wanted:
            reasons[file] = ""
        for file in missing:
            other = found.get(file.path)
            what = f"another file, SHA-256 {other}" if other else "no such file"
            reasons[file] = f"{deb.name} holds {what}"
            _LOG.warning("%s: %s at %s", package, reasons[file], file.path)
    shutil.rmtree(downloads / package, ignore_errors=True)
    return reasons


def _versions(package: str, debs: Path | None, downloads: Path) -> Iterator[Path]:
    """Packages of this name, one after another; those of apt exist until the next is asked for."""
    if debs is not None and not debs.is_dir():
        raise UserError(f"{debs}: no such folder, expected data.debs to be one with .deb files")
    own = sorted(debs.glob(f"{package}_*.deb"), reverse=True) if debs is not None else []
    yield from own
    if own:
        return
    instead = (
        f"{package}_*.deb of https://packages.debian.org/{package} in a folder that data.debs names"
    )
    if shutil.which("apt-get") is None:
        raise UserError(f"{package}: there is no apt-get on this machine, expected {instead}")
    listed = _apt("apt-cache", "madison", package).stdout.splitlines()
    versions = dict.fromkeys(line.split("|")[1].strip() for line in listed if line.count("|") == 2)
    if not versions:
        raise UserError(
            f"{package}: apt knows no such package, expected it after 'apt-get update' (as root) "
            f"or {instead}"
        )
    for version in versions:
        downloads.mkdir(parents=True, exist_ok=True)
        _LOG.info("%s %s: apt-get download", package, version)
        done = _apt("apt-get", "download", f"{package}={version}", folder=downloads)
        if done.returncode:
            errors = [line[3:] for line in done.stderr.splitlines() if line.startswith("E: ")]
            reason = " ".join((errors or done.stderr.split("\n"))[0].split())
            raise UserError(
                f"{package}: apt-get cannot download it ({reason}), expected a network or {instead}"
            )
        yield next(downloads.glob(f"{package}_{version.replace(':', '%3a')}_*.deb"))
        shutil.rmtree(downloads)


def _apt(*command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program of apt's; it ends with this process, lest two write into one file."""
    return subprocess.run(
        ["setpriv", "--pdeathsig", "TERM", *command],
        cwd=folder,
        env={**os.environ, "LC_ALL": "C"},
        check=False,
        capture_output=True,
        text=True,
    )
