"""The table of files that others have published, and how a run gets one of them.

A table (``upstream/artefacts.csv``, ``config/fma.csv``) has a row per file: name, url, version,
size in bytes, sha256, and perhaps sha1, for files whose authors tell only that. A download must
agree with what its row says; cells that are still empty are filled in on first use. In a user's
folder files are compared with the table and noted as equal or not.

Rows named ``<folder>/…`` make up a folder, which is had whole or not at all.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from filelock import FileLock
from pydantic import ValidationError

from neuralsampleid.artefacts.download import (
    Artefact,
    MissingFileError,
    Patience,
    UnavailableError,
    check_file,
    download,
)
from neuralsampleid.errors import UserError
from neuralsampleid.files import write_json, write_text

_RECORD = "record.json"
Checksum = Literal["differs", "unrecorded", "recorded", "verified"]
_ORDER: tuple[Checksum, ...] = get_args(Checksum)  # from the worst to the best
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Obtained:
    """What became of one file, or of a folder as a whole."""

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
    artefacts: dict[str, Artefact] = {}
    for line, row in enumerate(_read_rows(table), 2):
        try:
            artefact = Artefact.model_validate({key: cell for key, cell in row.items() if cell})
        except ValidationError as error:
            wrong = error.errors()[0]
            key = ".".join(map(str, wrong["loc"]))
            raise UserError(
                f"{table}, line {line}: {key}: {wrong['msg']}, found {wrong['input']!r}"
            ) from error
        if artefact.name in artefacts:
            raise UserError(f"{table}, line {line}: '{artefact.name}' stands twice, expected once")
        artefacts[artefact.name] = artefact
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
    """Download a file or a folder of files, or find it in the user's folder.

    Args:
        name: of the file, or of the folder.
        table: ``artefacts.csv``; a download fills the empty cells of its row.
        target: where a download goes.
        folder: where to look instead; what is there stays there.
        part: the folder where a download grows, by default ``<target>.part``.
        optional: what is not to be had is noted, not an error.
        patience: of a download.

    Raises:
        UserError: the file is not to be had and not optional, is a web page, or a download is not
            what the table says.
    """
    artefacts = read_artefacts(table)
    files = [row for row in artefacts.values() if f"{row.name}/".startswith(f"{name}/")]
    try:
        if folder is not None:
            return _find(name, files, folder)
        part = part or target.with_name(f"{target.name}.part")
        return _download(name, files, table, target, part, patience)
    except UnavailableError as error:
        if not optional:
            raise
        _LOG.warning("%s; the run goes on without it", error)
        source = str(table if folder is None else folder / name)
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
        OSError: the table cannot be written.
    """
    values = found.model_dump(include={"version", "size", "sha256"})
    with FileLock(table.with_name(f".{table.name}.lock")):
        rows = _read_rows(table)
        row = next(row for row in rows if row["name"] == found.name)
        filled = [column for column, value in values.items() if value and not row[column]]
        if filled:
            row |= {column: str(values[column]) for column in filled}
            text = io.StringIO()
            writer = csv.DictWriter(text, list(row), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
            write_text(table, text.getvalue())
    return filled


def _find(name: str, files: Sequence[Artefact], folder: Path) -> Obtained:
    """The user's copy; files of other kinds or in other places than the table's do not matter."""
    place = folder / name
    if not place.exists():
        raise MissingFileError(f"{place}: no such file or folder")
    known = {folder / row.name: row for row in files}
    kinds = {(path.parent, path.suffix) for path in known}
    there = [
        path
        for path in ([place] if place.is_file() else sorted(place.rglob("*")))
        if path.is_file() and (not known or (path.parent, path.suffix) in kinds)
    ]
    found = [_compare(known.get(path, Artefact(name=name)), path) for path in there]
    others = [str(path) for path in sorted(set(known) ^ set(there))] if known else []
    if others:
        _LOG.warning("%s: %d files too many or too few: %s", place, len(others), ", ".join(others))
    return _together(name, str(place), place, found, differs=bool(others))


def _compare(known: Artefact, path: Path) -> tuple[Artefact, Checksum]:
    sha256, size = check_file(path, str(path), Artefact(name=known.name)), path.stat().st_size
    found = known.model_copy(update={"size": size, "sha256": sha256})
    if sha256 == known.sha256:
        return found, "verified"
    if known.sha256 is not None:
        _LOG.warning("%s: not the recorded file (SHA-256 %s)", path, sha256)
    return found.model_copy(update={"version": ""}), "differs" if known.sha256 else "unrecorded"


def _download(
    name: str,
    files: Sequence[Artefact],
    table: Path,
    target: Path,
    part: Path,
    patience: Patience | None,
) -> Obtained:
    """All files or none; those that have arrived wait in ``part`` for the others."""
    if not files or not all(file.url for file in files):
        raise MissingFileError(f"{table}: no URL of '{name}', expected one")
    arrived: list[tuple[Artefact, Checksum]] = []
    for file in files:
        found = download(file, part / file.name, patience)
        recorded: Checksum = "recorded" if _record_or_tell(table, found) else "unrecorded"
        arrived.append((found, "verified" if file.sha256 else recorded))
    target.parent.mkdir(parents=True, exist_ok=True)
    (part / name).replace(target)
    shutil.rmtree(part)
    source = files[0].url if files[0].name == name else f"{len(files)} files of {table.name}"
    return _together(name, source, target, arrived)


def _record_or_tell(table: Path, found: Artefact) -> bool:
    """Note what is new about a file; a table that cannot be written is no reason to stop."""
    try:
        filled = record(table, found)
    except OSError as error:
        _LOG.warning("%s: cannot be written (%s); nothing was recorded", table, error.strerror)
        return False
    if filled:
        _LOG.warning(
            "%s: recorded %s of '%s' on first use; commit the file to verify later downloads",
            *(table, ", ".join(filled), found.name),
        )
    return True


def _together(
    name: str,
    source: str,
    path: Path,
    files: Sequence[tuple[Artefact, Checksum]],
    differs: bool = False,
) -> Obtained:
    """One record of a file, or of a folder's files, which is what the worst of them is."""
    states = [checksum for _, checksum in files]
    checksum = "differs" if differs else min(states, key=_ORDER.index, default=None)
    if path.is_file():
        file = files[0][0]
        return Obtained(name, source, str(path), file.version, file.size, file.sha256, checksum)
    size = sum(file.size or 0 for file, _ in files)
    return Obtained(name, source, str(path), size=size, checksum=checksum)


def _read_rows(table: Path) -> list[dict[str, str]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file, restkey="further cells"))
    except FileNotFoundError as error:
        raise UserError(f"{table}: no such file, expected a table of files") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{table}: not a CSV table ({error})") from error
