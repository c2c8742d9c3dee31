"""Fingerprints of tracks: times, padding, silence, one pass, and the store."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.paper import paper_gnn
from helpers.songs import RATE, SMALL_LOG_MEL, packed_songs, small_gnn, small_resnet
from neuralsampleid.audio.front_ends import segment_samples
from neuralsampleid.audio.io import write_audio
from neuralsampleid.errors import UserError
from neuralsampleid.fingerprints.fingerprinting import (
    fingerprint_track,
    fingerprint_tracks,
    segment_seconds,
)
from neuralsampleid.fingerprints.store import open_stores, writing_store
from neuralsampleid.models.checkpoint import make_encoder
from neuralsampleid.models.encoder import SegmentEncoder

SEGMENT = segment_samples(SMALL_LOG_MEL)
HOP = 8 * SMALL_LOG_MEL.hop_length  # samples between segments


def song(seconds: float, seed: int = 0) -> np.ndarray:
    samples = round(seconds * RATE)
    return packed_songs(seed + 1, seconds + 0.1).window(seed, 0, samples).sum(axis=0)


@pytest.fixture(scope="module")
def encoder() -> SegmentEncoder:
    """With weights that are not the initial ones, so that the graph blocks act."""
    encoder = make_encoder(small_gnn(), seed=0)
    torch.manual_seed(0)
    with torch.no_grad():
        for value in encoder.parameters():
            value.copy_(0.3 * torch.randn_like(value))
    return encoder.eval()


def test_times(encoder: SegmentEncoder):
    audio = song(2.0)
    track = fingerprint_track(encoder, audio)
    frames = 1 + len(audio) // SMALL_LOG_MEL.hop_length
    expected = (frames - SMALL_LOG_MEL.frames) // 8 + 1
    assert track.embeddings.shape == (expected, 8)
    assert track.nodes is not None
    assert track.nodes.shape == (expected, 16, 8)
    np.testing.assert_allclose(track.starts_s, np.arange(expected) * HOP / RATE)
    np.testing.assert_allclose(track.ends_s - track.starts_s, SEGMENT / RATE, atol=HOP / RATE)
    assert track.ends_s[-1] <= 2.0
    assert segment_seconds(small_gnn()) == SEGMENT / RATE


def test_in_bfloat16_fingerprints_are_nearly_the_same(encoder: SegmentEncoder):
    full, half = (
        fingerprint_track(encoder, song(2.0), precision=exact) for exact in ("float32", "bfloat16")
    )
    assert half.embeddings.dtype == np.float32
    assert not np.array_equal(full.embeddings, half.embeddings)
    assert (full.embeddings * half.embeddings).sum(axis=1).min() > 0.98


def test_the_released_times():
    assert segment_seconds(paper_gnn()) == pytest.approx(4.08)


@pytest.mark.parametrize("samples", [1, 100, SEGMENT - 1, SEGMENT])
def test_a_short_track_is_one_padded_segment(samples: int, encoder: SegmentEncoder):
    audio = song(1.0)[:samples]
    track = fingerprint_track(encoder, audio)
    assert len(track.embeddings) == 1
    assert track.starts_s.tolist() == [0.0]
    assert track.ends_s.tolist() == [SEGMENT / RATE]
    padded = np.pad(audio, (0, SEGMENT - samples))
    again = fingerprint_track(encoder, padded)
    np.testing.assert_array_equal(track.embeddings, again.embeddings)
    assert np.isfinite(track.embeddings).all()


def test_silent_segments_are_marked_and_finite(encoder: SegmentEncoder):
    audio = song(4.0)
    audio[: 2 * RATE] = 0
    track = fingerprint_track(encoder, audio)
    wholly_silent = track.ends_s <= 2.0
    assert wholly_silent.any()
    assert not wholly_silent.all()
    np.testing.assert_array_equal(track.silent, wholly_silent | (track.starts_s + 0.5 < 0))
    assert track.nodes is not None
    assert np.isfinite(track.embeddings).all()
    assert np.isfinite(track.nodes).all()


def test_silence_and_a_whisper(encoder: SegmentEncoder):
    assert fingerprint_track(encoder, np.zeros(2 * RATE, np.float32)).silent.all()
    tone = song(2.0)
    tone /= np.sqrt(np.square(tone).mean())
    assert fingerprint_track(encoder, tone * 10 ** (-70 / 20)).silent.all()
    assert not fingerprint_track(encoder, tone * 10 ** (-45 / 20)).silent.any()


@pytest.mark.parametrize("architecture", ["gnn", "resnet_ibn"])
@torch.inference_mode()
def test_one_pass_equals_segment_by_segment(architecture: str, encoder: SegmentEncoder):
    if architecture == "resnet_ibn":
        encoder = make_encoder(small_resnet(), seed=0).eval()
    audio = song(12.0 if architecture == "gnn" else 24.0)
    track = fingerprint_track(encoder, audio)
    hop = encoder.segment_hop * encoder.front_end.hop_length
    assert len(track.embeddings) > 64  # more than one batch
    features = encoder.front_end(torch.from_numpy(audio)[None])
    for place in (0, 5, 63, 64, len(track.embeddings) - 1):
        first = place * encoder.segment_hop
        alone = encoder.encode(features[:, :, first : first + encoder.front_end.frames])
        np.testing.assert_allclose(track.embeddings[place], alone.embedding[0], atol=1e-5)
        if track.nodes is not None:
            assert alone.nodes is not None
            np.testing.assert_allclose(track.nodes[place], alone.nodes[0], atol=1e-4)
    # Cut out, a segment's outer frames lack their neighbours; the inner ones are the same.
    place = 20
    cut = torch.from_numpy(audio[place * hop : place * hop + SEGMENT])[None]
    first = place * encoder.segment_hop
    if architecture == "gnn":
        inner = encoder.front_end(cut)[0, :, 2:-2]
        expected = features[0, :, first + 2 : first + encoder.front_end.frames - 2]
        np.testing.assert_allclose(inner, expected, atol=1e-3)


def test_a_later_start_by_whole_hops_gives_the_same_fingerprints(encoder: SegmentEncoder):
    audio = song(3.0)
    whole = fingerprint_track(encoder, audio)
    later = fingerprint_track(encoder, audio[2 * HOP :])
    # The first segment begins with a reflected edge.
    np.testing.assert_allclose(later.embeddings[1:-1], whole.embeddings[3:-1], atol=1e-4)


def tracks_table(folder: Path) -> pd.DataFrame:
    rows = []
    for seed, (track_id, rate) in enumerate([("b", RATE), ("a", 2 * RATE)]):
        path = folder / f"{track_id}.wav"
        audio = song(2.0, seed) if rate == RATE else np.repeat(song(2.0, seed), 2)
        write_audio(path, audio, rate)
        rows.append({"track_id": track_id, "path": str(path)})
    return pd.DataFrame(rows)


def stored(encoder: SegmentEncoder, tracks: pd.DataFrame, folder: Path, **options: bool):
    with writing_store(folder, {}) as store:
        fingerprint_tracks(encoder, tracks, store, **options)
    return open_stores([folder])


def test_the_store(encoder: SegmentEncoder, tmp_path: Path):
    whole = stored(encoder, tracks_table(tmp_path), tmp_path / "store")
    assert whole.track_ids == ["b", "a"]
    alone, track = fingerprint_track(encoder, song(2.0, 0)), whole.track("b")
    # The file has 16 bits.
    np.testing.assert_allclose(track.embeddings, alone.embeddings, atol=2e-2)
    assert whole.nodes is not None
    assert whole.nodes.dtype == np.float16
    np.testing.assert_allclose(track.starts_s, alone.starts_s)
    # The other file has twice the sample rate and as many segments.
    assert len(whole) == 2 * len(alone)


def test_node_matrices_may_be_left_out(encoder: SegmentEncoder, tmp_path: Path):
    tracks = tracks_table(tmp_path)
    with_nodes = stored(encoder, tracks, tmp_path / "with")
    without = stored(encoder, tracks, tmp_path / "without", nodes=False)
    assert with_nodes.nodes is not None
    assert without.nodes is None
    np.testing.assert_array_equal(with_nodes.embeddings, without.embeddings)


def test_an_encoder_without_nodes(tmp_path: Path):
    encoder = make_encoder(small_resnet(), seed=0).eval()
    assert stored(encoder, tracks_table(tmp_path), tmp_path / "store").nodes is None


@pytest.mark.parametrize("kind", ["missing", "text", "empty"])
def test_an_unusable_track_leaves_no_store(kind: str, encoder: SegmentEncoder, tmp_path: Path):
    tracks = tracks_table(tmp_path)
    path = Path(tracks["path"].iat[1])
    path.unlink()
    if kind == "text":
        path.write_text("not audio")
    elif kind == "empty":
        write_audio(path, np.zeros(0, np.float32), RATE)
    message = {
        "missing": "no such audio file",
        "text": "cannot be decoded",
        "empty": "holds no audio",
    }[kind]
    with pytest.raises(UserError, match=f"^{path}: {message}"):
        stored(encoder, tracks, tmp_path / "store")
    assert {entry.suffix for entry in tmp_path.iterdir()} == {".wav"}


def test_a_track_without_a_path(encoder: SegmentEncoder, tmp_path: Path):
    tracks = tracks_table(tmp_path)
    tracks.loc[0, "path"] = ""
    with pytest.raises(UserError, match=r"^tracks\.csv: track '.*' has no path, expected a file$"):
        stored(encoder, tracks, tmp_path / "store")
