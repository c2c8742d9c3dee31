"""A catalogue of a person's own music: fingerprints that are added and forgotten track by track.

One folder: ``collection.sqlite`` says which files there are, which rows belong to each, and what
made them; ``rows-<n>.f32`` holds the rows themselves, float32 (row, 1 + d): the segment's start in
seconds and its embedding. Silent segments are left out. Only what the table names exists: rows
are written and on the disk before the table knows them, so a process that is killed loses the
track it was at and nothing else. Files with the same content share their rows. What forgotten
files leave is given back once it is more than a quarter.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neuralsampleid.errors import UserError

FORMAT = 1
_TABLE, _LOCK = "collection.sqlite", ".lock"
_COPIED_ROWS = 1 << 14  # at once, while the rows are packed anew
_SCHEMA = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE contents (
    sha256 TEXT PRIMARY KEY, first_row INTEGER NOT NULL, rows INTEGER NOT NULL,
    seconds REAL NOT NULL
);
CREATE TABLE files (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, modified_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL REFERENCES contents
);
CREATE INDEX files_by_content ON files (sha256);
"""


@dataclass(frozen=True)
class File:
    """What is known of a file without reading it."""

    path: str  # relative to the collection's folder
    size: int  # bytes
    modified_ns: int


@dataclass(frozen=True)
class Collection:
    """What is in a catalogue; the rows stay on the disk until they are used."""

    folder: Path
    about: dict[str, Any]
    rows: npt.NDArray[np.float32]  # (rows, 1 + d), memory-mapped
    paths: list[list[str]]  # of each track, the files that hold it
    sha256: list[str]  # of each track
    first_row: npt.NDArray[np.int64]  # (tracks,), ascending
    row_count: npt.NDArray[np.int64]  # (tracks,)
    seconds: npt.NDArray[np.float64]  # (tracks,)


def open_collection(folder: Path) -> Collection:
    """Open a catalogue for reading, as it is now.

    Raises:
        UserError: the folder is no catalogue, or one of another version.
    """
    with closing(_connected(folder)) as table, table:
        table.execute("BEGIN")
        about = _about(folder, table)
        tracks = table.execute(
            "SELECT sha256, first_row, rows, seconds FROM contents ORDER BY first_row, sha256"
        ).fetchall()
        paths: dict[str, list[str]] = {track[0]: [] for track in tracks}
        for path, sha256 in table.execute("SELECT path, sha256 FROM files ORDER BY path"):
            paths[sha256].append(path)
        (end,) = table.execute(_END).fetchone()
        rows = _mapped(folder, about, end)
    columns = list(zip(*tracks, strict=True)) or [(), (), (), ()]
    return Collection(
        folder,
        about,
        rows,
        [paths[sha256] for sha256 in columns[0]],
        list(columns[0]),
        np.array(columns[1], np.int64),
        np.array(columns[2], np.int64),
        np.array(columns[3], float),
    )


_END = "SELECT COALESCE(MAX(first_row + rows), 0) FROM contents"


def create_collection(folder: Path, about: dict[str, Any]) -> None:
    """Make an empty catalogue.

    Args:
        folder: must not exist or be empty.
        about: what JSON can say; ``embedding_size`` is needed.

    Raises:
        UserError: the folder holds something else.
    """
    temporary = folder / f".{_TABLE}"
    started = {temporary, folder / f"{temporary.name}-journal"}  # by a process that was killed
    if folder.exists() and (not folder.is_dir() or set(folder.iterdir()) - started):
        raise UserError(f"{folder}: exists and is no catalogue, expected a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    for path in started:
        path.unlink(missing_ok=True)
    with closing(sqlite3.connect(temporary)) as table, table:
        table.executescript(_SCHEMA)
        everything = {**about, "format": FORMAT, "generation": 0}
        lines = [(name, json.dumps(value)) for name, value in everything.items()]
        table.executemany("INSERT INTO about VALUES (?, ?)", lines)
    temporary.replace(folder / _TABLE)


def is_collection(folder: Path) -> bool:
    """Whether a catalogue lies there."""
    return (folder / _TABLE).is_file()


class CollectionWriter:
    """Changes a catalogue; see ``changing_collection``."""

    def __init__(self, folder: Path, table: sqlite3.Connection) -> None:
        self._folder = folder
        self._table = table
        self.about = _about(folder, table)

    def files(self) -> dict[str, File]:
        """All files, by path."""
        rows = self._table.execute("SELECT path, size, modified_ns FROM files")
        return {row[0]: File(*row) for row in rows}

    def has_content(self, sha256: str) -> bool:
        found = self._table.execute("SELECT 1 FROM contents WHERE sha256 = ?", (sha256,))
        return found.fetchone() is not None

    def add_content(
        self,
        sha256: str,
        starts_s: npt.NDArray[np.float64],
        embeddings: npt.NDArray[np.float32],
        seconds: float,
    ) -> None:
        """Add a track's sounding segments; ``add_file`` must follow before anything else.

        Args:
            sha256: of the file.
            starts_s: (segments,), ascending.
            embeddings: (segments, d).
            seconds: how long the track is.
        """
        rows = np.column_stack([starts_s, embeddings]).astype("<f4")
        if rows.shape[1] != 1 + self.about["embedding_size"] or not np.isfinite(rows).all():
            raise ValueError(f"{sha256}: rows of shape {rows.shape}, or not finite")
        (first,) = self._table.execute(_END).fetchone()
        with _rows_path(self._folder, self.about).open("r+b") as file:
            file.seek(first * rows.itemsize * rows.shape[1])
            file.write(rows.tobytes())
            file.flush()
            os.fsync(file.fileno())
        line = (sha256, first, len(rows), seconds)
        self._table.execute("INSERT INTO contents VALUES (?, ?, ?, ?)", line)

    def add_file(self, file: File, sha256: str) -> None:
        """Say that a file has a content that is there; from now on nothing takes it away."""
        line = (file.path, file.size, file.modified_ns, sha256)
        self._table.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", line)
        self._table.commit()

    def forget(self, paths: Sequence[str]) -> None:
        """Take files away."""
        self._table.executemany("DELETE FROM files WHERE path = ?", [(path,) for path in paths])
        self._table.commit()

    def contents(self) -> str:
        """A digest of all contents: it changes when a track comes or goes."""
        rows = self._table.execute("SELECT sha256 FROM contents ORDER BY sha256")
        return hashlib.sha256("".join(row[0] for row in rows).encode()).hexdigest()

    def note(self, name: str, value: object) -> None:
        """Write down something about the catalogue; anything that JSON can say."""
        line = (name, json.dumps(value))
        self._table.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", line)
        self._table.commit()
        self.about[name] = value

    def tidy(self) -> None:
        """Take contents without a file away, and pack the rows if a quarter of them is unused."""
        self._table.execute("DELETE FROM contents WHERE sha256 NOT IN (SELECT sha256 FROM files)")
        self._table.commit()
        (end,) = self._table.execute(_END).fetchone()
        (used,) = self._table.execute("SELECT COALESCE(SUM(rows), 0) FROM contents").fetchone()
        if 4 * used < 3 * end:
            self._pack(end)
        for path in self._folder.glob("rows-*.f32"):
            if path != _rows_path(self._folder, self.about):
                path.unlink()

    def _pack(self, end: int) -> None:
        old = _mapped(self._folder, self.about, end)
        about = {**self.about, "generation": self.about["generation"] + 1}
        contents = self._table.execute(
            "SELECT sha256, first_row, rows FROM contents ORDER BY first_row"
        ).fetchall()
        place, moved = 0, []
        with _rows_path(self._folder, about).open("wb") as file:
            for sha256, first, rows in contents:
                for begin in range(first, first + rows, _COPIED_ROWS):
                    file.write(old[begin : min(begin + _COPIED_ROWS, first + rows)].tobytes())
                moved.append((place, sha256))
                place += rows
            file.flush()
            os.fsync(file.fileno())
        self._table.executemany("UPDATE contents SET first_row = ? WHERE sha256 = ?", moved)
        change = "UPDATE about SET value = ? WHERE name = 'generation'"
        self._table.execute(change, (json.dumps(about["generation"]),))
        self._table.commit()
        self.about = about


@contextmanager
def changing_collection(folder: Path) -> Iterator[CollectionWriter]:
    """Open a catalogue for changes, by one process at a time; every change lasts at once.

    Raises:
        UserError: no catalogue, or another process is changing it.
    """
    with closing(_connected(folder)) as table, (folder / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(
                f"{folder}: another nsid index is changing it, expected one at a time"
            ) from error
        writer = CollectionWriter(folder, table)
        _rows_path(folder, writer.about).touch()
        try:
            yield writer
        except sqlite3.Error as error:
            raise UserError(f"{folder / _TABLE}: {error}, expected to change it") from error


def _connected(folder: Path) -> sqlite3.Connection:
    if not is_collection(folder):
        raise UserError(f"{folder}: no catalogue, expected one that nsid index made")
    return sqlite3.connect(folder / _TABLE)


def _about(folder: Path, table: sqlite3.Connection) -> dict[str, Any]:
    about: dict[str, Any] = {}
    with suppress(sqlite3.DatabaseError, ValueError):
        rows = table.execute("SELECT name, value FROM about")
        about = {name: json.loads(value) for name, value in rows}
    if about.get("format") != FORMAT:
        raise UserError(
            f"{folder / _TABLE}: format {about.get('format')}, expected a catalogue of format "
            f"{FORMAT}; make it anew with nsid index"
        )
    return about


def _rows_path(folder: Path, about: dict[str, Any]) -> Path:
    return folder / f"rows-{about['generation']}.f32"


def _mapped(folder: Path, about: dict[str, Any], end: int) -> npt.NDArray[np.float32]:
    """The first ``end`` rows; what follows them is of a track that was never finished."""
    path, shape = _rows_path(folder, about), (end, 1 + about["embedding_size"])
    if end == 0:
        return np.zeros(shape, np.float32)
    try:
        return np.memmap(path, "<f4", "r", shape=shape)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: missing or too short, expected {end} rows") from error
