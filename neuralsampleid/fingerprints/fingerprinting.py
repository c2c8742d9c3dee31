"""Fingerprinting: a track's audio → one embedding (and node matrix) per segment."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from neuralsampleid.audio.feature_blocks import FeatureBlocks
from neuralsampleid.audio.ffmpeg import read_tracks
from neuralsampleid.audio.front_ends import segment_samples
from neuralsampleid.audio.sound import Stretch, Waveform
from neuralsampleid.config import EncoderSettings
from neuralsampleid.devices import Exact, computing
from neuralsampleid.fingerprints.segments import Segments
from neuralsampleid.fingerprints.windows import BATCH, Windows
from neuralsampleid.models.encoder import SegmentEncoder

if TYPE_CHECKING:  # what reading and writing tables needs, and a single track does not
    import pandas as pd

    from neuralsampleid.fingerprints.store import StoreWriter

_LOG = logging.getLogger(__name__)
SILENCE_DB = -60.0  # a segment's level re full scale below which it is marked silent


def fingerprint_track(
    encoder: SegmentEncoder, audio: Waveform, track_id: str = "", *, precision: Exact = "float32"
) -> Segments:
    """Fingerprint one track, see ``SegmentMaker``.

    Args:
        encoder: in evaluation mode.
        audio: float32 (samples,) at the encoder's sample rate.
        track_id: the track's name.
        precision: of the network; features and what is returned are float32.
    """
    maker = SegmentMaker(encoder, precision=precision)
    maker.feed(audio)
    return maker.finish(track_id)


class SegmentMaker:
    """Fingerprints a track that comes in blocks, of which it keeps what is still needed.

    As in upstream, the whole track's features are cut into segments with a hop; a shorter track is
    padded with silence to one segment and frames left over at the end are dropped. It computes on
    the encoder's device.

    Args:
        encoder: in evaluation mode.
        nodes: keep the node matrices, where the encoder has them.
        precision: of the network; features and what is returned are float32.
    """

    def __init__(
        self, encoder: SegmentEncoder, *, nodes: bool = True, precision: Exact = "float32"
    ) -> None:
        front_end = encoder.front_end
        self._encoder, self._keeps_nodes, self._precision = encoder, nodes, precision
        self._hop = encoder.segment_hop * front_end.hop_length  # samples between segments
        self._needed = (front_end.frames - 1) * front_end.hop_length + front_end.hop_length // 2
        self._audio, self._blocks = Stretch(), FeatureBlocks(front_end)
        self._windows = Windows(encoder)
        self._embeddings: list[npt.NDArray[np.float32]] = []
        self._nodes: list[npt.NDArray[np.float32]] = []
        self._levels: list[float] = []

    def feed(self, audio: Waveform) -> None:
        """Take more samples, float32 (samples,) at the encoder's rate."""
        self._audio.append(audio)
        for features in self._blocks.feed(audio):
            self._encode(self._windows.feed(features))

    def finish(self, track_id: str = "") -> Segments:
        """The segments of all that was taken.

        Returns:
            At least one segment, with node matrices where the encoder has them. A silent segment is
            marked, and its numbers are finite.
        """
        length, rate = self._audio.end, self._encoder.front_end.sample_rate
        self.feed(np.zeros(max(0, self._needed - length), np.float32))
        for features in self._blocks.finish():
            self._encode(self._windows.feed(features))
        self._encode(self._windows.finish())
        starts = np.arange(len(self._levels)) * self._hop
        return Segments.of(
            {track_id: len(starts)},
            np.concatenate(self._embeddings)[: len(starts)],
            starts_s=starts / rate,
            ends_s=np.minimum(starts + self._needed, max(length, self._needed)) / rate,
            silent=np.array(self._levels) < SILENCE_DB,
            seconds=np.array([length / rate]),
            nodes=np.concatenate(self._nodes)[: len(starts)] if self._nodes else None,
        )

    @torch.inference_mode()
    def _encode(self, windows: Tensor) -> None:
        """Encode windows (n, bins, frames), which follow each other."""
        for batch in windows.split(BATCH) if len(windows) else ():
            with computing(batch.device, self._precision):
                encoding = self._encoder.encode(batch)
            self._embeddings.append(encoding.embedding.float().cpu().numpy())
            if self._keeps_nodes and encoding.nodes is not None:
                self._nodes.append(encoding.nodes.float().cpu().numpy())
        for _ in range(self._windows.segments - len(self._levels)):
            start = len(self._levels) * self._hop
            self._levels.append(_level_db(self._audio.part(start, start + self._needed)))
        self._audio.drop(len(self._levels) * self._hop)


def fingerprint_tracks(
    encoder: SegmentEncoder,
    tracks: pd.DataFrame,
    store: StoreWriter,
    *,
    nodes: bool = True,
    precision: Exact = "float32",
) -> None:
    """Fingerprint a catalogue's tracks into a store.

    Args:
        encoder: in evaluation mode.
        tracks: ``track_id`` and ``path``.
        store: they are appended to it.
        nodes: store the node matrices, which only a re-ranker needs, where the encoder has them.
        precision: see ``fingerprint_track``.

    Raises:
        UserError: as of ``read_tracks``.
    """
    started, seconds = time.monotonic(), 0.0
    for track_id, audio in read_tracks(tracks, encoder.front_end.sample_rate, "fingerprint"):
        track = fingerprint_track(encoder, audio, track_id, precision=precision)
        store.append(track if nodes else replace(track, nodes=None))
        seconds += float(track.seconds[0])
    _LOG.info("%.0f × real time", seconds / (time.monotonic() - started))


def segment_seconds(settings: EncoderSettings) -> float:
    """How long a segment is."""
    return segment_samples(settings.front_end) / settings.front_end.sample_rate


def _level_db(audio: Waveform) -> float:
    """Mean level re full scale."""
    return float(10 * np.log10(max(np.square(audio, dtype=np.float64).mean(), 1e-20)))
