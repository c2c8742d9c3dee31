"""The published files: where each comes from, and whether it is the one that was used before.

A table (``upstream/artefacts.csv``: name, url, version, size in bytes, sha256; it may have a
further column sha1, for files whose authors tell only that) has a row per file. A
download must agree with what its row says; cells that are still empty are filled in on first use.
A user's own folder is another matter: its files are compared with the table and the report says
what differs, but they neither fill the table nor have to agree with it.

A published folder, such as the annotations, has a row ``<folder>/<path>`` for each of its files. No
archive of it could be checked: the servers that make one promise its content, but not its bytes.
"""

from __future__ import annotations

import csv
import fcntl
import io
import json
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from neuralsampleid.artefacts.download import (
    MissingFileError,
    Patience,
    UnavailableError,
    check_file,
    download,
)
from neuralsampleid.errors import UserError
from neuralsampleid.files import replacing_folder, write_json, write_text

COLUMNS = ("name", "url", "version", "size", "sha256")
_ALL_COLUMNS = (*COLUMNS, "sha1")

_RECORD = "record.json"
Checksum = Literal["verified", "recorded", "unrecorded", "differs"]
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Artefact:
    """A row of the table; what is not known is empty or None."""

    name: str
    url: str = ""
    version: str = ""
    size: int | None = None
    sha256: str | None = None
    sha1: str | None = None


@dataclass(frozen=True)
class Obtained:
    """What became of one published file, or of a folder as a whole."""

    name: str
    source: str  # URL or path
    path: str | None  # None: there is none, see reason
    version: str = ""
    size: int | None = None  # of all files of a folder
    sha256: str | None = None  # not of a folder
    checksum: Checksum | None = None
    reason: str = ""


def read_artefacts(table: Path) -> dict[str, Artefact]:
    """Read the table, by name.

    Raises:
        UserError: the file is missing or no such table.
    """
    artefacts = {}
    for line, row in enumerate(_read_rows(table), 2):
        where = f"{table}, line {line}"
        size, sha256 = row["size"], row["sha256"].lower()
        if size and not size.isdecimal():
            raise UserError(f"{where}: size is '{size}', expected a number of bytes")
        if sha256 and (len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef")):
            raise UserError(f"{where}: sha256 is '{sha256}', expected 64 hexadecimal digits")
        sha1 = row.get("sha1", "").lower()
        if sha1 and (len(sha1) != 40 or not set(sha1) <= set("0123456789abcdef")):
            raise UserError(f"{where}: sha1 is '{sha1}', expected 40 hexadecimal digits")
        if row["name"] in artefacts:
            raise UserError(f"{where}: '{row['name']}' stands twice, expected a row per file")
        if {"..", "/"} & set(PurePosixPath(row["name"]).parts):
            raise UserError(
                f"{where}: name is '{row['name']}', expected one that stays in its folder"
            )
        artefacts[row["name"]] = Artefact(
            row["name"],
            row["url"],
            row["version"],
            int(size) if size else None,
            sha256 or None,
            sha1 or None,
        )
    return artefacts


def obtain(
    name: str,
    table: Path,
    target: Path,
    *,
    folder: Path | None = None,
    part: Path | None = None,
    optional: bool = False,
    patience: Patience | None = None,
) -> Obtained:
    """Download a published file or folder, or find it in the user's folder.

    Args:
        name: of the file, or of the folder.
        table: ``artefacts.csv``; a download fills the empty cells of its row.
        target: where a download goes.
        folder: where to look instead; what is there stays there.
        part: where a download grows, by default ``<target>.part``.
        optional: what is not to be had is noted, not an error.
        patience: of a download.

    Raises:
        UserError: the file is not to be had and not optional, is a web page, or a download is not
            what the table says.
    """
    artefacts = read_artefacts(table)
    artefact = artefacts.get(name, Artefact(name))
    files = [row for row in artefacts.values() if row.name.startswith(f"{name}/")]
    source = str(folder / name) if folder is not None else artefact.url or str(table)
    part = part or target.with_name(f"{target.name}.part")
    try:
        if folder is not None and (files or (folder / name).is_dir()):
            return _find_folder(name, files, folder)
        if folder is not None:
            return _find(artefact, folder / name)
        if files:
            return _download_folder(name, files, table, target, part, patience)
        if not artefact.url:
            raise MissingFileError(f"{table}: no URL of '{name}', expected one")
        return _download(artefact, table, target, part, patience)
    except UnavailableError as error:
        if not optional:
            raise
        _LOG.warning("%s; the run goes on without it", error)
        return Obtained(name, source, None, reason=str(error))


def read_record(folder: Path) -> Obtained:
    """What ``write_record`` wrote."""
    return Obtained(**json.loads((folder / _RECORD).read_text(encoding="utf-8")))


def write_record(folder: Path, obtained: Obtained) -> None:
    """Write what became of a file into a folder of its own."""
    write_json(folder / _RECORD, asdict(obtained))


def record(table: Path, found: Artefact) -> list[str]:
    """Fill the empty cells of a file's row; what is filled stays as it is.

    Safe when several processes do it at once.

    Returns:
        The columns that were filled.

    Raises:
        UserError: the table has no row of that name.
        OSError: it cannot be written.
    """
    values = {
        "url": found.url,
        "version": found.version,
        "size": "" if found.size is None else str(found.size),
        "sha256": found.sha256 or "",
    }
    with _locked(table.parent):
        rows = _read_rows(table)
        row = next((row for row in rows if row["name"] == found.name), None)
        if row is None:
            raise UserError(f"{table}: no row of '{found.name}', expected one")
        filled = [column for column, value in values.items() if value and not row[column]]
        if filled:
            row.update({column: values[column] for column in filled})
            text = io.StringIO()
            writer = csv.DictWriter(text, list(row), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
            write_text(table, text.getvalue())
    return filled


def _find(artefact: Artefact, path: Path) -> Obtained:
    if not path.is_file():
        raise MissingFileError(f"{path}: no such file, expected the published one")
    sha256 = check_file(path, str(path))
    checksum: Checksum = "unrecorded"
    if artefact.sha256 is not None:
        checksum = "verified" if sha256 == artefact.sha256 else "differs"
    if checksum == "differs":
        _LOG.warning("%s: not the published file (SHA-256 %s)", path, sha256)
    version = artefact.version if checksum == "verified" else ""
    size = path.stat().st_size
    return Obtained(artefact.name, str(path), str(path), version, size, sha256, checksum)


def _find_folder(name: str, files: Sequence[Artefact], folder: Path) -> Obtained:
    """The user's copy; files of other kinds or in other places than the table's do not matter."""
    place = folder / name
    if not place.is_dir():
        raise MissingFileError(f"{place}: no such folder, expected the published one")
    known = {folder / row.name: row for row in files}
    kinds = {(path.parent, path.suffix) for path in known}
    there = [
        path
        for path in sorted(place.rglob("*"))
        if path.is_file() and (not known or (path.parent, path.suffix) in kinds)
    ]
    found = [_find(known.get(path, Artefact(path.name)), path) for path in there]
    others = [str(path) for path in sorted(set(known) ^ set(there))] if known else []
    if others:
        _LOG.warning("%s: %d files too many or too few: %s", place, len(others), ", ".join(others))
    return _together(name, str(place), place, found, differs=bool(others))


def _together(
    name: str, source: str, path: Path, files: Sequence[Obtained], differs: bool = False
) -> Obtained:
    """A folder is verified if every file is, and else what the worst of them is."""
    found = {file.checksum for file in files} | ({"differs"} if differs else set())
    order: tuple[Checksum, ...] = ("differs", "unrecorded", "recorded", "verified")
    checksum = next((state for state in order if state in found), None)
    size = sum(file.size or 0 for file in files)
    return Obtained(name, source, str(path), size=size, checksum=checksum)


def _download_folder(
    name: str,
    files: Sequence[Artefact],
    table: Path,
    target: Path,
    part: Path,
    patience: Patience | None,
) -> Obtained:
    """All files or none; those that have arrived wait in ``part`` for the others."""
    arrived = []
    for file in files:
        path = part / file.name
        if path.exists() and file.sha256 is not None:
            try:
                check_file(path, str(path), sha256=file.sha256, size=file.size)
            except UserError:
                path.unlink()
        if path.exists():
            arrived.append(_find(file, path))
        else:
            arrived.append(
                _download(file, table, path, path.with_name(f"{path.name}.part"), patience)
            )
    with replacing_folder(target) as temporary:
        for file in files:
            place = temporary / PurePosixPath(file.name).relative_to(name)
            place.parent.mkdir(parents=True, exist_ok=True)
            (part / file.name).replace(place)
    shutil.rmtree(part)
    return _together(name, f"{len(files)} files of {table.name}", target, arrived)


def _download(
    artefact: Artefact, table: Path, target: Path, part: Path | None, patience: Patience | None
) -> Obtained:
    arrived = download(
        artefact.url,
        target,
        part=part,
        sha256=artefact.sha256,
        size=artefact.size,
        sha1=artefact.sha1,
        patience=patience,
    )
    checksum: Checksum = "recorded" if artefact.sha256 is None else "verified"
    version = arrived.version or artefact.version
    found = Artefact(artefact.name, artefact.url, version, arrived.size, arrived.sha256)
    try:
        filled = record(table, found)
    except OSError as error:
        checksum = "unrecorded" if checksum == "recorded" else checksum
        _LOG.warning("%s: cannot be written (%s); nothing was recorded", table, error.strerror)
    else:
        if filled:
            _LOG.warning(
                "%s: recorded %s of '%s' on first use; commit the file to verify later downloads",
                *(table, ", ".join(filled), artefact.name),
            )
    return Obtained(
        artefact.name,
        artefact.url,
        str(target),
        version,
        arrived.size,
        arrived.sha256,
        checksum,
    )


def _read_rows(table: Path) -> list[dict[str, str]]:
    try:
        with table.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except FileNotFoundError as error:
        raise UserError(f"{table}: no such file, expected columns {', '.join(COLUMNS)}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{table}: not a CSV table ({error})") from error
    if tuple(reader.fieldnames or ()) not in {COLUMNS, _ALL_COLUMNS} or any(
        None in row or None in row.values() for row in rows
    ):
        raise UserError(f"{table}: columns differ, expected {', '.join(COLUMNS)} in every row")
    return rows


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; it goes with its process and leaves no file behind."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
