"""Unpacking an archive that anyone may have made."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

from neuralsampleid.errors import UserError
from neuralsampleid.files import replacing_folder

_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
_CLASHES = (FileExistsError, IsADirectoryError, NotADirectoryError)  # a member inside another


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a ZIP archive; the folder appears once everything is in it.

    Nothing lands outside the folder: ``zipfile`` drops drives and ``..`` from the members' names,
    and writes links as plain files.

    Args:
        archive: a ZIP file.
        folder: where its members go; one that exists is replaced.

    Raises:
        UserError: the archive is missing or broken, or needs a password.
    """
    try:
        with zipfile.ZipFile(archive) as content, replacing_folder(folder) as temporary:
            content.extractall(temporary)
    except FileNotFoundError as error:
        raise UserError(f"{archive}: no such file, expected a ZIP archive") from error
    except (*_BROKEN, *_CLASHES) as error:
        raise UserError(f"{archive}: cannot be unpacked ({error}), expected a ZIP file") from error
