"""Levels packed for training: constant-Q power of each source, made once, in a byte per value.

Front ends cost as much as a small network, and all changes of training act on power. What levels
are made of: ``source_levels``. A packed folder holds ``levels.raw``, uint8 (frames of all its
tracks, sources, bins), and ``tracks.csv``: track_id, first (row in ``levels.raw``), frames, and the
SHA-256 of its rows.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from neuralsampleid.errors import UserError
from neuralsampleid.files import remove_leftovers, replacing_folder, write_csv
from neuralsampleid.training.packs import digest_of
from neuralsampleid.training.pairs import SOURCES

Levels = npt.NDArray[np.uint8]  # (frames, sources, bins); 0: nothing
STEP_DB, LOWEST_DB = 0.5, -107.5  # the power of code c is LOWEST_DB + c · STEP_DB
_COLUMNS = {"track_id": str, "first": int, "frames": int, "sha256": str}
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class PackedLevels:
    """Levels of all sources of all training tracks.

    Attributes:
        levels: one array per shard, memory-mapped.
        tracks: track_id, shard (place in ``levels``), first (row there), frames, sha256.
        folders: of the shards; empty if they are in memory only.
    """

    levels: tuple[Levels, ...]
    tracks: pd.DataFrame
    folders: tuple[Path, ...] = ()

    @property
    def bins(self) -> int:
        return int(self.levels[0].shape[2])

    def frames(self, track: int) -> int:
        return int(self.tracks["frames"].iat[track])

    def part(self, track: int, start: int, frames: int) -> Levels:
        """Levels (frames, sources, bins); what lies outside the track is 0."""
        shard, first = (int(self.tracks[name].iat[track]) for name in ("shard", "first"))
        part = np.zeros((frames, *self.levels[shard].shape[1:]), np.uint8)
        begin, end = max(0, start), min(start + frames, self.frames(track))
        if end > begin:
            rows = slice(first + begin, first + end)
            part[begin - start : end - start] = self.levels[shard][rows]
        return part

    def __reduce__(self) -> tuple[Any, ...]:
        """A worker process that is not forked maps the files; it is not sent their content."""
        if self.folders:
            return open_levels, (self.folders, self.bins)
        return PackedLevels, (self.levels, self.tracks)

    def digest(self) -> str:
        """SHA-256 of all levels with their tracks' ids, from what was noted when packed."""
        return digest_of(self.tracks[["track_id", "frames", "sha256"]], self.bins)


@cache
def powers() -> npt.NDArray[np.float32]:
    """The power of each code, (256,)."""
    values = 10 ** ((LOWEST_DB + STEP_DB * np.arange(256)) / 10)
    values[0] = 0.0
    return values.astype(np.float32)


def pack_levels(levels: Iterable[tuple[str, Levels]], folder: Path) -> None:
    """Write tracks' levels.

    Args:
        levels: track ids and levels, of one number of bins; see ``levels_of_stems`` and
            ``levels_of_mixes``.
        folder: replaced as a whole once everything is written.
    """
    rows: list[tuple[str, int, int, str]] = []
    remove_leftovers(folder.parent, {folder.name})
    with replacing_folder(folder) as temporary:
        first = 0
        with (temporary / "levels.raw").open("wb") as raw:
            for track_id, own in levels:
                raw.write(own.data)
                rows.append((track_id, first, len(own), hashlib.sha256(own.data).hexdigest()))
                first += len(own)
        write_csv(temporary / "tracks.csv", pd.DataFrame(rows, columns=list(_COLUMNS)))
    _LOG.info("packed the levels of %d tracks, %d frames", len(rows), first)


def open_levels(folders: Sequence[Path], bins: int) -> PackedLevels:
    """Memory-map packed folders as if they were one, in the order given.

    Raises:
        UserError: a folder is incomplete, or its files disagree; or there is no track.
    """
    opened = [_open_shard(folder, bins) for folder in folders]
    tables = [table.assign(shard=place) for place, (_, table) in enumerate(opened)]
    tracks = pd.concat(tables, ignore_index=True)
    if not len(tracks):
        raise UserError(f"{folders[0]}: no training track has levels, expected at least one")
    return PackedLevels(tuple(levels for levels, _ in opened), tracks, tuple(folders))


def _open_shard(folder: Path, bins: int) -> tuple[Levels, pd.DataFrame]:
    path, row = folder / "levels.raw", len(SOURCES) * bins
    try:
        tracks = pd.read_csv(
            folder / "tracks.csv", dtype=_COLUMNS, usecols=list(_COLUMNS), keep_default_na=False
        )
        # An empty file cannot be mapped.
        size = path.stat().st_size
        content = np.memmap(path, np.uint8, mode="r") if size else np.zeros(0, np.uint8)
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: not a folder of packed levels ({error})") from error
    if size != tracks["frames"].sum() * row:
        raise UserError(
            f"{folder}: levels.raw holds {size} bytes, tracks.csv says "
            f"{tracks['frames'].sum()} frames of {row}"
        )
    return content.reshape(-1, len(SOURCES), bins), tracks


def coded(magnitudes: npt.NDArray[np.float32]) -> Levels:
    """Codes of magnitudes, of the same shape."""
    level_db = 20 * np.log10(np.maximum(magnitudes, 1e-10))
    return np.clip(np.rint((level_db - LOWEST_DB) / STEP_DB), 0, 255).astype(np.uint8)
