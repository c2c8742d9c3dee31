"""A folder in the layout of an upstream fingerprint archive (docs/upstream.md, "Published files").

``{dummy,ref,query,query_full}_db.mm`` hold float32 rows and ``…_shape.npy`` their shape;
``…_lookup.json`` names the track of each row (noise has none), where a row of ``query_db`` belongs
to ``<track>_<occurrence number>``. Node matrices lie in ``ref_nmatrix/<track>.npy`` and, pickled,
in ``query_nmatrix.npy`` and ``query_full_nmatrix.npy``. Every file is opened for reading only; the
evaluation upstream writes into ``dummy_db.mm`` and overwrites NaN by 0 in all four.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from neuralsampleid.errors import UserError
from neuralsampleid.files import read_json
from neuralsampleid.fingerprints.segments import Embeddings, Integers, Segments
from neuralsampleid.upstream.nodes import Nodes

_NOISE, _REFERENCES, _OCCURRENCES, _QUERIES = "dummy_db", "ref_db", "query_db", "query_full_db"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class UpstreamFingerprints:
    """A checked folder; rows that were NaN (constant segments) are 0."""

    folder: Path
    noise: Segments  # one track without a name, unless a ``dummy_db_lookup.json`` names them
    references: Segments
    occurrences: Segments  # annotated: a track here is an occurrence, see ``query_track``
    queries: Segments  # whole query tracks
    _open: dict[str, Nodes | None] = field(default_factory=dict, repr=False)

    def has_reference_nodes(self, rows: Integers) -> npt.NDArray[np.bool_]:
        """Which reference rows have a node matrix, (rows,).

        Raises:
            UserError: there is no folder of node matrices, or a file in it is broken.
        """
        places = self._nodes_of(rows)
        return np.array([nodes is not None and row < len(nodes) for nodes, row in places], bool)

    def reference_nodes(self, rows: Integers) -> npt.NDArray[np.float32]:
        """Node matrices (rows, channels, nodes) of reference rows that all have one.

        Raises:
            UserError: two tracks' matrices differ in size.
        """
        matrices = [
            nodes[row].astype(np.float32, copy=False)
            for nodes, row in self._nodes_of(rows)
            if nodes is not None
        ]
        sizes = {matrix.shape for matrix in matrices}
        if len(sizes) > 1:
            raise UserError(
                f"{self.folder / 'ref_nmatrix'}: node matrices of sizes {sorted(sizes)}, "
                "expected one size"
            )
        return np.stack(matrices)

    def _nodes_of(self, rows: Integers) -> Iterator[tuple[Nodes | None, int]]:
        """For each row its track's matrices, None where there are none, and its place in those."""
        tracks, numbers = self.references.tracks[rows], self.references.numbers[rows]
        for track, number in zip(tracks.tolist(), numbers.tolist(), strict=True):
            yield self._reference_nodes(track), number

    def _reference_nodes(self, track: int) -> Nodes | None:
        """A track's matrices, memory-mapped; None with a notice where the file is missing."""
        name = self.references.track_ids[track]
        if name not in self._open:
            count = len(self.references.track(track))
            self._open[name] = _open_nodes(self.folder / "ref_nmatrix", name, count)
        return self._open[name]


def query_track(occurrence: str) -> str:
    """The query track that an occurrence is in."""
    return occurrence.rpartition("_")[0]


def read_fingerprints(folder: Path) -> UpstreamFingerprints:
    """Read and check the fingerprints and lookups of a folder in upstream's layout.

    What upstream's tools themselves leave behind gives a logged notice: references appended to
    ``dummy_db.mm``, and rows of NaN, which are constant segments and become 0 as in upstream's
    evaluation.

    Raises:
        UserError: a file is missing or broken; sizes, shapes and lookups disagree; a row holds
            infinity or is NaN in part.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder, expected fingerprints in upstream's layout")
    arrays = {
        name: _read_rows(folder, name) for name in (_NOISE, _REFERENCES, _OCCURRENCES, _QUERIES)
    }
    for name, array in arrays.items():
        if array.shape[1] != arrays[_NOISE].shape[1]:
            raise UserError(
                f"{folder / name}.mm: fingerprints of size {array.shape[1]}, "
                f"expected {arrays[_NOISE].shape[1]} as in {_NOISE}.mm"
            )
    noise = _segments({"": len(arrays[_NOISE])}, arrays[_NOISE])
    if _path(folder, _NOISE, "_lookup.json").exists():
        noise = _named(folder, _NOISE, arrays[_NOISE])
    return UpstreamFingerprints(
        folder=folder,
        noise=noise,
        references=_named(folder, _REFERENCES, arrays[_REFERENCES]),
        occurrences=_named(folder, _OCCURRENCES, arrays[_OCCURRENCES]),
        queries=_named(folder, _QUERIES, arrays[_QUERIES]),
    )


def find_fingerprints(folder: Path) -> Path:
    """The one folder in or below ``folder`` that holds ``ref_db.mm``.

    Raises:
        UserError: there is none, or there are several.
    """
    found = sorted(path.parent for path in folder.rglob(f"{_REFERENCES}.mm"))
    if len(found) != 1:
        raise UserError(f"{folder}: {len(found)} folders with ref_db.mm, expected one")
    return found[0]


def read_ground_truth(path: Path, fingerprints: UpstreamFingerprints) -> dict[str, frozenset[str]]:
    """Read ``gt_dict.json``: reference → query tracks that sample it.

    Args:
        path: the JSON file.
        fingerprints: what is to be judged by it.

    Raises:
        UserError: the file is missing, is of another form, or knows none of the references or none
            of the query tracks.
    """
    expected = "a dictionary of reference → list of query tracks"
    truth: dict[str, frozenset[str]] = {}
    for reference, queries in read_json(path, dict, expected).items():
        if not isinstance(queries, list) or not all(isinstance(query, str) for query in queries):
            raise UserError(f"{path}: '{reference}' has no list of names, expected {expected}")
        truth[reference] = frozenset(queries)
    if not truth.keys() & set(fingerprints.references.track_ids):
        raise UserError(f"{path}: names none of the references in {fingerprints.folder}")
    if not frozenset().union(*truth.values()) & set(fingerprints.queries.track_ids):
        raise UserError(f"{path}: names none of the query tracks in {fingerprints.folder}")
    return truth


def _path(folder: Path, name: str, ending: str) -> Path:
    return folder / f"{name}{ending}"


def _read_rows(folder: Path, name: str) -> Embeddings:
    """A ``.mm`` file as (rows, d), constant segments as 0."""
    path = _path(folder, name, ".mm")
    rows, size = _read_shape(_path(folder, name, "_shape.npy"))
    try:
        stored = path.stat().st_size
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file, expected {rows} fingerprints of {size}") from error
    expected = 4 * rows * size
    if name == _NOISE and stored > expected and stored % (4 * size) == 0:
        _LOG.warning(
            "%s: %d rows more than the %d of its shape, which are ignored; upstream's "
            "evaluation appends the references to this file",
            *(path, stored // (4 * size) - rows, rows),
        )
    elif stored != expected:
        raise UserError(
            f"{path}: {stored} bytes, expected {expected} for the {rows} × {size} of its shape"
        )
    # Read, not mapped: NaN is replaced in memory, and the largest published one has some 80 MB.
    flat = np.fromfile(path, np.dtype("<f4"), count=rows * size)
    return _without_constant(flat.reshape(rows, size), path)


def _read_shape(path: Path) -> tuple[int, int]:
    shape = _load_array(path, None)
    if shape.shape != (2,) or shape.dtype.kind not in "iu" or not (shape > 0).all():
        raise UserError(f"{path}: holds {shape.tolist()}, expected numbers of rows and columns")
    return int(shape[0]), int(shape[1])


def _without_constant(rows: Embeddings, path: Path) -> Embeddings:
    """Replace NaN rows by 0, as upstream's evaluation does."""
    finite = np.isfinite(rows)
    if finite.all():
        return rows
    constant = np.all(np.isnan(rows), axis=1)
    wrong = np.flatnonzero(~constant & ~finite.all(axis=1))
    if len(wrong):
        raise UserError(
            f"{path}: row {wrong[0]} holds NaN or infinity among numbers, "
            "expected finite numbers (or NaN throughout, from a constant segment)"
        )
    _LOG.warning(
        "%s: %d of %d rows are NaN (constant segments), taken as 0 as upstream's evaluation does",
        *(path, constant.sum(), len(rows)),
    )
    return np.where(constant[:, None], np.float32(0), rows)


def _named(folder: Path, name: str, rows: Embeddings) -> Segments:
    """Integers with the names that the array's lookup gives them."""
    path = _path(folder, name, "_lookup.json")
    expected = "a list of track names, one per row"
    content = read_json(path, list, expected)
    lookup = [entry for entry in content if isinstance(entry, str)]
    if len(lookup) != len(content):
        raise UserError(f"{path}: not all entries are names, expected {expected}")
    if len(lookup) != len(rows):
        raise UserError(
            f"{path}: {len(lookup)} names, expected {len(rows)}, one per row of {name}.mm"
        )
    counts: dict[str, int] = {}
    for entry, group in groupby(lookup):
        if entry in counts:
            raise UserError(f"{path}: rows of '{entry}' lie apart, expected them in one piece")
        counts[entry] = len(list(group))
        number = entry.rpartition("_")[2]
        if name == _OCCURRENCES and not (query_track(entry) and number.isdecimal()):
            raise UserError(f"{path}: '{entry}', expected <track>_<occurrence number>")
    return _segments(counts, rows)


def _segments(counts: dict[str, int], rows: Embeddings) -> Segments:
    return Segments.of(counts, rows, silent=~np.any(rows, axis=1))


def _open_nodes(folder: Path, track: str, segments: int) -> Nodes | None:
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder, expected the references' node matrices")
    # The name comes from a file that may be anyone's and must not lead out of the folder.
    path = folder / f"{track}.npy"
    if Path(track).name != track:
        raise UserError(f"{path}: the track's name is no file name")
    if not path.exists():
        _LOG.warning(
            "%s: no such file; '%s' cannot be re-ranked, as in upstream's evaluation",
            *(path, track),
        )
        return None
    nodes = _load_array(path, "r")
    if nodes.ndim != 3 or nodes.dtype.kind != "f":
        raise UserError(
            f"{path}: {nodes.dtype} of shape {nodes.shape}, expected floats "
            "(segments, channels, nodes)"
        )
    if len(nodes) != segments:
        _LOG.warning(
            "%s: %d node matrices, but %d fingerprints of '%s'; those beyond cannot be re-ranked",
            *(path, len(nodes), segments, track),
        )
    return nodes


def _load_array(path: Path, mode: Literal["r"] | None) -> npt.NDArray[Any]:
    try:
        array = np.load(path, mmap_mode=mode, allow_pickle=False)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file, expected upstream's layout") from error
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f"{path}: not a NumPy array file ({error})") from error
    if not isinstance(array, np.ndarray):
        raise UserError(f"{path}: an archive of arrays, expected one array")
    return array
