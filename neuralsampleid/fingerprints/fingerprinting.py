"""Fingerprinting: a track's audio → one embedding (and node matrix) per segment."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from neuralsampleid.audio.ffmpeg import read_tracks
from neuralsampleid.audio.front_ends import ConstantQFrontEnd, LogMelFrontEnd, segment_samples
from neuralsampleid.audio.io import Waveform
from neuralsampleid.config import EncoderSettings
from neuralsampleid.devices import Exact, computing, device_of
from neuralsampleid.fingerprints.segments import Segments
from neuralsampleid.models.encoder import SegmentEncoder

if TYPE_CHECKING:  # what reading and writing tables needs, and a single track does not
    import pandas as pd

    from neuralsampleid.fingerprints.store import StoreWriter

_LOG = logging.getLogger(__name__)
SILENCE_DB = -60.0  # a segment's level re full scale below which it is marked silent
BLOCK = 1 << 13  # frames whose features are computed at once
BATCH = 32  # segments encoded at once; more leave the processor's cache


@torch.inference_mode()
def fingerprint_track(
    encoder: SegmentEncoder, audio: Waveform, track_id: str = "", *, precision: Exact = "float32"
) -> Segments:
    """Fingerprint one track in one pass, on the encoder's device.

    As in upstream, the whole track's features are cut into segments with a hop; a shorter track is
    padded with silence to one segment and frames left over at the end are dropped.

    Args:
        encoder: in evaluation mode.
        audio: float32 (samples,) at the encoder's sample rate.
        track_id: the track's name.
        precision: of the network; features and what is returned are float32.

    Returns:
        At least one segment, with node matrices where the encoder has them. A silent
        segment is marked, and its numbers are finite.
    """
    front_end = encoder.front_end
    hop, frames = front_end.hop_length, front_end.frames
    needed = (frames - 1) * hop + hop // 2
    padded = np.pad(audio, (0, max(0, needed - len(audio))))
    device = device_of(encoder)
    features = features_of(front_end, torch.from_numpy(padded).to(device))
    segments = features.unfold(1, frames, encoder.segment_hop).transpose(0, 1)
    embeddings, nodes = [], []
    for batch in segments.split(BATCH):
        with computing(device, precision):
            encoding = encoder.encode(batch)
        embeddings.append(encoding.embedding.float().cpu().numpy())
        if encoding.nodes is not None:
            nodes.append(encoding.nodes.float().cpu().numpy())
    starts = np.arange(len(segments)) * encoder.segment_hop * hop
    levels = np.array([_level_db(padded[start : start + needed]) for start in starts])
    return Segments.of(
        {track_id: len(segments)},
        np.concatenate(embeddings),
        starts_s=starts / front_end.sample_rate,
        ends_s=np.minimum(starts + needed, max(len(audio), needed)) / front_end.sample_rate,
        silent=levels < SILENCE_DB,
        seconds=np.array([len(audio) / front_end.sample_rate]),
        nodes=np.concatenate(nodes) if nodes else None,
    )


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


def features_of(front_end: LogMelFrontEnd | ConstantQFrontEnd, audio: Tensor) -> Tensor:
    """A track's features, as the front end makes them of the whole of it, (bins, frames).

    A long track is taken in blocks, because its spectrum needs much more memory than its features.

    Args:
        front_end: of an encoder.
        audio: (samples,).
    """
    hop = front_end.hop_length
    total = 1 + len(audio) // hop
    margin = front_end.reach // hop + 2  # frames beside a block that its features depend on
    blocks = []
    for first in range(0, total, BLOCK):
        begin, last = max(0, first - margin), min(first + BLOCK, total)
        piece = audio[begin * hop : (last + margin) * hop]
        own = slice(first - begin, last - begin)
        blocks.append(front_end(piece[None])[0, :, own])
    return torch.cat(blocks, dim=1)


def _level_db(audio: Waveform) -> float:
    """Mean level re full scale."""
    return float(10 * np.log10(max(np.square(audio, dtype=np.float64).mean(), 1e-20)))
