"""Audio files: exact windows in every format, errors in one line."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from helpers.songs import sine
from neuralsampleid.audio.io import audio_info, read_audio, write_audio
from neuralsampleid.audio.sound import resample
from neuralsampleid.errors import UserError


def sweep(seconds: float, rate: int) -> np.ndarray:
    """A rising tone: no two moments are alike, and an MP3 of it varies its bit rate."""
    time = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * (200 + 300 * time) * time)).astype(np.float32)


@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_a_window_is_a_slice_of_the_whole(suffix: str, rate: int, tmp_path: Path):
    path = tmp_path / f"audio.{suffix}"
    soundfile.write(path, sweep(4.0, rate), rate)
    whole = read_audio(path, rate)
    for start in (0, 1, 7777, 12345, 2 * rate, 3 * rate + 1):
        window = read_audio(path, rate, start / rate, 0.1)
        np.testing.assert_allclose(window, whole[start : start + rate // 10], atol=1e-5)


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_what_is_written_is_read(suffix: str, tmp_path: Path):
    path = tmp_path / "folder" / f"audio.{suffix}"
    audio = sweep(1.0, 22050)
    write_audio(path, audio, 22050)
    np.testing.assert_allclose(read_audio(path, 22050), audio, atol=1 / 32767)
    assert audio_info(path).frames == 22050
    assert audio_info(path).sample_rate == 22050
    assert audio_info(path).channels == 1
    assert audio_info(path).seconds == 1.0
    assert list(path.parent.iterdir()) == [path]


def test_loud_samples_are_clipped_not_wrapped(tmp_path: Path):
    path = tmp_path / "audio.wav"
    write_audio(path, np.array([0.0, 2.0, -3.0], np.float32), 22050)
    np.testing.assert_allclose(read_audio(path, 22050), [0.0, 1.0, -1.0], atol=1e-4)


def test_the_end_is_not_padded(tmp_path: Path):
    path = tmp_path / "audio.wav"
    write_audio(path, sweep(1.0, 8000), 8000)
    assert len(read_audio(path, 8000, 0.9, 1.0)) == 800
    assert len(read_audio(path, 8000, 5.0, 1.0)) == 0
    assert len(read_audio(path, 16000, 5.0)) == 0


def test_channels_are_averaged(tmp_path: Path):
    path = tmp_path / "audio.wav"
    left = sweep(0.5, 8000)
    write_audio(path, np.stack([left, np.zeros_like(left)], axis=1), 8000)
    assert audio_info(path).channels == 2
    np.testing.assert_allclose(read_audio(path, 8000), left / 2, atol=1e-4)


def test_resampling_keeps_pitch_length_and_level(tmp_path: Path):
    path = tmp_path / "audio.wav"
    write_audio(path, sine(440.0, 2.0, 44100), 44100)
    audio = read_audio(path, 16000)
    assert audio.dtype == np.float32
    assert len(audio) == 32000
    np.testing.assert_allclose(audio[1000:-1000], sine(440.0, 2.0, 16000)[1000:-1000], atol=1e-3)


def test_equal_rates_copy_nothing():
    audio = sine(440.0, 0.1, 8000)
    assert resample(audio, 8000, 8000) is audio


@pytest.mark.parametrize("read", [audio_info, lambda path: read_audio(path, 8000)])
def test_errors_name_the_file(read, tmp_path: Path):
    missing = tmp_path / "missing.wav"
    with pytest.raises(UserError, match=f"^{missing}: no such audio file$"):
        read(missing)
    text = tmp_path / "text.wav"
    text.write_text("not audio\n" * 100)
    with pytest.raises(UserError) as error:
        read(text)
    assert str(error.value).startswith(f"{text}: cannot be decoded (")
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="cannot be decoded"):
        read(tmp_path)


@pytest.mark.parametrize("suffix", ["flac", "mp3", "wav"])
def test_a_truncated_file_is_an_error_or_shorter(suffix: str, tmp_path: Path):
    """Never noise, never a crash."""
    path = tmp_path / f"audio.{suffix}"
    soundfile.write(path, sweep(2.0, 16000), 16000)
    whole = read_audio(path, 16000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    try:
        part = read_audio(path, 16000)
    except UserError as error:
        assert str(error).startswith(f"{path}: cannot be decoded")
    else:
        assert len(part) < len(whole)
        np.testing.assert_allclose(part[: len(part) - 4000], whole[: len(part) - 4000], atol=1e-4)


def test_a_failed_write_leaves_nothing(tmp_path: Path):
    with pytest.raises(Exception, match="format"):
        write_audio(tmp_path / "audio.unknown", sine(440.0, 0.1, 8000), 8000)
    assert not list(tmp_path.iterdir())
