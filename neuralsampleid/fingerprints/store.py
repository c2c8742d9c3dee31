"""The fingerprint store: one folder with every segment's fingerprint of a set of tracks.

``embeddings.npy`` float32 (segments, d); ``nodes.npy`` float16 (segments, channels, nodes) where
a re-ranker needs them; ``segments.csv`` (row, track_id, start_s, end_s, silent);
``meta.json`` (what made it). Rows of a track are contiguous and in the order of time. A store is
written under a temporary name, renamed, and never changed afterwards. Stores of one encoder, such
as the shards of a role, are opened as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from neuralsampleid.errors import UserError
from neuralsampleid.files import (
    read_json,
    remove_leftovers,
    replacing_folder,
    write_csv,
    write_json,
)
from neuralsampleid.fingerprints.rows import JoinedRows

Embeddings = npt.NDArray[np.float32]
Nodes = npt.NDArray[np.float16]
NodeRows = Nodes | JoinedRows[np.float16]

SEGMENT_COLUMNS = ("row", "track_id", "start_s", "end_s", "silent")
_EMBEDDINGS, _NODES, _SEGMENTS, _META = "embeddings.npy", "nodes.npy", "segments.csv", "meta.json"

_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass(frozen=True)
class FingerprintStore:
    """An opened store; the arrays are memory-mapped and read-only."""

    folder: Path
    embeddings: Embeddings  # (segments, d)
    nodes: NodeRows | None  # (segments, channels, nodes)
    segments: pd.DataFrame  # SEGMENT_COLUMNS, one line per row of the arrays
    meta: dict[str, Any]
    tracks: dict[str, slice]  # track id → its rows, in the order of the store

    @property
    def segment_s(self) -> float:
        """Length of a segment, in seconds."""
        first = self.segments.iloc[0]
        return float(first["end_s"] - first["start_s"])

    @property
    def hop_s(self) -> float:
        """Seconds between segments; a segment's length where no track has two."""
        steps = np.diff(self.segments["start_s"].to_numpy(float))
        forwards = steps[steps > 0]
        return float(np.median(forwards)) if len(forwards) else self.segment_s

    def rows_of_track(self, track_id: str) -> slice:
        """The rows of one track.

        Raises:
            UserError: the store does not hold that track.
        """
        try:
            return self.tracks[track_id]
        except KeyError as error:
            raise UserError(
                f"{self.folder}: no fingerprints of track '{track_id}', "
                f"expected one of its {len(self.tracks)} tracks"
            ) from error


class StoreWriter:
    """Adds tracks to a store that is being written; see ``writing_store``.

    Memory does not grow with the arrays: they go to the disk track by track.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._segments: dict[str, pd.DataFrame] = {}
        self._arrays: dict[str, _GrowingArray] = {}

    def append(
        self,
        track_id: str,
        embeddings: npt.NDArray[np.floating[Any]],
        *,
        starts_s: npt.ArrayLike,
        ends_s: npt.ArrayLike,
        silent: npt.ArrayLike,
        nodes: npt.NDArray[np.floating[Any]] | None = None,
    ) -> None:
        """Add all segments of one track.

        Args:
            track_id: not yet in the store.
            embeddings: (segments, d), at least one segment; all tracks have the same d.
            starts_s: (segments,) seconds, increasing.
            ends_s: (segments,) seconds, each after its start.
            silent: (segments,) whether the segment holds no sound worth a fingerprint.
            nodes: (segments, channels, nodes) or None, for all tracks alike; kept as float16.

        Raises:
            UserError: a number is not finite (or, in ``nodes``, beyond float16).
            ValueError: shapes disagree with each other or with the tracks before.
        """
        table = pd.DataFrame({"start_s": starts_s, "end_s": ends_s, "silent": silent})
        values = {_EMBEDDINGS: (embeddings, np.float32)} | (
            {} if nodes is None else {_NODES: (nodes, np.float16)}
        )
        if track_id in self._segments:
            raise ValueError(f"{track_id}: appended twice")
        if self._segments and values.keys() != self._arrays.keys():
            raise ValueError(f"{track_id}: node matrices for some tracks only")
        if any(not len(rows) == len(table) > 0 for rows, _ in values.values()):
            raise ValueError(f"{track_id}: {len(table)} segments, {len(embeddings)} embeddings")
        for name, (rows, dtype) in values.items():
            if name not in self._arrays:
                self._arrays[name] = _GrowingArray(self._folder / name, rows.shape[1:], dtype)
            self._arrays[name].append(rows, f"track '{track_id}'")
        table.insert(0, "track_id", track_id)
        self._segments[track_id] = table

    def close_arrays(self) -> None:
        for array in self._arrays.values():
            array.close()

    def write_tables(self, meta: dict[str, Any]) -> None:
        if not self._segments:
            raise ValueError(f"{self._folder}: a store without tracks")
        segments = pd.concat(self._segments.values(), ignore_index=True)
        segments["silent"] = segments["silent"].astype(bool)
        segments.insert(0, "row", np.arange(len(segments)))
        write_csv(self._folder / _SEGMENTS, segments)
        write_json(self._folder / _META, meta)


@contextmanager
def writing_store(folder: Path, meta: dict[str, Any]) -> Iterator[StoreWriter]:
    """Write a store; the folder appears when the block ends well, and not otherwise.

    Args:
        folder: the store; one that exists is replaced.
        meta: what the fingerprints were made with (encoder, the weights' SHA-256, front end,
            versions); anything that JSON can say.
    """
    remove_leftovers(folder.parent, {folder.name})
    with replacing_folder(folder) as temporary:
        writer = StoreWriter(temporary)
        try:
            yield writer
        finally:
            writer.close_arrays()
        writer.write_tables(meta)


def open_store(folder: Path) -> FingerprintStore:
    """Open a store and check it; the arrays stay on the disk until their rows are used.

    Raises:
        UserError: a file is missing or unreadable, files disagree, or embeddings are not finite.
    """
    embeddings = _open_array(folder / _EMBEDDINGS, np.float32, 2)
    nodes = _open_array(folder / _NODES, np.float16, 3) if (folder / _NODES).exists() else None
    segments = _read_segments(folder / _SEGMENTS)
    for name, array in ((_EMBEDDINGS, embeddings), (_NODES, nodes)):
        if array is not None and len(array) != len(segments):
            raise UserError(
                f"{folder / name}: {len(array)} rows, expected the {len(segments)} of {_SEGMENTS}"
            )
    # Smallest and largest carry every NaN and infinity and need no second array.
    if not (np.isfinite(embeddings.min()) and np.isfinite(embeddings.max())):
        raise UserError(f"{folder / _EMBEDDINGS}: holds NaN or infinity, expected finite numbers")
    tracks = _row_ranges(segments, folder / _SEGMENTS)
    meta = read_json(folder / _META, dict, "what made the fingerprints of a store")
    return FingerprintStore(folder, embeddings, nodes, segments, meta, tracks)


def open_stores(folders: Sequence[Path]) -> FingerprintStore:
    """Open stores of one encoder as one, in the order given; node matrices stay on the disk.

    Raises:
        UserError: a store is broken, two hold the same track, or they are of different encoders.
    """
    stores = [open_store(folder) for folder in folders]
    first = stores[0]
    if len(stores) == 1:
        return first
    tracks: dict[str, slice] = {}
    start = 0
    for store in stores:
        if store.meta != first.meta or store.embeddings.shape[1] != first.embeddings.shape[1]:
            raise UserError(
                f"{store.folder}: fingerprints by another encoder than those of {first.folder}"
            )
        for track_id, rows in store.tracks.items():
            if track_id in tracks:
                raise UserError(f"{store.folder}: track '{track_id}' stands in another store too")
            tracks[track_id] = slice(start + rows.start, start + rows.stop)
        start += len(store.embeddings)
    segments = pd.concat([store.segments for store in stores], ignore_index=True)
    nodes = [store.nodes for store in stores if isinstance(store.nodes, np.ndarray)]
    return FingerprintStore(
        first.folder,
        np.concatenate([store.embeddings for store in stores]),
        JoinedRows(nodes) if len(nodes) == len(stores) else None,
        segments.assign(row=np.arange(start)),
        first.meta,
        tracks,
    )


class _GrowingArray:
    """A ``.npy`` file that grows along its first axis.

    NumPy pads the header so that the first dimension can grow in place; the final header
    therefore fits over the first one.
    """

    def __init__(
        self, path: Path, item_shape: tuple[int, ...], dtype: type[np.floating[Any]]
    ) -> None:
        self._name = path.name
        self._item_shape = item_shape
        self._dtype = np.dtype(dtype)
        self._rows = 0
        self._file = path.open("wb")
        self._header_size = self._write_header()

    def append(self, items: npt.NDArray[np.floating[Any]], where: str) -> None:
        if items.shape[1:] != self._item_shape:
            raise ValueError(f"{where}: {items.shape[1:]} per row, expected {self._item_shape}")
        with np.errstate(over="ignore"):
            converted = np.ascontiguousarray(items, dtype=self._dtype)
        if not np.isfinite(converted).all():
            raise UserError(
                f"{self._name}: {where} has values that are not finite in {self._dtype}, "
                "expected those of an encoder whose training did not diverge"
            )
        self._file.write(converted.data)
        self._rows += len(converted)

    def close(self) -> None:
        self._file.seek(0)
        size = self._write_header()
        self._file.close()
        if size != self._header_size:
            raise RuntimeError("NumPy's .npy header no longer keeps its length as rows are added")

    def _write_header(self) -> int:
        header = {
            "descr": np.lib.format.dtype_to_descr(self._dtype),
            "fortran_order": False,
            "shape": (self._rows, *self._item_shape),
        }
        np.lib.format.write_array_header_1_0(self._file, header)
        return self._file.tell()


def _open_array(path: Path, dtype: type[_Scalar], dimensions: int) -> npt.NDArray[_Scalar]:
    try:
        array = np.load(path, mmap_mode="r")
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file, expected a fingerprint store") from error
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f"{path}: not a NumPy array file ({error})") from error
    if array.dtype != dtype or array.ndim != dimensions or not array.size:
        raise UserError(
            f"{path}: {array.dtype} of shape {array.shape}, "
            f"expected non-empty {np.dtype(dtype).name} of {dimensions} dimensions"
        )
    return cast("npt.NDArray[_Scalar]", array)


def _read_segments(path: Path) -> pd.DataFrame:
    types = {"row": int, "track_id": str, "start_s": float, "end_s": float, "silent": bool}
    try:
        table = pd.read_csv(path, usecols=list(SEGMENT_COLUMNS), dtype=types, keep_default_na=False)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file, expected a fingerprint store") from error
    except (ValueError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{path}: not a segment table ({reason}), expected {', '.join(SEGMENT_COLUMNS)}"
        ) from error
    return table[list(SEGMENT_COLUMNS)]


def _row_ranges(segments: pd.DataFrame, path: Path) -> dict[str, slice]:
    """Check the order of the segments; map each track to its rows.

    Raises:
        UserError: rows do not count up from 0, a track's rows lie apart, or times do not increase.
    """
    if not np.array_equal(segments["row"], np.arange(len(segments))):
        raise UserError(f"{path}: column 'row' does not count up from 0")
    track = segments["track_id"].to_numpy()
    first = np.flatnonzero(np.concatenate(([True], track[1:] != track[:-1])))
    bounds = [*first.tolist(), len(segments)]
    ranges = {str(track[start]): slice(start, end) for start, end in pairwise(bounds)}
    if len(ranges) != len(first):
        raise UserError(f"{path}: a track's rows lie apart, expected each track in one piece")
    starts = segments["start_s"].to_numpy(dtype=float)
    later = np.diff(starts, prepend=-np.inf) > 0
    later[first] = True
    wrong = ~(later & (segments["end_s"].to_numpy(dtype=float) > starts) & (starts >= 0))
    if wrong.any():
        line = int(wrong.argmax()) + 2
        raise UserError(
            f"{path}, line {line}: segment starts at {starts[line - 2]} s, expected "
            "segments in the order of time, each ending after its start"
        )
    return ranges
