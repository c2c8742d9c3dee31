"""Long files are taken in blocks, with the results of the whole, in bounded memory (K3)."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.songs import SMALL_LOG_MEL, small_gnn, small_resnet, song_stems
from helpers.tunes import TUNE_RATE, convert, needs_ffmpeg, put, tune
from neuralsampleid.audio import feature_blocks, io, sound
from neuralsampleid.audio.feature_blocks import FeatureBlocks
from neuralsampleid.audio.ffmpeg import read_any_audio, read_any_part
from neuralsampleid.audio.front_ends import make_front_end
from neuralsampleid.audio.parts import parts_of
from neuralsampleid.config import PeakFinding
from neuralsampleid.fingerprints import fingerprinting, windows
from neuralsampleid.fingerprints.fingerprinting import SegmentMaker, fingerprint_track
from neuralsampleid.landmarks import peaks
from neuralsampleid.landmarks.peaks import PeakFinder, find_peaks
from neuralsampleid.library.fingerprinter import Fingerprinter
from neuralsampleid.library.store import Track
from neuralsampleid.models.checkpoint import make_encoder

MIB = 1 << 20


def song(seconds: float, rate: int) -> np.ndarray:
    return (song_stems(1, seconds, rate).sum(axis=1) / 65536).astype(np.float32)


def feed(maker: PeakFinder | SegmentMaker, audio: np.ndarray) -> None:
    """In blocks of all sizes up to five seconds, also none."""
    rng, place = np.random.default_rng(0), 0
    while place < len(audio):
        size = int(rng.integers(40_000)) * int(rng.integers(2))
        maker.feed(audio[place : place + size])
        place += size


@pytest.mark.parametrize("block", [7, 64, 100, 4096])
@pytest.mark.parametrize("extra", [0, 1, 255])
def test_peaks_do_not_depend_on_blocks(block, extra, monkeypatch):
    settings = PeakFinding()
    audio = song(12, settings.sample_rate)[: 500 * settings.hop_length + extra]
    whole = find_peaks(audio, settings)
    monkeypatch.setattr(peaks, "BLOCK", block)
    finder = PeakFinder(settings)
    feed(finder, audio)
    for found in (finder.finish(), find_peaks(audio, settings)):
        np.testing.assert_array_equal(found.frames, whole.frames)
        np.testing.assert_array_equal(found.bins, whole.bins)
    assert len(whole.frames) > 100


@pytest.mark.parametrize("settings", [SMALL_LOG_MEL, small_resnet().front_end])
@pytest.mark.parametrize("extra", [0, 1, 127])
def test_features_do_not_depend_on_blocks(settings, extra, monkeypatch):
    front_end = make_front_end(settings)
    audio = song(6, settings.sample_rate)[: 300 * front_end.hop_length + extra]
    whole = front_end(torch.from_numpy(audio)[None])[0]
    monkeypatch.setattr(feature_blocks, "BLOCK", 60)
    blocks = FeatureBlocks(front_end)
    found = [*blocks.feed(audio[:777]), *blocks.feed(audio[777:]), *blocks.finish()]
    assert len(found) > 4
    torch.testing.assert_close(torch.cat(found, dim=1), whole, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("settings", [small_gnn(), small_resnet()])
@pytest.mark.parametrize("gap", [False, True])  # between segments
@pytest.mark.parametrize("seconds", [0.01, 6.0, 11.987])
def test_fingerprints_do_not_depend_on_blocks(settings, gap, seconds, monkeypatch):
    encoder = make_encoder(settings, seed=1).eval()
    encoder.segment_hop = encoder.front_end.frames + 25 if gap else 2
    audio = song(12, encoder.front_end.sample_rate)
    audio = audio[: round(seconds * encoder.front_end.sample_rate)]
    audio[len(audio) // 2 :] *= 1e-4  # silent segments, too
    whole = fingerprint_track(encoder, audio)
    monkeypatch.setattr(feature_blocks, "BLOCK", 60)
    monkeypatch.setattr(windows, "BATCH", 3)
    monkeypatch.setattr(fingerprinting, "BATCH", 3)
    maker = SegmentMaker(encoder)
    feed(maker, audio)
    found = maker.finish()
    np.testing.assert_allclose(found.embeddings, whole.embeddings, atol=1e-4)
    for name in ("starts_s", "ends_s", "silent", "seconds", "numbers"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))
    if whole.nodes is not None:
        np.testing.assert_allclose(found.nodes, whole.nodes, rtol=1e-3, atol=1e-3)


@pytest.fixture(scope="module")
def fingerprinter() -> Fingerprinter:
    encoder = make_encoder(small_resnet(), seed=1).eval()
    return Fingerprinter(lambda: encoder, PeakFinding())


def short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes minutes else takes seconds."""
    monkeypatch.setattr(peaks, "BLOCK", 256)
    monkeypatch.setattr(feature_blocks, "BLOCK", 256)
    monkeypatch.setattr(io, "BLOCK", 1 << 14)


def same(found: Track, whole: Track) -> None:
    assert found.seconds == whole.seconds
    np.testing.assert_array_equal(found.landmarks.frames, whole.landmarks.frames)
    np.testing.assert_array_equal(found.landmarks.bins, whole.landmarks.bins)
    np.testing.assert_array_equal(found.fingerprints.starts_s, whole.fingerprints.starts_s)
    np.testing.assert_allclose(
        found.fingerprints.embeddings, whole.fingerprints.embeddings, atol=1e-4
    )


def of_kind(kind: str, folder: Path) -> Path:
    """A file of 20 s in stereo."""
    audio = np.stack([tune(1), 0.5 * tune(2)], axis=1)
    if kind in ("wav", "flac", "ogg", "mp3"):
        return put(folder / f"a.{kind}", audio)
    source = put(folder / "a.wav", audio)
    if kind == "joined.ogg":
        parts = [put(folder / f"{rate}.ogg", audio, rate) for rate in (22050, 24000)]
        joined = folder / kind
        joined.write_bytes(b"".join(part.read_bytes() for part in parts))
        return joined
    if kind == "quiet.wav":
        return put(folder / kind, audio * 1e-3, subtype="FLOAT")
    plain = ("-write_xing", "0", "-id3v2_version", "0") if kind.endswith("mp3") else ()
    return convert(source, folder / kind, *plain)


@needs_ffmpeg
@pytest.mark.parametrize(
    "kind", ["wav", "flac", "ogg", "mp3", "joined.ogg", "quiet.wav", "headerless.mp3", "a.m4a"]
)
def test_a_long_file_gives_what_a_short_one_gives(kind, fingerprinter, tmp_path, monkeypatch):
    short_blocks(monkeypatch)
    path = of_kind(kind, tmp_path)
    whole = fingerprinter.of_file(path)
    assert whole.seconds > 19
    monkeypatch.setattr(sound, "KEPT", 1 << 16)
    monkeypatch.setattr(io, "KEPT", 1 << 16)
    same(fingerprinter.of_file(path), whole)


@needs_ffmpeg
@pytest.mark.parametrize("kind", ["ogg", "mp3", "headerless.mp3", "joined.ogg", "a.wv"])
def test_a_window_far_in_a_long_file_is_a_part_of_the_whole(kind, tmp_path, monkeypatch):
    path = of_kind(kind, tmp_path)
    whole = read_any_audio(path, TUNE_RATE)
    monkeypatch.setattr(io, "KEPT", 1 << 16)
    window = read_any_part(path, TUNE_RATE, 15.0, 2.0)
    begin = 15 * TUNE_RATE
    np.testing.assert_allclose(window, whole[begin : begin + 2 * TUNE_RATE], atol=1e-4)


def peak_of(fingerprinter: Fingerprinter, path: Path) -> float:
    """MiB that Python and NumPy take at most for a file."""
    tracemalloc.start()
    fingerprinter.of_file(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / MIB


@needs_ffmpeg
@pytest.mark.parametrize("suffix", ["wav", "wv"])
def test_memory_does_not_grow_with_the_length(suffix, tmp_path, monkeypatch):
    short_blocks(monkeypatch)
    monkeypatch.setattr(sound, "KEPT", 1 << 18)
    monkeypatch.setattr(io, "KEPT", 1 << 18)
    peaks_only = Fingerprinter(peaks=PeakFinding())
    peaks_of = []
    for minutes in (1, 10):  # the latter are 25 MiB of float32
        audio = np.tile(tune(1, 60, 11025), minutes)
        path = put(tmp_path / f"{minutes}.wav", audio, 11025)
        path = path if suffix == "wav" else convert(path, path.with_suffix(".wv"))
        peaks_of.append(peak_of(peaks_only, path))
    assert peaks_of[1] < peaks_of[0] + 4


@needs_ffmpeg
def test_an_mp3_without_a_length_is_not_copied(tmp_path):
    source = put(tmp_path / "a.wav", tune(1, 20))
    plain = ("-b:a", "320k", "-ar", "44100", "-write_xing", "0", "-id3v2_version", "0")
    one = convert(source, tmp_path / "one.mp3", *plain).read_bytes()
    path = tmp_path / "twenty.mp3"
    path.write_bytes(20 * one)
    tracemalloc.start()
    (part,) = parts_of(path)
    assert tracemalloc.get_traced_memory()[1] < MIB < path.stat().st_size / 10
    tracemalloc.stop()
    stream = part.source()
    assert stream.read(-1) == part.head + 20 * one
    assert stream.seek(-700, 2) == len(part.head) + 20 * len(one) - 700
    assert stream.read(10) == one[-700:-690]
