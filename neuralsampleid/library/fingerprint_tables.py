"""Tables of a library's fingerprints: files beside it that are mapped into memory, not read.

Few tracks are searched exactly, in memory. Once there are enough for a table, ``nsid index`` makes
one, which never changes. A table holds nothing that the library's file does not: one that is
missing, damaged or of tracks that are gone is made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import numpy as np

from neuralsampleid.files import keep_only
from neuralsampleid.fingerprints.nearest import FingerprintIndex
from neuralsampleid.fingerprints.segments import Integers, Segments
from neuralsampleid.fingerprints.tables import (
    FingerprintTable,
    make_table,
    read_table,
    write_table,
)
from neuralsampleid.library.blobs import StoredFingerprints
from neuralsampleid.progress import progress

LEAST_ROWS, MOST_ROWS = 1 << 17, 1 << 19  # of a table: 19 to 75 hours at the shipped model's hop
_FOLDER, _SUFFIX = "fingerprints", ".table"


def index_of(tracks: StoredFingerprints) -> FingerprintIndex:
    """Tracks of libraries, searchable: by the tables that are there, the others exactly."""
    rest: list[int] = []
    tables: list[tuple[FingerprintTable, Integers]] = []
    for folder, places in tracks.by_folder().items():
        missing, size = set(places), max(places) + 1
        for _, table in stored_tables(folder):
            # Of a track that two tables hold, since nsid index was stopped, one counts.
            own = missing.intersection(table.numbers.tolist())
            missing -= own
            known = np.full(size, -1, np.int64)
            for number in own:
                known[number] = places[number]
            tables.append((table, known))
        rest += [places[number] for number in missing]
    return FingerprintIndex(_joined(tracks, sorted(rest)), tables)


def update_tables(library: Path, tracks: StoredFingerprints, threads: int = 1) -> None:
    """Make tables of those of a library's tracks that no table holds, if they are enough.

    Args:
        library: its folder.
        tracks: of the library.
        threads: of the CPU.
    """
    folder, counts = library / _FOLDER, tracks.counts()
    places = tracks.by_folder().get(library, {})
    missing, kept = set(places), set[Path]()
    for path, table in stored_tables(library):
        if missing.issuperset(table.numbers.tolist()):
            missing.difference_update(table.numbers.tolist())
            kept.add(path)
    wanted = [places[number] for number in sorted(missing)]
    every = np.array([number for _, number in tracks.places], np.int64)
    for part in progress(_parts(counts, wanted), "make tables"):
        own = [tracks[place] for place in part]
        numbers = np.repeat(every[part], [len(each) for each in own])
        embeddings = np.concatenate([each.embeddings for each in own])
        segments = np.concatenate([each.numbers for each in own])
        table = make_table(embeddings, numbers, segments, threads)
        path = folder / f"{numbers[0]:08}-{crc32(table.numbers.tobytes()):08x}{_SUFFIX}"
        write_table(path, table)
        kept.add(path)
    keep_only(folder, kept)


def stored_tables(folder: Path) -> list[tuple[Path, FingerprintTable]]:
    """The sound tables of a library, by name."""
    paths = sorted((folder / _FOLDER).glob(f"*{_SUFFIX}"))
    return [(path, table) for path in paths if (table := read_table(path)) is not None]


def _parts(counts: Integers, places: Sequence[int]) -> list[list[int]]:
    """The tracks of each new table; what is left at the end is too little for one."""
    parts: list[list[int]] = []
    part, rows = [], 0
    for place in places:
        part.append(place)
        rows += int(counts[place])
        if rows >= MOST_ROWS:
            parts.append(part)
            part, rows = [], 0
    return [*parts, part] if rows >= LEAST_ROWS else parts


def _joined(tracks: StoredFingerprints, places: Sequence[int]) -> Segments:
    """The segments of some of the tracks, among all of them."""
    parts = {int(place): tracks[int(place)] for place in places}
    size = tracks.embedding_size
    empty = np.zeros((0, size), np.float32)
    return Segments.of(
        {str(place): len(parts.get(place, ())) for place in range(len(tracks))},
        np.concatenate([empty, *(part.embeddings for part in parts.values())]),
        numbers=np.concatenate([np.zeros(0, np.int64), *(p.numbers for p in parts.values())]),
        seconds=tracks.seconds,
    )
