"""Unpacking an archive that anyone may have made."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath

from neuralsampleid.errors import UserError
from neuralsampleid.files import replacing_folder

_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a ZIP archive; the folder appears once everything is in it.

    Nothing is unpacked if one member would land outside the folder or is a link.

    Args:
        archive: a ZIP file.
        folder: where its members go; one that exists is replaced.

    Raises:
        UserError: the archive is missing or broken, needs a password, or holds such a member.
    """
    try:
        with zipfile.ZipFile(archive) as content, replacing_folder(folder) as temporary:
            members = content.infolist()
            for member in members:
                _check(member, archive)
            for member in members:
                target = temporary / member.filename
                if member.is_dir():
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                with content.open(member) as source, target.open("xb") as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)
    except FileNotFoundError as error:
        raise UserError(f"{archive}: no such file, expected a ZIP archive") from error
    except FileExistsError as error:
        raise UserError(f"{archive}: holds a member twice, expected each once") from error
    except _BROKEN as error:
        raise UserError(f"{archive}: cannot be unpacked ({error}), expected a ZIP file") from error


def find_fingerprints(folder: Path) -> Path:
    """The one folder in or below ``folder`` that holds ``ref_db.mm``.

    Raises:
        UserError: there is none, or there are several.
    """
    found = sorted(path.parent for path in folder.rglob("ref_db.mm"))
    if len(found) != 1:
        raise UserError(f"{folder}: {len(found)} folders with ref_db.mm, expected one")
    return found[0]


def _check(member: zipfile.ZipInfo, archive: Path) -> None:
    name = member.filename
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    if posix.is_absolute() or windows.drive or windows.root or ".." in windows.parts or not name:
        raise UserError(f"{archive}: member '{name}' would be written outside its folder")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UserError(f"{archive}: member '{name}' is a link or a device, expected plain files")
