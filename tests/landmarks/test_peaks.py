"""Peaks: where they lie, how dense they are, and what they read like from the disk."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers.songs import sine, song_stems
from neuralsampleid.audio.io import write_audio
from neuralsampleid.config import PeakFinding
from neuralsampleid.errors import UserError
from neuralsampleid.landmarks import percussive
from neuralsampleid.landmarks.peaks import Peaks, find_peaks
from neuralsampleid.landmarks.store import peaks_of_tracks, read_peaks, write_peaks

SETTINGS = PeakFinding(percussive_n_fft=None)
BOTH = PeakFinding()
RATE = SETTINGS.sample_rate


def song(seed: int = 0, seconds: float = 6.0) -> np.ndarray:
    return song_stems(seed, seconds, RATE).sum(axis=1).astype(np.float32) / 32768


def test_a_sine_has_its_own_height():
    found = find_peaks(sine(440.0, 1.0, RATE), SETTINGS)
    loud = found.bins[(found.frames > 8) & (found.frames < 34)]
    assert np.median(loud) == pytest.approx(2 * SETTINGS.bins_per_octave, abs=0.02)  # two octaves


def test_a_tone_is_as_loud_wherever_in_its_bin_it_lies():
    """So that a change of pitch changes none of the peaks that are kept: one per second here."""
    asked = PeakFinding(peaks_per_second=1, percussive_n_fft=None)
    for cents in range(0, 34, 5):
        high = 3000 * 2 ** (cents / 1200)
        audio = sine(high, 1.0, RATE) + 0.8 * sine(500.0, 1.0, RATE)
        middle = find_peaks(audio[RATE // 4 : 3 * RATE // 4], asked)
        expected = SETTINGS.bins_per_octave * np.log2(high / SETTINGS.f_min)
        assert middle.bins.tolist() == pytest.approx([expected], abs=0.05)


def test_a_click_is_found_at_its_time():
    audio = np.zeros(RATE, np.float32)
    audio[RATE // 2] = 1.0
    frames = find_peaks(audio, SETTINGS).frames
    assert len(frames)
    assert np.abs(frames * SETTINGS.hop_length - RATE // 2).max() <= 2 * SETTINGS.hop_length


def test_peaks_of_the_percussive_part_lie_above_all_others():
    """A click in a tone is percussive, the tone is not; what is found of the whole stays."""
    audio = 0.3 * sine(440.0, 2.0, RATE)
    audio[RATE] += 1.0
    found, whole = find_peaks(audio, BOTH), find_peaks(audio, SETTINGS)
    high = found.bins >= BOTH.percussive_bin
    np.testing.assert_array_equal(found.bins[~high], whole.bins)
    np.testing.assert_array_equal(found.frames[~high], whole.frames)
    middle = high & (np.abs(found.frames * SETTINGS.hop_length / RATE - 1) < 0.5)
    assert middle.sum() > 3
    assert np.abs(found.frames[middle] * SETTINGS.hop_length / RATE - 1).max() < 0.06
    assert found.bins.max() < BOTH.percussive_bin + BOTH.bins


def test_what_is_percussive_does_not_depend_on_where_blocks_end(monkeypatch):
    whole = find_peaks(song(seconds=12.0), BOTH)
    monkeypatch.setattr(percussive, "BLOCK", 50)
    parts = find_peaks(song(seconds=12.0), BOTH)
    both = set(zip(whole.frames.round(), whole.bins.round(), strict=True))
    both &= set(zip(parts.frames.round(), parts.bins.round(), strict=True))
    assert len(both) >= 0.97 * len(whole.frames)


def test_silence_has_no_peak():
    assert len(find_peaks(np.zeros(RATE, np.float32), BOTH).frames) == 0


def test_an_octave_up_moves_peaks_by_an_octave():
    low, high = (find_peaks(sine(f, 0.5, RATE), SETTINGS).bins for f in (330.0, 660.0))
    assert np.median(high) - np.median(low) == pytest.approx(SETTINGS.bins_per_octave, abs=0.05)


def test_peaks_lie_between_frames_and_bins():
    """Tones of known frequencies."""
    bins = np.array([40.3, 72.0, 110.6])
    times = np.arange(4 * RATE) / RATE
    hertz = SETTINGS.f_min * 2 ** (bins / SETTINGS.bins_per_octave)
    tones = sum(np.sin(2 * np.pi * each * times) for each in hertz)
    found = find_peaks((tones * np.hanning(len(times))).astype(np.float32), SETTINGS).bins
    for each in bins:
        assert np.abs(found - each).min() < 0.1


@settings(max_examples=10)
@example(seed=49, density=2, reach=9)  # a note with equal levels, seven frames apart
@given(seed=st.integers(0, 100), density=st.integers(1, 40), reach=st.integers(1, 12))
def test_peaks_are_apart_sparse_and_in_order(seed: int, density: int, reach: int):
    asked = PeakFinding(
        peaks_per_second=density, peak_frames=reach, peak_bins=reach, percussive_n_fft=None
    )
    peaks = find_peaks(song(seed, 3.0), asked)
    frames, bins = peaks.frames, peaks.bins
    assert len(frames)
    # Interpolated, a peak may lie half a frame before or after the second that it is counted in.
    inside = (frames * asked.hop_length / RATE) % 1
    clear = np.minimum(inside, 1 - inside) * RATE > 0.5 * asked.hop_length
    seconds = (frames * asked.hop_length / RATE).astype(int)[clear]
    assert (np.bincount(seconds) <= density).all()
    assert ((bins >= 0) & (bins <= asked.bins - 1)).all()
    assert (np.diff(frames) >= 0).all()
    # Places are exact within half a frame and a bin. Frames of a steady note may have the same
    # level, and then all of them are peaks.
    apart, higher = np.abs(frames[:, None] - frames), np.abs(bins[:, None] - bins)
    near = (apart < reach - 1) & (higher < reach - 2)
    assert (near <= (higher < 1)).all()  # nothing but itself and the note's other frames


def test_louder_music_has_the_same_peaks():
    quiet, loud = find_peaks(song(), SETTINGS), find_peaks(2 * song(), SETTINGS)
    both = set(zip(quiet.frames.round(), quiet.bins.round(), strict=True))
    both &= set(zip(loud.frames.round(), loud.bins.round(), strict=True))
    assert len(both) >= 0.95 * len(loud.frames)


def test_written_and_read_peaks_are_the_same(tmp_path: Path):
    silence = np.zeros(RATE, np.float32)
    write_audio(tmp_path / "a.wav", song(1), RATE)
    write_audio(tmp_path / "b.wav", silence, RATE)
    paths = [str(tmp_path / name) for name in ("a.wav", "b.wav")]
    tracks = pd.DataFrame({"track_id": ["001", "b"], "path": paths})
    found = peaks_of_tracks(tracks, BOTH)
    write_peaks(tmp_path / "peaks.npz", found)
    first = (tmp_path / "peaks.npz").read_bytes()
    read = read_peaks(tmp_path / "peaks.npz")
    assert list(read) == ["001", "b"]
    assert len(read["b"].frames) == 0
    for track, peaks in found.items():
        np.testing.assert_array_equal(read[track].frames, peaks.frames)
        np.testing.assert_array_equal(read[track].bins, peaks.bins)
    write_peaks(tmp_path / "peaks.npz", read)
    assert (tmp_path / "peaks.npz").read_bytes() == first


def test_peaks_as_bytes_are_the_same():
    peaks = find_peaks(song(), BOTH)
    again = Peaks.from_bytes(peaks.to_bytes())
    for name in ("frames", "bins"):
        np.testing.assert_array_equal(getattr(again, name), getattr(peaks, name))
        assert getattr(again, name).dtype == getattr(peaks, name).dtype
    assert len(Peaks.from_bytes(b"").frames) == 0
    assert len(peaks.to_bytes()) == 4 * len(peaks.frames)


@pytest.mark.parametrize("start", [0.0, 1023.984375, 1024.0, 5e6])
def test_silence_of_any_length_comes_back(start: float):
    """A step between peaks has 16 bits: 24 s."""
    peaks = Peaks.at(start + np.array([0.0, 0.5, 4096.0, 4096.0, 1e5]), np.array([1.0, 2, 3, 4, 5]))
    again = Peaks.from_bytes(peaks.to_bytes())
    np.testing.assert_array_equal(again.frames, peaks.frames)
    np.testing.assert_array_equal(again.bins, peaks.bins)


def test_bytes_that_are_no_peaks_are_refused():
    with pytest.raises(ValueError, match="7 bytes"):
        Peaks.from_bytes(b"1234567")


def test_wrong_files_are_named(tmp_path: Path):
    path = tmp_path / "peaks.npz"
    with pytest.raises(UserError, match=f"^{path}: no such file"):
        read_peaks(path)
    path.write_bytes(b"not an archive")
    with pytest.raises(UserError, match=f"^{path}: not a file of peaks"):
        read_peaks(path)
    np.savez(path, track_ids=["a"], counts=[2], content=np.zeros(6, np.uint8))
    with pytest.raises(UserError, match="6 bytes for 2 peaks, expected 4 for each"):
        read_peaks(path)
    tracks = pd.DataFrame({"track_id": ["a"], "path": [""]})
    with pytest.raises(UserError, match="track 'a' has no path"):
        peaks_of_tracks(tracks, SETTINGS)


def test_a_query_has_quiet_peaks_besides():
    """What makes triples is the same in a query and in a track; the quiet ones are more."""
    audio = song(3)
    of_track, of_query = find_peaks(audio, BOTH), find_peaks(audio, BOTH, of_query=True)
    assert of_track.quiet is None
    assert of_query.loud.quiet is None
    np.testing.assert_array_equal(of_query.loud.frames, of_track.frames)
    np.testing.assert_array_equal(of_query.loud.bins, of_track.bins)
    assert of_query.quiet.sum() > 0.5 * len(of_track.frames)
    per_second = np.bincount((of_query.frames * BOTH.frame_s).astype(int))
    assert per_second.max() <= 2 * (BOTH.quiet.peaks_per_second + BOTH.peaks_per_second)


def test_quiet_peaks_stay_quiet_in_parts_and_in_bytes():
    found = find_peaks(song(4), BOTH, of_query=True)
    read = Peaks.from_bytes(found.to_bytes())
    for name in ("frames", "bins", "quiet"):
        np.testing.assert_array_equal(getattr(read, name), getattr(found, name))
    part = found.within(1.0, 2.0, BOTH)
    inside = (found.frames * BOTH.frame_s >= 0.999) & (found.frames * BOTH.frame_s <= 2.001)
    np.testing.assert_array_equal(part.quiet, found.quiet[inside])
    assert Peaks.from_bytes(found.loud.to_bytes()).quiet is None
