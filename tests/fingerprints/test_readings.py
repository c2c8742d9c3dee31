"""A query's readings: its own times, whatever the blocks, alike to references at their speed."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.songs import song_stems
from neuralsampleid.audio.io import write_audio
from neuralsampleid.config import ReadingCnn
from neuralsampleid.fingerprints.fingerprinting import SegmentMaker, fingerprint_track
from neuralsampleid.fingerprints.readings import (
    ReadingMaker,
    Stretcher,
    fingerprint_queries,
    open_readings,
    read_query,
)
from neuralsampleid.fingerprints.store import open_stores, writing_store
from neuralsampleid.models.checkpoint import make_encoder
from neuralsampleid.models.reading_cnn import SEMITONES, TEMPI, ReadingCnnEncoder

RATE, HOP = 16000, 512


@pytest.fixture(scope="module")
def encoder() -> ReadingCnnEncoder:
    settings = ReadingCnn(
        architecture="reading_cnn", channels=[6, 8, 12], squeezed_channels=8, embedding_size=24
    )
    encoder = make_encoder(settings, seed=1).eval()
    assert isinstance(encoder, ReadingCnnEncoder)
    return encoder


def song(seconds: float) -> np.ndarray:
    return (song_stems(2, seconds, RATE).sum(axis=1) / 65536).astype(np.float32)


@pytest.mark.parametrize("tempo", [0.775, 1.0, 1.29])
def test_a_ramp_of_power_is_read_exactly(tempo):
    ramp = torch.arange(40.0)[None].expand(3, -1)
    whole = Stretcher(tempo).feed(ramp.sqrt()).square()
    assert whole.shape[1] == (40 if tempo == 1 else int(np.floor((39 - 1e-4) * tempo)) + 1)
    torch.testing.assert_close(whole[0], torch.arange(whole.shape[1]) / tempo)


@pytest.mark.parametrize("tempo", [0.775, 1.29])
def test_a_stretcher_does_not_depend_on_blocks(tempo):
    features = torch.rand(4, 100, generator=torch.Generator().manual_seed(1))
    stretcher, rng, place, found = Stretcher(tempo), np.random.default_rng(0), 0, []
    while place < 100:
        size = int(rng.integers(0, 9))
        found.append(stretcher.feed(features[:, place : place + size]))
        place += size
    torch.testing.assert_close(torch.cat(found, dim=1), Stretcher(tempo).feed(features))


def test_readings_do_not_depend_on_blocks(encoder):
    audio, maker, reference, place = song(9), ReadingMaker(encoder), SegmentMaker(encoder), 0
    rng = np.random.default_rng(0)
    while place < len(audio):
        size = int(rng.integers(30_000))
        for one in (maker, reference):
            one.feed(audio[place : place + size])
        place += size
    pairs = [*zip(maker.finish("q"), read_query(encoder, audio, "q"), strict=True)]
    pairs.append((reference.finish(), fingerprint_track(encoder, audio)))
    for found, whole in pairs:
        np.testing.assert_allclose(found.embeddings, whole.embeddings, atol=1e-4)
        np.testing.assert_array_equal(found.starts_s, whole.starts_s)
        np.testing.assert_array_equal(found.silent, whole.silent)


def test_times_are_the_querys_own(encoder):
    for tempo, found in zip(TEMPI, read_query(encoder, song(9)), strict=True):
        assert found.segment_s == pytest.approx(64 * HOP / RATE / tempo)
        assert found.hop_s == pytest.approx(16 * HOP / RATE / tempo)
        assert found.ends_s[-1] <= 9.1
        assert found.ends_s[-1] + found.hop_s > 8.9
        assert found.embeddings.shape[1] == len(SEMITONES) * 24


def test_the_reading_as_it_is_equals_that_of_a_reference(encoder):
    audio = song(9)
    found, expected = read_query(encoder, audio)[1], fingerprint_track(encoder, audio)
    own = found.embeddings.reshape(len(found), len(SEMITONES), -1)[:, SEMITONES.index(0.0)]
    np.testing.assert_allclose(own[: len(expected)], expected.embeddings, atol=1e-4)


def test_a_faster_query_is_most_alike_at_its_own_tempo(encoder):
    """Clicks at random moments, which a query has 1.29 times as fast."""
    rng = np.random.default_rng(4)
    moments, kinds = np.sort(rng.uniform(0, 20, 90)), rng.integers(2, size=90)

    def clicks(tempo: float) -> np.ndarray:
        audio = np.zeros(int(20 * RATE / tempo), np.float32)
        sound = np.exp(-np.arange(800) / 100)
        waves = [sound * np.sin(np.arange(800) * 2 * np.pi * f / RATE) for f in (400, 1500)]
        for moment, kind in zip(moments, kinds, strict=True):
            start = int(moment / tempo * RATE)
            part = audio[start : start + 800]
            part += waves[kind][: len(part)]
        return audio

    reference = fingerprint_track(encoder, clicks(1.0)).embeddings
    similar = []
    for found in read_query(encoder, clicks(1.29)):
        own = found.embeddings.reshape(len(found), len(SEMITONES), -1)[:, SEMITONES.index(0.0)]
        size = min(len(own), len(reference))
        similar.append(float((own[:size] * reference[:size]).sum(1).mean()))
    assert int(np.argmax(similar)) == TEMPI.index(1.29)


@pytest.mark.parametrize("seconds", [0.0, 0.3, 2.0])
def test_a_short_query_has_a_segment_at_each_tempo(encoder, seconds):
    for found in read_query(encoder, song(3)[: int(seconds * RATE)]):
        assert len(found) >= 1
        assert np.isfinite(found.embeddings).all()


def test_silence_is_marked(encoder):
    audio = song(9)
    audio[len(audio) // 2 :] = 0
    for found in read_query(encoder, audio):
        assert not found.silent[found.ends_s < 4.5].any()
        assert found.silent[found.starts_s > 4.6].all()


def test_queries_are_stored_at_all_readings(encoder, tmp_path):
    tracks = []
    for name, seconds in (("a", 5.0), ("b", 4.0)):
        path = tmp_path / f"{name}.wav"
        write_audio(path, song(seconds), RATE)
        tracks.append((name, str(path)))
    table = pd.DataFrame(tracks, columns=["track_id", "path"])
    with writing_store(tmp_path / "store", {}) as store:
        fingerprint_queries(encoder, table, store)
    with writing_store(tmp_path / "references", {}) as store:
        store.append(fingerprint_track(encoder, song(5.0), "a"))
    assert open_stores([tmp_path / "store"]).track_ids == ["a", "b"]
    found = open_readings([tmp_path / "store"])
    assert found is not None
    assert list(found) == list(TEMPI)
    assert all(one.track_ids == ["a", "b"] for one in found.values())
    assert open_readings([Path(tmp_path / "references")]) is None
