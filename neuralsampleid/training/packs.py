"""Stems packed for training: a memory-mapped file per shard, so that a window is one short read.

A packed folder holds ``audio.raw``, int16 (samples of all its tracks, 4 stems), and ``tracks.csv``:
track_id, first (row in ``audio.raw``), samples, sample_rate, and the SHA-256 of the track's rows.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from neuralsampleid.audio.io import read_audio
from neuralsampleid.errors import UserError
from neuralsampleid.files import remove_leftovers, replacing_folder, write_csv
from neuralsampleid.separation.precomputed import find_stems
from neuralsampleid.separation.stems import STEMS

Samples = npt.NDArray[np.int16]  # (samples, 4) in the order of ``STEMS``
PACKED_COLUMNS = ("track_id", "first", "samples", "sample_rate", "sha256")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class PackedStems:
    """All stems of all training tracks at one sample rate.

    Attributes:
        audio: one array per shard, memory-mapped.
        tracks: track_id, shard (place in ``audio``), first (row there), samples, sha256.
        sample_rate: Hz.
        folders: of the shards; empty if they are in memory only.
    """

    audio: tuple[Samples, ...]
    tracks: pd.DataFrame
    sample_rate: int
    folders: tuple[Path, ...] = ()

    def window(self, track: int, start: int, samples: int) -> npt.NDArray[np.float32]:
        """float32 (4, samples) in [-1, 1]; what lies beyond the track's end is silence."""
        shard, first, size = (
            self.tracks[column].iat[track] for column in ("shard", "first", "samples")
        )
        stop = min(start + samples, size)
        window = np.zeros((len(STEMS), samples), np.float32)
        window[:, : stop - start] = self.audio[shard][first + start : first + stop].T
        window *= 1.0 / 32768.0
        return window

    def digest(self) -> str:
        """SHA-256 of all audio with its tracks' ids, from what was noted when it was packed.

        It depends on neither the number of shards nor their folders, and no audio is read.
        """
        return digest_of(self.tracks[["track_id", "samples", "sha256"]], self.sample_rate)

    def __reduce__(self) -> tuple[Any, ...]:
        """A worker process that is not forked maps the files; it is not sent their content."""
        if self.folders:
            return open_packed, (self.folders,)
        return PackedStems, (self.audio, self.tracks, self.sample_rate)


def digest_of(rows: pd.DataFrame, made_with: int) -> str:
    """SHA-256 of what was noted of packed tracks, and of a number that they were packed with."""
    text = "".join(" ".join(map(str, row)) + "\n" for row in rows.itertuples(index=False))
    return hashlib.sha256(f"{made_with}\n{text}".encode()).hexdigest()


def pack_stems(stems: Path, track_ids: Sequence[str], sample_rate: int, folder: Path) -> None:
    """Write the stems of the named tracks, resampled, as one packed folder.

    Args:
        stems: folder with ``<track id>/<stem>.<flac | wav | mp3 | ogg>``.
        track_ids: the tracks to pack, in this order; a shard may have none.
        sample_rate: Hz, the encoder's.
        folder: replaced as a whole once everything is written.

    Raises:
        UserError: a stem is missing, or cannot be decoded.
    """
    rows: list[tuple[str, int, int, int, str]] = []
    remove_leftovers(folder.parent, {folder.name})
    with replacing_folder(folder) as temporary:
        first = 0
        with (temporary / "audio.raw").open("wb") as raw:
            for track_id in track_ids:
                block = _track_block(stems / track_id, sample_rate)
                raw.write(block.data)
                sha256 = hashlib.sha256(block.data).hexdigest()
                rows.append((track_id, first, len(block), sample_rate, sha256))
                first += len(block)
        write_csv(temporary / "tracks.csv", pd.DataFrame(rows, columns=list(PACKED_COLUMNS)))
    _LOG.info("packed %d tracks, %.1f minutes", len(rows), first / sample_rate / 60)


def open_packed(folders: Sequence[Path]) -> PackedStems:
    """Memory-map packed folders of one sample rate as if they were one, in the order given.

    Raises:
        UserError: a folder is incomplete, its files disagree, rates differ, or there is no track.
    """
    opened = [_open_shard(folder) for folder in folders]
    tables = [table.assign(shard=place) for place, (_, table) in enumerate(opened)]
    tracks = pd.concat(tables, ignore_index=True)
    rates = tracks["sample_rate"].unique().tolist()
    if not rates:
        raise UserError(f"{folders[0]}: no training track has stems, expected at least one")
    if len(rates) > 1:
        raise UserError(f"{folders[0]}: packed at {rates} Hz, expected one sample rate")
    tracks = tracks[["track_id", "shard", "first", "samples", "sha256"]]
    return PackedStems(tuple(audio for audio, _ in opened), tracks, int(rates[0]), tuple(folders))


def _open_shard(folder: Path) -> tuple[Samples, pd.DataFrame]:
    types = {"track_id": str, "first": int, "samples": int, "sample_rate": int, "sha256": str}
    path = folder / "audio.raw"
    try:
        tracks = pd.read_csv(
            folder / "tracks.csv", dtype=types, usecols=list(types), keep_default_na=False
        )
        # An empty file cannot be mapped.
        audio: Samples = np.zeros(0, np.int16)
        if path.stat().st_size:
            audio = np.memmap(path, dtype=np.int16, mode="r")
        audio = audio.reshape(-1, len(STEMS))
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: not a folder of packed stems ({error})") from error
    if len(audio) != tracks["samples"].sum():
        raise UserError(
            f"{folder}: audio.raw holds {len(audio)} samples, tracks.csv says "
            f"{tracks['samples'].sum()}"
        )
    return audio, tracks


def _track_block(folder: Path, sample_rate: int) -> Samples:
    """One track's stems; shorter stems end in silence."""
    files = find_stems(folder)
    waves = [read_audio(files[stem], sample_rate) for stem in STEMS]
    block = np.zeros((max(map(len, waves)), len(STEMS)), np.int16)
    for column, wave in enumerate(waves):
        block[: len(wave), column] = np.clip(np.rint(wave * 32768.0), -32768, 32767)
    return block
