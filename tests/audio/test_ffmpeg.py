"""Formats that libsndfile does not read."""

import shutil
import subprocess

import numpy as np
import pytest

from helpers.songs import sine
from neuralsampleid.audio.ffmpeg import read_any_audio
from neuralsampleid.audio.io import write_audio
from neuralsampleid.errors import UserError


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_m4a_by_ffmpeg(tmp_path):
    tone = sine(440.0, 2.0, 44100)
    write_audio(tmp_path / "tone.wav", np.stack([tone, tone], axis=1), 44100)
    make = ["ffmpeg", "-v", "error", "-i", tmp_path / "tone.wav", tmp_path / "tone.m4a"]
    subprocess.run(make, check=True)
    audio = read_any_audio(tmp_path / "tone.m4a", 16000)
    assert audio.dtype == np.float32
    assert len(audio) == pytest.approx(32000, abs=2000)
    spectrum = np.abs(np.fft.rfft(audio[8000:24000]))
    assert int(spectrum.argmax()) == 440
    assert np.abs(audio[8000:24000]).max() == pytest.approx(0.5, abs=0.05)
    (tmp_path / "bad.m4a").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"bad\.m4a: ffmpeg cannot decode it"):
        read_any_audio(tmp_path / "bad.m4a", 16000)


def test_without_ffmpeg_the_reason_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "song.m4a").write_bytes(b"x")
    with pytest.raises(UserError, match=r"song\.m4a: \.m4a needs ffmpeg, which is not installed"):
        read_any_audio(tmp_path / "song.m4a", 16000)


def test_what_cannot_be_used(tmp_path):
    with pytest.raises(UserError, match=r"no\.m4a: no such audio file"):
        read_any_audio(tmp_path / "no.m4a", 16000)
    write_audio(tmp_path / "empty.wav", np.zeros(0, np.float32), 8000)
    with pytest.raises(UserError, match="holds no audio"):
        read_any_audio(tmp_path / "empty.wav", 16000)
