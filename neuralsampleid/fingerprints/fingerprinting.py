"""Fingerprinting: a track's audio → one embedding (and node matrix) per segment."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from neuralsampleid.audio.ffmpeg import read_tracks
from neuralsampleid.audio.front_ends import segment_samples
from neuralsampleid.audio.io import Waveform
from neuralsampleid.config import EncoderSettings
from neuralsampleid.devices import Exact, computing, device_of
from neuralsampleid.fingerprints.segments import Floats, Integers, Segments
from neuralsampleid.models.encoder import SegmentEncoder

if TYPE_CHECKING:  # what reading and writing tables needs, and a single track does not
    import pandas as pd

    from neuralsampleid.fingerprints.store import StoreWriter

_LOG = logging.getLogger(__name__)
SILENCE_DB = -60.0  # a segment's level re full scale below which it is marked silent
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
    features = front_end(torch.from_numpy(padded)[None].to(device))[0]
    segments = features.unfold(1, frames, encoder.segment_hop).transpose(0, 1)
    embeddings, nodes = [], []
    for batch in segments.split(BATCH):
        with computing(device, precision):
            encoding = encoder.encode(batch)
        embeddings.append(encoding.embedding.float().cpu().numpy())
        if encoding.nodes is not None:
            nodes.append(encoding.nodes.float().cpu().numpy())
    starts = np.arange(len(segments)) * encoder.segment_hop * hop
    levels = _levels_db(padded, starts, needed)
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


def _levels_db(audio: Waveform, starts: Integers, samples: int) -> Floats:
    """Mean level of each segment re full scale, (n,)."""
    energy = np.concatenate([[0.0], np.cumsum(np.square(audio, dtype=np.float64))])
    ends = np.minimum(starts + samples, len(audio))
    power = (energy[ends] - energy[starts]) / samples
    levels: Floats = 10 * np.log10(np.maximum(power, 1e-20))
    return levels
