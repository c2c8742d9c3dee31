"""Levels of a track's sources: from its stems, or from its mix by median filters.

Stems are separated far more slowly than a small network trains. Parts of a mix need not sound well
here: a median over time keeps what lasts, one over frequency what is short (FitzGerald,
"Harmonic/percussive separation using median filtering", DAFx 2010), and both share the power of
each cell.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from neuralsampleid.audio.feature_blocks import FeatureBlocks
from neuralsampleid.audio.ffmpeg import read_tracks
from neuralsampleid.audio.front_ends import ConstantQFrontEnd
from neuralsampleid.audio.sound import Waveform
from neuralsampleid.audio.spectra import median_along_rows
from neuralsampleid.config import ConstantQ
from neuralsampleid.errors import UserError
from neuralsampleid.training.level_packs import Levels, coded
from neuralsampleid.training.packs import PackedStems
from neuralsampleid.training.pairs import ACCOMPANIMENT, DRUMS, SOURCES

_LASTING_S = 0.48  # over which a median keeps notes
_BROAD_OCTAVES = 0.7  # over which a median keeps strokes
_NOTHING = 1e-9  # power that is shared by halves


def levels_of_stems(packed: PackedStems, settings: ConstantQ) -> Iterator[tuple[str, Levels]]:
    """Track ids and levels of packed stems; a source that is silent has none.

    Args:
        packed: one shard at the front end's sample rate.
        settings: of the front end.

    Raises:
        UserError: the stems have another sample rate.
    """
    if packed.sample_rate != settings.sample_rate:
        raise UserError(
            f"packed stems have {packed.sample_rate} Hz, expected {settings.sample_rate}"
        )
    front_end = _front_end(settings)
    for number, track in enumerate(packed.tracks.itertuples()):
        stems = packed.window(number, 0, int(track.samples))
        frames = 1 + int(track.samples) // front_end.hop_length
        levels = np.zeros((frames, len(SOURCES), front_end.bins), np.uint8)
        for place, members in enumerate(SOURCES):
            audio = stems[list(members)].sum(axis=0)
            if audio.any():
                levels[:, place] = coded(_magnitudes(audio, front_end))
        yield str(track.track_id), levels


def levels_of_mixes(tracks: pd.DataFrame, settings: ConstantQ) -> Iterator[tuple[str, Levels]]:
    """Track ids and levels of mixes: what is short as drums, the rest as accompaniment.

    Args:
        tracks: ``track_id`` and ``path``.
        settings: of the front end.

    Raises:
        UserError: as of ``read_tracks``.
    """
    front_end = _front_end(settings)
    rate = settings.sample_rate / settings.hop_length
    for track_id, audio in read_tracks(tracks, settings.sample_rate, "pack levels"):
        magnitudes = _magnitudes(audio, front_end)
        share = lasting_share(
            magnitudes,
            frames=round(_LASTING_S * rate),
            bins=round(_BROAD_OCTAVES * settings.bins_per_octave),
        )
        levels = np.zeros((len(magnitudes), len(SOURCES), front_end.bins), np.uint8)
        levels[:, DRUMS] = coded(magnitudes * np.sqrt(1 - share))
        levels[:, ACCOMPANIMENT] = coded(magnitudes * np.sqrt(share))
        yield track_id, levels


def lasting_share(
    magnitudes: npt.NDArray[np.float32], frames: int, bins: int
) -> npt.NDArray[np.float32]:
    """The share of each cell's power that lasts, rather than being short and broad.

    Args:
        magnitudes: (frames, bins).
        frames: over which a median keeps what lasts.
        bins: over which a median keeps what is broad.
    """
    lasting = median_along_rows(np.ascontiguousarray(magnitudes.T), frames).T.astype(np.float32)
    short = median_along_rows(magnitudes, bins).astype(np.float32)
    share: npt.NDArray[np.float32] = (lasting**2 + _NOTHING / 2) / (
        lasting**2 + short**2 + _NOTHING
    )
    return share


def _front_end(settings: ConstantQ) -> ConstantQFrontEnd:
    return ConstantQFrontEnd(settings.model_copy(update={"log_magnitude": False}))


def _magnitudes(audio: Waveform, front_end: ConstantQFrontEnd) -> npt.NDArray[np.float32]:
    """(frames, bins)."""
    blocks = FeatureBlocks(front_end)
    features = torch.cat([*blocks.feed(audio), *blocks.finish()], dim=1)
    return np.ascontiguousarray(features.numpy().T)
