"""The SQLite file of a library: opened for reading or for changes, its errors told in one line."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pydantic import ValidationError

from neuralsampleid.errors import UserError
from neuralsampleid.library.schema import LibraryInfo

FILE, _FORMER = "library.sqlite", "collection.sqlite"
PATIENCE_S = 60.0  # while another process reads or writes
_ANEW = "delete the folder and make it anew with nsid index"
# SQLite's error codes → what happened, and what to do; any other: the file is damaged.
_TROUBLE = {
    5: "another program is using it; try again when that has finished",
    6: "another program is using it; try again when that has finished",
    10: "the disk cannot be read or written; check the disk and try again",
    13: "the disk is full; make room and start nsid index again, it goes on where it was",
    **dict.fromkeys((3, 8, 14, 23), "it cannot be opened or changed; check who may use the file"),
}


def is_library(folder: Path) -> bool:
    """Whether a library of this version lies there."""
    return (folder / FILE).is_file()


@contextmanager
def reading(folder: Path) -> Iterator[tuple[sqlite3.Connection, LibraryInfo]]:
    """A library's table, and what it says of itself; all that is read is of one moment."""
    with connected(folder) as table, table:
        table.execute("BEGIN")
        yield table, info_in(folder, table)


@contextmanager
def connected(folder: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a library's file.

    Raises:
        UserError: the folder is no library, or what SQLite says.
    """
    if not is_library(folder):
        refuse_former(folder)
        raise UserError(f"{folder}: no library, expected one that nsid index made")
    with (
        explaining(folder),
        closing(sqlite3.connect(folder / FILE, timeout=PATIENCE_S)) as table,
    ):
        yield table


@contextmanager
def explaining(folder: Path) -> Iterator[None]:
    """Says in one line what SQLite's errors mean."""
    try:
        yield
    except sqlite3.Error as error:
        trouble = _TROUBLE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
        said = damaged(folder) if trouble is None else f"{folder / FILE}: {trouble}"
        raise UserError(said) from error


def damaged(folder: Path) -> str:
    """What to say of a library that cannot be read."""
    return f"{folder / FILE}: damaged, so that it cannot be read; {_ANEW}"


def refuse_former(folder: Path) -> None:
    """Refuse a library of a version that had another file.

    Raises:
        UserError: it is one.
    """
    if (folder / _FORMER).is_file():
        raise UserError(f"{folder}: a library of an older version; {_ANEW}")


def info_in(folder: Path, table: sqlite3.Connection) -> LibraryInfo:
    """What a library says of itself.

    Raises:
        UserError: it is damaged, or of another version.
    """
    (text,) = table.execute("SELECT json FROM info").fetchone() or (None,)
    if not isinstance(text, str):
        raise UserError(damaged(folder))
    try:
        return LibraryInfo.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        raise UserError(
            f"{folder}: a library of another version ({place}: {problem['msg']}); {_ANEW}"
        ) from error
