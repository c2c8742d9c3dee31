"""Tables of fingerprints: FAISS indexes in files that are mapped into memory, not read.

A table's rows lie in cells, in 6 bits per dimension. A search looks at the cells nearest to each
fingerprint, so it reads a small part of the table. Tables do not know of each other.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from zlib import crc32

import faiss
import numpy as np
import numpy.typing as npt

from neuralsampleid.files import replacing_file
from neuralsampleid.fingerprints.index import faiss_threads
from neuralsampleid.fingerprints.segments import Embeddings, Integers

CELLS, PROBES = 1024, 64  # of a table, and how many of them a search looks at
TRAINED_ON = 64  # rows for each cell that its place is learnt from
# The trailer: what the file is, its version, bytes of what stands before the rows and their
# checksum, and the number of tracks.
_MAGIC, _VERSION, _TRAILER = int.from_bytes(b"nsid.fps", "little"), 1, 5
_NUMBER_BITS = 32  # of a row's label that are its segment's number; the others are its track's
_LABEL_BYTES = 8
_DEVIATIONS = 3.0  # of a dimension, on either side of its mean, that 6 bits tell
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class FingerprintTable:
    """Rows of some tracks, to be searched; each is known by its track's and its own number."""

    index: Any  # a faiss.IndexIVFScalarQuantizer of distances, which do not mind rounded lengths
    numbers: Integers  # (tracks,) of the tracks

    def search(
        self, queries: Embeddings, k: int, without: Collection[int] = (), threads: int = 1
    ) -> tuple[npt.NDArray[np.float32], Integers, Integers]:
        """Find the rows most like each query; a few are missed.

        Args:
            queries: float32 (queries, d), contiguous, of length 1.
            k: rows for each.
            without: numbers of tracks that are passed over.
            threads: of the CPU.

        Returns:
            Inner products, numbers of tracks and of segments, (queries, k) each; numbers are -1
            where there is no more.
        """
        library: Any = faiss  # its type stubs do not know these parameters
        wanted = None
        for number in without:
            first, last = number << _NUMBER_BITS, (number + 1) << _NUMBER_BITS
            others = library.IDSelectorNot(library.IDSelectorRange(first, last))
            wanted = others if wanted is None else library.IDSelectorAnd(wanted, others)
        asked = library.IVFSearchParameters(sel=wanted, nprobe=PROBES)
        with faiss_threads(threads):
            distances, labels = self.index.search(queries, k, params=asked)
        segments = np.where(labels < 0, -1, labels & ((1 << _NUMBER_BITS) - 1))
        return 1 - distances / 2, labels >> _NUMBER_BITS, segments


def make_table(
    embeddings: Embeddings, tracks: Integers, numbers: Integers, threads: int = 1
) -> FingerprintTable:
    """The table of some rows.

    Args:
        embeddings: float32 (rows, d), rows of length 1.
        tracks: (rows,) numbers of their tracks, from 0.
        numbers: (rows,) of the segments within these, from 0.
        threads: of the CPU.
    """
    size = embeddings.shape[1]
    cells = min(CELLS, len(embeddings))
    kind = faiss.ScalarQuantizer.QT_6bit
    centres, distance = faiss.IndexFlatL2(size), faiss.METRIC_L2
    index: Any = faiss.IndexIVFScalarQuantizer(centres, size, cells, kind, distance, False)
    # What lies further from the mean is rounded to there; steps of the whole range are too coarse.
    index.sq.rangestat = faiss.ScalarQuantizer.RS_meanstd
    index.sq.rangestat_arg = _DEVIATIONS
    index.cp.niter, index.cp.max_points_per_centroid = 10, TRAINED_ON
    index.cp.min_points_per_centroid = 1  # silences a warning
    with faiss_threads(threads):
        index.train(embeddings)
        index.add_with_ids(embeddings, tracks << _NUMBER_BITS | numbers)
    return FingerprintTable(index, np.unique(tracks))


def write_table(path: Path, table: FingerprintTable) -> None:
    """Write a table; the file appears whole or not at all.

    Raises:
        OSError: the file cannot be written, for one because the disk is full.
    """
    library: Any = faiss
    with replacing_file(path) as temporary:
        with temporary.open("wb") as file:
            # Given a path, FAISS takes the last bytes for written even where they are not.
            library.write_index(table.index, library.PyCallbackIOWriter(file.write, 1 << 22))
            head = file.tell() - _row_bytes(table.index)
        with temporary.open("r+b") as file:
            trailer = [_MAGIC, _VERSION, head, crc32(file.read(head)), len(table.numbers)]
            file.seek(0, 2)
            file.write(np.array([*table.numbers, *trailer], "<i8").tobytes())


def read_table(path: Path) -> FingerprintTable | None:
    """Map a table into memory; None if it is none, or damaged."""
    library: Any = faiss
    try:
        with path.open("rb") as file:
            numbers, rows = _numbers_in(file)
        if len(numbers):
            mapped = 0 if sys.platform == "win32" else library.IO_FLAG_MMAP  # FAISS cannot there
            index = faiss.read_index(str(path), mapped | library.IO_FLAG_READ_ONLY)
            if rows == _row_bytes(index):
                return FingerprintTable(index, numbers)
    except (OSError, RuntimeError, ValueError) as error:
        _LOG.debug("%s: %s", path, error)
    return None


def _numbers_in(file: IO[bytes]) -> tuple[Integers, int]:
    """The tracks of a table, and how many bytes its rows have; no track: it is damaged."""
    size = file.seek(0, 2)
    file.seek(-8 * _TRAILER, 2)
    magic, version, head, check, tracks = np.frombuffer(file.read(), "<i8").tolist()
    begin = size - 8 * (_TRAILER + tracks)
    nothing = np.zeros(0, np.int64), 0
    if (magic, version) != (_MAGIC, _VERSION) or not 0 < head <= begin:
        return nothing
    file.seek(0)
    if crc32(file.read(head)) != check:
        return nothing
    file.seek(begin)
    return np.frombuffer(file.read(8 * tracks), "<i8").astype(np.int64), begin - head


def _row_bytes(index: Any) -> int:  # noqa: ANN401 - faiss
    return int(index.ntotal * (index.code_size + _LABEL_BYTES))
