"""A library: what ``nsid index`` keeps of a folder of music, in one SQLite file.

A track is a content: files with the same bytes share it. Its fingerprints and its landmarks are a
blob each. Every track is one transaction, so a process that is killed loses the track it was at and
nothing else.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

from neuralsampleid.audio.tags import NO_TAGS, Tags
from neuralsampleid.errors import UserError
from neuralsampleid.files import remove_leftovers, replacing_file
from neuralsampleid.fingerprints.segments import Segments
from neuralsampleid.landmarks.peaks import Peaks
from neuralsampleid.library.blobs import (
    Places,
    StoredFingerprints,
    StoredPeaks,
    fingerprints_as_bytes,
)
from neuralsampleid.library.database import (
    FILE,
    connected,
    damaged,
    explaining,
    info_in,
    reading,
    refuse_former,
)
from neuralsampleid.library.schema import LibraryInfo

_LOCK = ".lock"
# Large pages make long blobs quick to read; the vacuum gives back what forgotten tracks leave.
_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA page_size = 65536;
PRAGMA auto_vacuum = FULL;
CREATE TABLE info (json TEXT NOT NULL);
CREATE TABLE tracks (
    number INTEGER PRIMARY KEY AUTOINCREMENT, sha256 TEXT NOT NULL UNIQUE, seconds REAL NOT NULL,
    fingerprints BLOB, landmarks BLOB
);
CREATE TABLE files (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, modified_ns INTEGER NOT NULL,
    track INTEGER NOT NULL REFERENCES tracks
);
CREATE INDEX files_by_track ON files (track);
CREATE VIEW present AS SELECT * FROM tracks WHERE number IN (SELECT track FROM files);
"""
# Libraries of earlier versions lack these tables: files that were being read when a process ended,
# and artists and titles.
_LATER = """
CREATE TABLE IF NOT EXISTS attempts (
    path TEXT, size INTEGER, modified_ns INTEGER, count INTEGER, PRIMARY KEY (path)
);
CREATE TABLE IF NOT EXISTS tags (track INTEGER PRIMARY KEY, artist TEXT, title TEXT);
"""


@dataclass(frozen=True)
class File:
    """What is known of a file without reading it."""

    path: str  # see ``name_of``
    size: int  # bytes
    modified_ns: int


def name_of(path: PurePath, music: PurePath) -> str:
    """A file's name in a library: relative to the folder of music, with / on every system."""
    return path.relative_to(music).as_posix()


@dataclass(frozen=True)
class Track:
    """What is kept of a track, or made of a query; None for a system that the library lacks."""

    seconds: float  # its length
    fingerprints: Segments | None = None  # sounding ones
    landmarks: Peaks | None = None
    tags: Tags = NO_TAGS

    @property
    def sounds(self) -> bool:
        """Whether there is anything in it to be compared."""
        peaks = self.landmarks
        return bool(self.fingerprints) or (peaks is not None and len(peaks.frames) > 0)


@dataclass(frozen=True)
class Library:
    """A library as it was when it was opened; T tracks."""

    info: LibraryInfo
    paths: list[list[str]]  # (T,) the files that hold each track
    sha256: list[str]  # (T,)
    seconds: npt.NDArray[np.float64]  # (T,)
    places: Places  # (T,) where each track is kept
    tags: Mapping[str, Tags] = field(default_factory=dict)  # by SHA-256, of tracks that have some

    @cached_property
    def fingerprints(self) -> StoredFingerprints | None:
        """(T,) read when they are asked for."""
        made = self.info.encoder
        return None if made is None else StoredFingerprints(self.places, self.seconds, made)

    @cached_property
    def landmarks(self) -> StoredPeaks | None:
        """(T,) as above."""
        made = self.info.landmarks
        return None if made is None else StoredPeaks(self.places, self.seconds, made.peaks)


@dataclass(frozen=True)
class Contents:
    """What a library holds, without its fingerprints and landmarks."""

    info: LibraryInfo
    tracks: int
    files: int
    seconds: float  # of all tracks together
    size: int  # bytes on disk
    changed: float  # seconds since 1970
    shards: int = 0  # of which it consists; 0: it is not divided


def open_library(folder: Path) -> Library:
    """Read a library's names and lengths.

    Raises:
        UserError: the folder is no library, or one of another version.
    """
    with reading(folder) as (table, info):
        try:
            return _read(folder, table, info)
        except (KeyError, OverflowError, TypeError, ValueError) as error:
            raise UserError(damaged(folder)) from error


def _read(folder: Path, table: sqlite3.Connection, info: LibraryInfo) -> Library:
    tracks = table.execute("SELECT number, sha256, seconds FROM present ORDER BY number").fetchall()
    paths: dict[int, list[str]] = {number: [] for number, _, _ in tracks}
    for path, track in table.execute("SELECT path, track FROM files ORDER BY path"):
        paths[track].append(str(path))
    sha256 = [str(track[1]) for track in tracks]
    seconds = np.array([track[2] for track in tracks], float)
    if not np.isfinite(seconds).all():
        raise ValueError("lengths that are not finite")
    places = [(folder, int(number)) for number, _, _ in tracks]
    return Library(info, list(paths.values()), sha256, seconds, places, _tags_in(table))


def _tags_in(table: sqlite3.Connection) -> dict[str, Tags]:
    if not table.execute("SELECT 1 FROM sqlite_master WHERE name = 'tags'").fetchone():
        return {}
    rows = table.execute(
        "SELECT sha256, artist, title FROM tags JOIN present ON number = track "
        "WHERE artist IS NOT NULL OR title IS NOT NULL"
    )
    return {sha256: Tags(artist, title) for sha256, artist, title in rows}


def read_contents(folder: Path) -> Contents:
    """What a library holds, however large it is, in little time.

    Raises:
        UserError: the folder is no library, or one of another version.
    """
    with reading(folder) as (table, info):
        tracks, seconds = table.execute("SELECT COUNT(*), TOTAL(seconds) FROM present").fetchone()
        (files,) = table.execute("SELECT COUNT(*) FROM files").fetchone()
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Contents(info, tracks, files, seconds, size, (folder / FILE).stat().st_mtime)


def create_library(folder: Path, info: LibraryInfo) -> None:
    """Make a library without tracks; it appears whole or not at all.

    Args:
        folder: must not exist or be empty.
        info: what it says of itself.

    Raises:
        UserError: the folder holds something else.
    """
    remove_leftovers(folder, {FILE})
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        refuse_former(folder)
        raise UserError(f"{folder}: exists and is no library, expected a new folder")
    with (
        explaining(folder),
        replacing_file(folder / FILE) as temporary,
        closing(sqlite3.connect(temporary)) as table,
        table,
    ):
        table.executescript(_SCHEMA)
        table.execute("INSERT INTO info VALUES (?)", (info.model_dump_json(),))


class LibraryWriter:
    """Changes a library; see ``changing_library``."""

    def __init__(self, folder: Path, table: sqlite3.Connection) -> None:
        self._table = table
        self.info = info_in(folder, table)
        table.executescript(_LATER)

    def files(self) -> dict[str, File]:
        """All files, by path."""
        rows = self._table.execute("SELECT path, size, modified_ns FROM files")
        return {row[0]: File(*row) for row in rows}

    def tracks_only_of(self, paths: Set[str]) -> int:
        """How many tracks no other file holds."""
        holders = self._table.execute("SELECT path, track FROM files").fetchall()
        others = {track for path, track in holders if path not in paths}
        return len({track for path, track in holders if path in paths} - others)

    def attempts(self, file: File) -> int:
        """How often a process ended while it read this file."""
        found = self._table.execute(
            "SELECT count FROM attempts WHERE path = ? AND size = ? AND modified_ns = ?",
            (file.path, file.size, file.modified_ns),
        ).fetchone()
        return found[0] if found else 0

    @contextmanager
    def attempt(self, file: File) -> Iterator[None]:
        """Note that a file is being read, for as long as it is."""
        line = (file.path, file.size, file.modified_ns, self.attempts(file) + 1)
        with self._table:
            self._table.execute("INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?)", line)
        try:
            yield
        finally:
            with self._table:
                self._table.execute("DELETE FROM attempts WHERE path = ?", (file.path,))

    def digest(self) -> str:
        """Of all tracks: another where one comes or goes."""
        rows = self._table.execute("SELECT sha256 FROM present ORDER BY sha256")
        return hashlib.sha256("".join(sha256 for (sha256,) in rows).encode()).hexdigest()

    def track_of(self, sha256: str) -> int | None:
        """The number of the track with this content."""
        found = self._table.execute("SELECT number FROM tracks WHERE sha256 = ?", (sha256,))
        (number,) = found.fetchone() or (None,)
        return number

    def add_known(self, file: File, sha256: str) -> bool:
        """Add a file if a track has its content already; returns whether one has."""
        track = self.track_of(sha256)
        if track is not None:
            with self._table:
                self._add_file(file, track)
        return track is not None

    def add(self, file: File, sha256: str, track: Track) -> None:
        """Add a file with a new content.

        Args:
            file: the file.
            sha256: of its bytes.
            track: what is kept of it.

        Raises:
            ValueError: the track was made for other systems than the library's.
        """
        kept = (track.fingerprints, track.landmarks)
        held = (self.info.encoder, self.info.landmarks)
        if [part is None for part in kept] != [part is None for part in held]:
            raise ValueError(f"{file.path}: a track for other systems than the library's")
        blobs = (
            None if track.fingerprints is None else fingerprints_as_bytes(track.fingerprints),
            None if track.landmarks is None else track.landmarks.to_bytes(),
        )
        with self._table:
            added = self._table.execute(
                "INSERT INTO tracks VALUES (NULL, ?, ?, ?, ?)", (sha256, track.seconds, *blobs)
            )
            assert added.lastrowid is not None
            self._add_file(file, added.lastrowid)
            self._add_tags(added.lastrowid, track.tags)

    def _add_file(self, file: File, track: int) -> None:
        line = (file.path, file.size, file.modified_ns, track)
        self._table.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", line)

    def untagged(self) -> list[tuple[int, str]]:
        """Numbers and files of the tracks whose tags were never read."""
        return self._table.execute(
            "SELECT track, MIN(path) FROM files "
            "WHERE track NOT IN (SELECT track FROM tags) GROUP BY track"
        ).fetchall()

    def add_tags(self, tags: Mapping[int, Tags]) -> None:
        """Note the tags of tracks, by their numbers."""
        with self._table:
            for track, own in tags.items():
                self._add_tags(track, own)

    def _add_tags(self, track: int, tags: Tags) -> None:
        line = (track, tags.artist, tags.title)
        self._table.execute("INSERT OR REPLACE INTO tags VALUES (?, ?, ?)", line)

    def forget(self, paths: Sequence[str]) -> None:
        """Take files away; their tracks stay until ``tidy``, since a file may have moved."""
        with self._table:
            self._table.executemany("DELETE FROM files WHERE path = ?", [(path,) for path in paths])

    def tidy(self) -> None:
        """Take tracks away that no file holds."""
        with self._table:
            for table, number in (("tracks", "number"), ("tags", "track")):
                self._table.execute(
                    f"DELETE FROM {table} WHERE {number} NOT IN (SELECT track FROM files)"
                )

    def note(self, info: LibraryInfo) -> None:
        """Replace what the library says of itself."""
        with self._table:
            self._table.execute("UPDATE info SET json = ?", (info.model_dump_json(),))
        self.info = info


@contextmanager
def changing_library(folder: Path) -> Iterator[LibraryWriter]:
    """Open a library for changes, by one process at a time; every change lasts at once.

    Raises:
        UserError: no library, or another process is changing it.
    """
    with connected(folder) as table:
        try:
            with FileLock(folder / _LOCK, timeout=0):
                yield LibraryWriter(folder, table)
        except Timeout as error:
            raise UserError(
                f"{folder}: another nsid index is changing it, expected one at a time"
            ) from error
