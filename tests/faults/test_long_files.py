"""Long files are taken in blocks, with the results of the whole (K3)."""

import numpy as np
import pytest
import torch

from helpers.songs import SMALL_LOG_MEL, small_gnn, small_resnet, song_stems
from neuralsampleid.audio.front_ends import make_front_end
from neuralsampleid.config import PeakFinding
from neuralsampleid.fingerprints import fingerprinting
from neuralsampleid.fingerprints.fingerprinting import features_of, fingerprint_track
from neuralsampleid.landmarks import peaks
from neuralsampleid.landmarks.peaks import find_peaks
from neuralsampleid.models.checkpoint import make_encoder


def song(seconds: float, rate: int) -> np.ndarray:
    return (song_stems(1, seconds, rate).sum(axis=1) / 65536).astype(np.float32)


@pytest.mark.parametrize("block", [7, 64, 100])
def test_peaks_do_not_depend_on_blocks(block, monkeypatch):
    audio = song(12, PeakFinding().sample_rate)
    whole = find_peaks(audio, PeakFinding())
    monkeypatch.setattr(peaks, "BLOCK", block)
    found = find_peaks(audio, PeakFinding())
    np.testing.assert_array_equal(found.frames, whole.frames)
    np.testing.assert_array_equal(found.bins, whole.bins)
    assert len(whole.frames) > 100


@pytest.mark.parametrize("settings", [SMALL_LOG_MEL, small_resnet().front_end])
@pytest.mark.parametrize("extra", [0, 1, 127])
def test_features_do_not_depend_on_blocks(settings, extra, monkeypatch):
    front_end = make_front_end(settings)
    audio = torch.from_numpy(song(6, settings.sample_rate)[: 300 * front_end.hop_length + extra])
    whole = front_end(audio[None])[0]
    monkeypatch.setattr(fingerprinting, "BLOCK", 60)
    torch.testing.assert_close(features_of(front_end, audio), whole, rtol=1e-4, atol=1e-4)


def test_fingerprints_do_not_depend_on_blocks(monkeypatch):
    encoder = make_encoder(small_gnn(), seed=1)
    audio = song(6, encoder.front_end.sample_rate)
    whole = fingerprint_track(encoder, audio)
    monkeypatch.setattr(fingerprinting, "BLOCK", 60)
    found = fingerprint_track(encoder, audio)
    np.testing.assert_allclose(found.embeddings, whole.embeddings, atol=1e-4)
    np.testing.assert_array_equal(found.starts_s, whole.starts_s)
