"""The fingerprint store: one folder with the segments of a set of tracks.

``embeddings.npy`` float32 (segments, d); ``nodes.npy`` float16 (segments, channels, nodes) where
a re-ranker needs them; ``segments.csv`` (row, track_id, start_s, end_s, silent);
``meta.json`` (what made it). Rows of a track are contiguous and in the order of time. A store is
written under a temporary name, renamed, and never changed afterwards. Stores of one encoder, such
as the shards of a role, are opened as one. Queries of an encoder that reads them at several speeds
have a store for each within theirs (fingerprints/readings.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
from neuralsampleid.fingerprints.segments import Segments

SEGMENT_COLUMNS = ("row", "track_id", "start_s", "end_s", "silent")
_EMBEDDINGS, _NODES, _SEGMENTS, _META = "embeddings.npy", "nodes.npy", "segments.csv", "meta.json"

_Scalar = TypeVar("_Scalar", bound=np.generic)


class StoreWriter:
    """Adds tracks to a store that is being written; see ``writing_store``.

    Memory does not grow with the arrays: they go to the disk track by track.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tables: dict[str, pd.DataFrame] = {}
        self._arrays: dict[str, _GrowingArray] = {}
        self._within: dict[str, StoreWriter] = {}

    def within(self, name: str) -> StoreWriter:
        """Another store of the same tracks, in a folder of this one."""
        if name not in self._within:
            (self._folder / name).mkdir()
            self._within[name] = StoreWriter(self._folder / name)
        return self._within[name]

    def append(self, track: Segments) -> None:
        """Add a track.

        Args:
            track: all segments of one track that is not yet in the store, at least one; d is that
                of the tracks before. Its node matrices, if the others have some, are kept as
                float16.

        Raises:
            UserError: a number is not finite (or, in ``nodes``, beyond float16).
            ValueError: shapes disagree with the tracks before.
        """
        (track_id,) = track.track_ids
        values: dict[str, tuple[npt.NDArray[Any], type[np.floating[Any]]]] = {
            _EMBEDDINGS: (track.embeddings, np.float32)
        }
        if track.nodes is not None:
            values[_NODES] = (track.nodes[:], np.float16)
        if track_id in self._tables:
            raise ValueError(f"{track_id}: appended twice")
        if self._tables and values.keys() != self._arrays.keys():
            raise ValueError(f"{track_id}: node matrices for some tracks only")
        if not len(track):
            raise ValueError(f"{track_id}: no segment")
        for name, (rows, dtype) in values.items():
            if name not in self._arrays:
                self._arrays[name] = _GrowingArray(self._folder / name, rows.shape[1:], dtype)
            self._arrays[name].append(rows, f"track '{track_id}'")
        columns = (track_id, track.starts_s, track.ends_s, track.silent)
        self._tables[track_id] = pd.DataFrame(dict(zip(SEGMENT_COLUMNS[1:], columns, strict=True)))

    def close_arrays(self) -> None:
        for array in self._arrays.values():
            array.close()
        for other in self._within.values():
            other.close_arrays()

    def write_tables(self, meta: dict[str, Any]) -> None:
        if not self._tables:
            raise ValueError(f"{self._folder}: a store without tracks")
        segments = pd.concat(self._tables.values(), ignore_index=True)
        segments.insert(0, "row", np.arange(len(segments)))
        write_csv(self._folder / _SEGMENTS, segments)
        write_json(self._folder / _META, meta)
        for other in self._within.values():
            other.write_tables(meta)


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


def open_stores(folders: Sequence[str | Path]) -> Segments:
    """Open and check stores of one encoder as one, in the order given.

    Node matrices, and the embeddings of a single store, stay on the disk until their rows are used.

    Raises:
        UserError: a file is missing or unreadable, files disagree, embeddings are not finite, two
            stores hold the same track, or they are of different encoders.
    """
    parts, seen, made_by = list[Segments](), set[str](), list[dict[str, Any]]()
    for folder in map(Path, folders):
        part = _open_store(folder)
        parts.append(part)
        made_by.append(read_json(folder / _META, dict, "what made the fingerprints of a store"))
        sizes = part.embeddings.shape[1], parts[0].embeddings.shape[1]
        if made_by[-1] != made_by[0] or sizes[0] != sizes[1]:
            raise UserError(f"{folder}: fingerprints by another encoder than those of {folders[0]}")
        both = seen.intersection(part.track_ids)
        if both:
            raise UserError(f"{folder}: track '{min(both)}' stands in another store too")
        seen.update(part.track_ids)
    return Segments.join(parts)


def _open_store(folder: Path) -> Segments:
    embeddings = _open_array(folder / _EMBEDDINGS, np.float32, 2)
    nodes = _open_array(folder / _NODES, np.float16, 3) if (folder / _NODES).exists() else None
    table = _read_segments(folder / _SEGMENTS)
    for name, array in ((_EMBEDDINGS, embeddings), (_NODES, nodes)):
        if array is not None and len(array) != len(table):
            raise UserError(
                f"{folder / name}: {len(array)} rows, expected the {len(table)} of {_SEGMENTS}"
            )
    # Smallest and largest carry every NaN and infinity and need no second array.
    if not (np.isfinite(embeddings.min()) and np.isfinite(embeddings.max())):
        raise UserError(f"{folder / _EMBEDDINGS}: holds NaN or infinity, expected finite numbers")
    return Segments.of(
        _counts(table, folder / _SEGMENTS),
        embeddings,
        starts_s=table["start_s"].to_numpy(float),
        ends_s=table["end_s"].to_numpy(float),
        silent=table["silent"].to_numpy(bool),
        nodes=nodes,
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
        self._dtype = np.dtype(dtype)
        self._shape = (0, *item_shape)
        self._file = path.open("wb")
        self._header_size = self._write_header()

    def append(self, items: npt.NDArray[np.floating[Any]], where: str) -> None:
        if items.shape[1:] != self._shape[1:]:
            raise ValueError(f"{where}: {items.shape[1:]} per row, expected {self._shape[1:]}")
        with np.errstate(over="ignore"):
            converted = np.ascontiguousarray(items, dtype=self._dtype)
        if not np.isfinite(converted).all():
            raise UserError(
                f"{self._name}: {where} has values that are not finite in {self._dtype}, "
                "expected those of an encoder whose training did not diverge"
            )
        self._file.write(converted.data)
        self._shape = (self._shape[0] + len(converted), *self._shape[1:])

    def close(self) -> None:
        self._file.seek(0)
        size = self._write_header()
        self._file.close()
        if size != self._header_size:
            raise RuntimeError("NumPy's .npy header no longer keeps its length as rows are added")

    def _write_header(self) -> int:
        described = np.lib.format.dtype_to_descr(self._dtype)
        header = {"descr": described, "fortran_order": False, "shape": self._shape}
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
        return pd.read_csv(path, usecols=list(SEGMENT_COLUMNS), dtype=types, keep_default_na=False)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file, expected a fingerprint store") from error
    except (ValueError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{path}: not a segment table ({reason}), expected {', '.join(SEGMENT_COLUMNS)}"
        ) from error


def _counts(table: pd.DataFrame, path: Path) -> dict[str, int]:
    """Check the order of the segments; track id → number of its segments.

    Raises:
        UserError: rows do not count up from 0, a track's rows lie apart, or times do not increase.
    """
    if not np.array_equal(table["row"], np.arange(len(table))):
        raise UserError(f"{path}: column 'row' does not count up from 0")
    same = table["track_id"].eq(table["track_id"].shift())
    counts = table.groupby("track_id", sort=False).size()
    if (~same).sum() != len(counts):
        raise UserError(f"{path}: a track's rows lie apart, expected each track in one piece")
    starts, ends = table["start_s"], table["end_s"]
    wrong = ((starts <= starts.shift()) & same) | (ends <= starts) | (starts < 0)
    wrong |= starts.isna() | ends.isna()
    if wrong.any():
        row = int(wrong.argmax())
        raise UserError(
            f"{path}, line {row + 2}: segment starts at {starts[row]} s, expected "
            "segments in the order of time, each ending after its start"
        )
    return {str(track_id): int(count) for track_id, count in counts.items()}
