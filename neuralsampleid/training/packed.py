"""Stems packed for training: one memory-mapped file, so that a window is one short read."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from neuralsampleid.audio.io import audio_info, read_audio
from neuralsampleid.errors import UserError
from neuralsampleid.files import replacing_folder, write_csv
from neuralsampleid.separation.stems import STEMS

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class PackedStems:
    """All stems of all training tracks at one sample rate.

    Attributes:
        audio: int16 (samples of all tracks, 4 stems in the order of ``STEMS``), memory-mapped.
        tracks: track_id, first (row in ``audio``), samples.
        sample_rate: Hz.
    """

    audio: npt.NDArray[np.int16]
    tracks: pd.DataFrame
    sample_rate: int

    def window(self, track: int, start: int, samples: int) -> npt.NDArray[np.float32]:
        """float32 (4, samples) in [-1, 1]; what lies beyond the track's end is silence."""
        first, size = self.tracks["first"].iat[track], self.tracks["samples"].iat[track]
        stop = min(start + samples, size)
        window = np.zeros((len(STEMS), samples), np.float32)
        window[:, : stop - start] = self.audio[first + start : first + stop].T
        window *= 1.0 / 32768.0
        return window


def pack_stems(stems: Path, track_ids: list[str], sample_rate: int, folder: Path) -> None:
    """Write the stems of the named tracks, resampled, as one packed folder.

    Args:
        stems: folder with ``<track id>/<stem>.flac``.
        track_ids: the tracks to pack, in this order.
        sample_rate: Hz, the encoder's.
        folder: replaced as a whole once everything is written.

    Raises:
        UserError: no track, a stem is missing, or cannot be decoded.
    """
    if not track_ids:
        raise UserError(f"{stems}: no training track has stems, expected at least one")
    rows: list[dict[str, Any]] = []
    with replacing_folder(folder) as temporary:
        first = 0
        with (temporary / "audio.raw").open("wb") as raw:
            for track_id in track_ids:
                block = _track_block(stems / track_id, sample_rate)
                block.tofile(raw)
                rows.append({"track_id": track_id, "first": first, "samples": len(block)})
                first += len(block)
        write_csv(temporary / "tracks.csv", pd.DataFrame(rows).assign(sample_rate=sample_rate))
    _LOG.info("packed %d tracks, %.1f minutes", len(rows), first / sample_rate / 60)


def open_packed(folder: Path) -> PackedStems:
    """Memory-map a packed folder.

    Raises:
        UserError: the folder is incomplete or its files disagree.
    """
    try:
        tracks = pd.read_csv(folder / "tracks.csv", dtype={"track_id": str})
        audio = np.memmap(folder / "audio.raw", dtype=np.int16, mode="r").reshape(-1, len(STEMS))
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: not a folder of packed stems ({error})") from error
    if len(audio) != tracks["samples"].sum():
        raise UserError(
            f"{folder}: audio.raw holds {len(audio)} samples, tracks.csv says "
            f"{tracks['samples'].sum()}"
        )
    return PackedStems(audio, tracks, int(tracks["sample_rate"].iat[0]))


def _track_block(folder: Path, sample_rate: int) -> npt.NDArray[np.int16]:
    """One track's stems as int16 (samples, 4); shorter stems end in silence."""
    paths = [folder / f"{stem}.flac" for stem in STEMS]
    for path in paths:
        audio_info(path)
    stems = [read_audio(path, sample_rate) for path in paths]
    block = np.zeros((max(map(len, stems)), len(STEMS)), np.int16)
    for column, stem in enumerate(stems):
        block[: len(stem), column] = np.clip(np.rint(stem * 32768.0), -32768, 32767)
    return block
