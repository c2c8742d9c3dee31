"""Tables of a library's triples: files beside it that are mapped into memory, not read.

They hold nothing that the peaks do not, so one that is missing or damaged is made again by the next
``nsid index``; until then the tracks that it held have a table in memory. A table is never changed:
small ones are replaced by one of all their tracks.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import overload
from zlib import crc32

import numpy as np
import numpy.typing as npt

from neuralsampleid.errors import UserError
from neuralsampleid.files import keep_only, replacing_file
from neuralsampleid.landmarks.index import (
    TABLE_FRAMES,
    LandmarkIndex,
    divide,
    table_frames_of,
    table_of,
)
from neuralsampleid.landmarks.table import TripleTable, is_sound, key_count
from neuralsampleid.landmarks.triples import reach_of
from neuralsampleid.library.blobs import StoredPeaks
from neuralsampleid.library.schema import LandmarkInfo
from neuralsampleid.progress import progress

_LOG = logging.getLogger(__name__)
_FOLDER, _SUFFIX = "triples", ".table"
_VERSION = 3
# The header: what the file is, its version, and how many tracks, rows and slots it has.
_MAGIC, _HEADER = int.from_bytes(b"nsid.tbl", "little"), 5

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class StoredTable:
    """A table in a file."""

    path: Path
    table: TripleTable
    numbers: Integers  # (tracks,) of the tracks, in the library


def write_table(path: Path, table: TripleTable, numbers: Integers) -> None:
    """Write a table and the numbers of its tracks; the file appears whole or not at all."""
    sizes = [len(numbers), len(table.rows), len(table.owners)]
    header = np.array([_MAGIC, _VERSION, *sizes], "<i8")
    whole = (table.rows, table.starts, table.owners, table.late, table.high)
    parts = (header, numbers, table.begins, *whole)
    with replacing_file(path) as temporary, temporary.open("wb") as file:
        for part in parts:
            file.write(part.astype(part.dtype.newbyteorder("<"), copy=False).data)


def read_table(path: Path, keys: int) -> StoredTable | None:
    """Map a table of so many keys into memory; None if it is another, or damaged."""
    try:
        content = np.asarray(np.memmap(path, np.uint8, "r"))
        header = content[: 8 * _HEADER].view("<i8").tolist()
        tracks, rows, slots = header[2:]
        kinds = (
            *((tracks, "<i8"), (tracks, "<i8"), (rows, "<u4"), (keys + 1, "<i4")),
            *((slots, "<i4"), (rows, "<u2"), (rows, "<u1")),
        )
        sizes = [count * int(kind[-1]) for count, kind in kinds]
        if header[:2] != [_MAGIC, _VERSION] or min(header) < 0:
            return None
        if 8 * _HEADER + sum(sizes) != len(content):
            return None
        ends = [8 * _HEADER, *(8 * _HEADER + np.cumsum(sizes)).tolist()]
        numbers, places, own, starts, owners, late, high = (
            content[begin:end].view(kind)
            for (begin, end), (_, kind) in zip(pairwise(ends), kinds, strict=True)
        )
    except (OSError, ValueError):
        return None
    table = TripleTable(starts, own, late, high, owners, places)
    return StoredTable(path, table, numbers) if is_sound(table) else None


class StoredTables(Sequence[tuple[TripleTable, Integers]]):
    """Tables that are mapped when they are asked for, so that memory holds few of them at once.

    Args:
        info: how their triples were made.
    """

    def __init__(self, info: LandmarkInfo) -> None:
        self._keys = key_count(reach_of(info.settings))
        # A table, or its file, and the number of the track at each place in it; −1: of none.
        self.entries: list[tuple[Path | TripleTable, Integers]] = []

    def __len__(self) -> int:
        return len(self.entries)

    @overload
    def __getitem__(self, place: int) -> tuple[TripleTable, Integers]: ...

    @overload
    def __getitem__(self, place: slice) -> list[tuple[TripleTable, Integers]]: ...

    def __getitem__(
        self, place: int | slice
    ) -> tuple[TripleTable, Integers] | list[tuple[TripleTable, Integers]]:
        """A table, or several.

        Raises:
            UserError: its file is gone.
        """
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        table, numbers = self.entries[place]
        if isinstance(table, Path):
            stored = read_table(table, self._keys)
            if stored is None:
                raise UserError(f"{table}: nsid index has changed it meanwhile; ask again")
            table = stored.table
        return table, numbers


def index_of(tracks: StoredPeaks, info: LandmarkInfo) -> LandmarkIndex:
    """Tracks of libraries, searchable: by the tables that are there, the others by new ones."""
    tables = StoredTables(info)
    rest: list[int] = []
    for folder, places in tracks.by_folder().items():
        missing = set(places)
        for stored in stored_tables(folder, info):
            # Of a track that two tables hold, since nsid index was stopped, one counts.
            own = [number if number in missing else -1 for number in stored.numbers.tolist()]
            missing.difference_update(own)
            numbers = np.array([places.get(number, -1) for number in own])
            tables.entries.append((stored.path, numbers))
        rest += [places[number] for number in missing]
        if missing:
            _LOG.warning(
                "%s: no table holds the landmarks of %d tracks, so that they take time now; "
                "nsid index makes it",
                *(folder, len(missing)),
            )
    rest.sort()
    for part in divide(_frames_of(tracks.seconds[rest], info)):
        own_places = [rest[place] for place in part]
        tables.entries.append((_table_of(tracks, own_places, info), np.array(own_places)))
    return LandmarkIndex(tracks, tables, info.peaks, info.settings)


def stored_tables(folder: Path, info: LandmarkInfo) -> list[StoredTable]:
    """The sound tables of a library."""
    keys = key_count(reach_of(info.settings))
    paths = sorted((folder / _FOLDER).glob(f"*{_SUFFIX}"))
    return [table for path in paths if (table := read_table(path, keys)) is not None]


def update_tables(library: Path, tracks: StoredPeaks, info: LandmarkInfo) -> None:
    """Make the tables of a library hold its tracks, with little work if few are new.

    Args:
        library: its folder.
        tracks: of the library.
        info: how they were made.
    """
    folder, places = library / _FOLDER, tracks.by_folder().get(library, {})
    frames = _frames_of(tracks.seconds, info)
    missing, kept, small = set(places), set[Path](), []
    for stored in stored_tables(library, info):
        own = missing.intersection(stored.numbers.tolist())
        if 2 * frames[[places[number] for number in own]].sum() >= TABLE_FRAMES:
            missing -= own
            kept.add(stored.path)
        else:
            small.append(stored)
    if len(small) == 1 and missing == set(small[0].numbers.tolist()):
        kept.add(small[0].path)
        missing.clear()
    wanted = np.array(sorted(missing), np.int64)
    own_frames = frames[[places[number] for number in wanted.tolist()]]
    for part in progress(divide(own_frames), "make tables"):
        numbers = wanted[part]
        table = _table_of(tracks, [places[number] for number in numbers.tolist()], info)
        path = folder / f"{numbers[0]:08}-{crc32(numbers.tobytes()):08x}{_SUFFIX}"
        write_table(path, table, numbers)
        kept.add(path)
    keep_only(folder, kept)


def _frames_of(seconds: npt.NDArray[np.float64], info: LandmarkInfo) -> Integers:
    """How many frames tracks of some lengths take in a table."""
    lengths = (seconds / info.peaks.frame_s).astype(np.int64) + 1
    return table_frames_of(lengths, info.peaks)


def _table_of(tracks: StoredPeaks, places: Sequence[int], info: LandmarkInfo) -> TripleTable:
    return table_of([tracks[place] for place in places], info.peaks, info.settings)
