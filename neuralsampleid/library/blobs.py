"""The peaks and fingerprints of tracks, read from files of libraries when they are asked for."""

from __future__ import annotations

import sqlite3
import weakref
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import ClassVar, TypeVar, overload

import numpy as np
import numpy.typing as npt

from neuralsampleid.config import PeakFinding
from neuralsampleid.errors import UserError
from neuralsampleid.fingerprints.segments import Embeddings, Segments
from neuralsampleid.landmarks.peaks import Peaks
from neuralsampleid.library.database import FILE, PATIENCE_S, damaged, explaining
from neuralsampleid.library.schema import EncoderInfo

_Kept = TypeVar("_Kept")
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Places = Sequence[tuple[Path, int]]
_STEPS = 255  # of 8 bits
_HEAD, _NUMBER = 8, 4  # bytes for each dimension of a track, and for each segment's number


class _Blobs(Sequence[_Kept]):
    """What is kept of each track; several threads may ask.

    Args:
        places: where each track is: folder of a library, its number there; (T,).
        seconds: their lengths, (T,).
    """

    column: ClassVar[str]

    def __init__(self, places: Places, seconds: Floats) -> None:
        self.places, self.seconds = places, seconds
        self._lock = Lock()
        self._tables: dict[Path, sqlite3.Connection] = {}

    @abstractmethod
    def _kept(self, blob: bytes, place: int) -> _Kept:
        """What a blob says of a track; a ValueError: it was not written by nsid."""

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, place: int) -> _Kept: ...

    @overload
    def __getitem__(self, place: slice) -> list[_Kept]: ...

    def __getitem__(self, place: int | slice) -> _Kept | list[_Kept]:
        """Those of one track, or of several.

        Raises:
            UserError: they cannot be read, or the track is no longer there.
        """
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        folder, number = self.places[place]
        try:
            return self._kept(self._blob(folder, number), place)
        except (TypeError, ValueError) as error:
            raise UserError(damaged(folder)) from error

    def by_folder(self) -> dict[Path, dict[int, int]]:
        """Folder of each library → a track's number there → its place here."""
        found: dict[Path, dict[int, int]] = {}
        for place, (folder, number) in enumerate(self.places):
            found.setdefault(folder, {})[number] = place
        return found

    def _blob(self, folder: Path, number: int) -> bytes:
        with self._lock, explaining(folder):
            if folder not in self._tables:
                table = sqlite3.connect(folder / FILE, timeout=PATIENCE_S, check_same_thread=False)
                weakref.finalize(self, table.close)
                self._tables[folder] = table
            wanted = f"SELECT {self.column} FROM tracks WHERE number = ?"
            row = self._tables[folder].execute(wanted, (number,)).fetchone()
        if row is None:
            raise UserError(f"{folder}: nsid index has changed it meanwhile; ask again")
        return bytes(row[0])


class StoredPeaks(_Blobs[Peaks]):
    """The peaks of each track; ``settings`` say how they were found."""

    column = "landmarks"

    def __init__(self, places: Places, seconds: Floats, settings: PeakFinding) -> None:
        super().__init__(places, seconds)
        self._settings = settings

    def _kept(self, blob: bytes, place: int) -> Peaks:
        peaks = Peaks.from_bytes(blob)
        peaks.check(float(self.seconds[place]), self._settings)
        return peaks


class StoredFingerprints(_Blobs[Segments]):
    """The sounding segments of each track; ``encoder`` made them."""

    column = "fingerprints"

    def __init__(self, places: Places, seconds: Floats, encoder: EncoderInfo) -> None:
        super().__init__(places, seconds)
        self._encoder = encoder

    def _kept(self, blob: bytes, place: int) -> Segments:
        numbers, embeddings = fingerprints_from(blob, self.embedding_size)
        starts = self._encoder.hop_s * numbers.astype(np.float64)
        return Segments.of(
            {"": len(numbers)},
            embeddings,
            starts_s=starts,
            ends_s=starts + self._encoder.segment_s,
            numbers=numbers,
            seconds=self.seconds[place : place + 1],
        )

    @property
    def embedding_size(self) -> int:
        return self._encoder.embedding_size

    def counts(self) -> Integers:
        """How many segments each track has, (T,)."""
        length, size = np.zeros(len(self), np.int64), self.embedding_size
        for folder, places in self.by_folder().items():
            with explaining(folder), sqlite3.connect(folder / FILE) as table:
                rows = table.execute("SELECT number, LENGTH(fingerprints) FROM tracks").fetchall()
            for number, own in rows:
                if number in places:
                    length[places[number]] = own or 0
        return np.maximum(length - _HEAD * size, 0) // (_NUMBER + size)


def fingerprints_as_bytes(segments: Segments) -> bytes:
    """A track's embeddings of length 1 in 8 bits per dimension; nothing for no segment.

    Little-endian: least value and step of each dimension (float32), numbers of segments (uint32),
    steps above the least (uint8). A step is 1/255 of the track's own range, so that segments that
    are hardly apart, as an untrained encoder's are, stay apart.
    """
    if not len(segments):
        return b""
    least = segments.embeddings.min(axis=0)
    step = (segments.embeddings.max(axis=0) - least) / _STEPS
    codes = np.rint((segments.embeddings - least) / np.where(step > 0, step, 1))
    parts = (least.astype("<f4"), step.astype("<f4"), segments.numbers.astype("<u4"))
    return b"".join(part.tobytes() for part in (*parts, codes.astype(np.uint8)))


def fingerprints_from(blob: bytes, size: int) -> tuple[Integers, Embeddings]:
    """What ``fingerprints_as_bytes`` gave: numbers (n,) and embeddings of length 1 (n, size).

    Raises:
        ValueError: it gave something else.
    """
    if not blob:
        return np.zeros(0, np.int64), np.zeros((0, size), np.float32)
    count, rest = divmod(len(blob) - _HEAD * size, _NUMBER + size)
    least, step = np.frombuffer(blob, "<f4", 2 * size).reshape(2, size)
    if rest or not np.isfinite(least).all() or not np.isfinite(step).all():
        raise ValueError("segments that nsid did not write")
    numbers = np.frombuffer(blob, "<u4", count, offset=_HEAD * size).astype(np.int64)
    codes = np.frombuffer(blob, np.uint8, offset=_HEAD * size + _NUMBER * count)
    embeddings = least + step * codes.reshape(count, size).astype(np.float32)
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return numbers, embeddings / np.where(lengths > 0, lengths, 1)
