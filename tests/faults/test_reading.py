"""All the audio that a file holds is read, or it is said what was not (K2, K3, K7, K8, K14)."""

import logging
import os
import re
import shutil
import struct
import subprocess
import time

import numpy as np
import pytest
import soundfile

from helpers.tunes import TUNE_RATE, convert, needs_ffmpeg, put, tune
from neuralsampleid.audio import ffmpeg
from neuralsampleid.audio.ffmpeg import audio_seconds, decode, read_any_audio, read_any_part
from neuralsampleid.audio.folder import audio_files, look_for_audio
from neuralsampleid.audio.io import audio_info, read_audio
from neuralsampleid.errors import UserError
from neuralsampleid.report.page.clips import reader_of
from neuralsampleid.report.page.views import Span


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A tune, then noise, so that a varying bit rate varies; 20 s."""
    noise = np.random.default_rng(0).normal(0, 0.2, 10 * TUNE_RATE).astype(np.float32)
    audio = np.concatenate([tune(2, 10), noise])
    return put(tmp_path_factory.mktemp("sound") / "sound.wav", audio)


def spans(path, rate=TUNE_RATE):
    """Seconds by the header, and of what is read."""
    return audio_info(path).seconds, len(read_audio(path, rate)) / rate


@needs_ffmpeg
def test_an_mp3_without_a_length_is_read_to_its_end(sound, tmp_path):
    plain = ("-q:a", "9", "-write_xing", "0", "-id3v2_version", "0")
    path = convert(sound, tmp_path / "vbr.mp3", *plain)
    assert soundfile.info(path).duration < 15  # what its first frame makes one believe
    assert spans(path) == pytest.approx((20.0, 20.0), abs=0.1)
    whole = read_audio(path, TUNE_RATE)
    window = read_audio(path, TUNE_RATE, 15.0, 0.5)
    np.testing.assert_allclose(window, whole[15 * TUNE_RATE :][: len(window)], atol=1e-5)
    # The noise lies where it was.
    assert np.abs(whole[: 9 * TUNE_RATE]).mean() < 0.7 * np.abs(whole[11 * TUNE_RATE :]).mean()
    junk = tmp_path / "junk.mp3"
    junk.write_bytes(bytes(1000) + path.read_bytes())
    assert spans(junk) == pytest.approx((20.0, 20.0), abs=0.1)


@pytest.mark.parametrize("suffix", ["mp3", "ogg", "opus"])
def test_joined_files_are_read_to_the_end_of_the_last(sound, suffix, tmp_path):
    parts = []
    for number, rate in enumerate((TUNE_RATE, TUNE_RATE, 48000)):
        kind = {"format": "OGG", "subtype": "OPUS"} if suffix == "opus" else {}
        own = 48000 if suffix == "opus" else rate
        parts.append(put(tmp_path / f"{number}.{suffix}", tune(number, 4, own), own, **kind))
    joined = tmp_path / f"joined.{suffix}"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert spans(joined) == pytest.approx((12.0, 12.0), abs=0.2)
    assert audio_seconds(joined) == pytest.approx(12.0, abs=0.2)
    whole = read_audio(joined, TUNE_RATE)
    window = read_audio(joined, TUNE_RATE, 9.0, 0.5)
    np.testing.assert_allclose(window, whole[9 * TUNE_RATE :][: len(window)], atol=1e-4)
    assert np.abs(window).max() > 0.05


@needs_ffmpeg
@pytest.mark.parametrize("suffix", ["flac", "wav", "mp3", "ogg"])
def test_a_streamed_file_that_does_not_know_its_length(sound, suffix, tmp_path):
    stereo = put(tmp_path / "stereo.wav", np.stack([tune(1, 3), -tune(1, 3)], axis=1))
    for source, seconds in ((sound, 20), (stereo, 3)):
        command = ["ffmpeg", "-v", "error", "-i", source, "-f", suffix, "-"]
        content = subprocess.run(command, capture_output=True, check=True).stdout
        (tmp_path / f"s.{suffix}").write_bytes(content)
        assert spans(tmp_path / f"s.{suffix}") == pytest.approx((seconds, seconds), abs=0.1)


@needs_ffmpeg
def test_a_wav_of_size_zero_is_read(sound, tmp_path):
    content = bytearray(sound.read_bytes())
    place = content.find(b"data") + 4
    content[place : place + 4] = bytes(4)
    path = tmp_path / "streamed.wav"
    path.write_bytes(content)
    assert decode(path).seconds == audio_seconds(path) == 20.0


def test_what_is_missing_is_said(sound, tmp_path, caplog):
    path = put(tmp_path / "cut.mp3", tune(1, 8), bitrate_mode="CONSTANT")
    assert len(read_audio(path, TUNE_RATE)) == 8 * TUNE_RATE
    assert not caplog.messages
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with caplog.at_level(logging.WARNING):
        assert 3 < len(read_audio(path, TUNE_RATE)) / TUNE_RATE < 5
    assert re.search(r"cut\.mp3: only 4 of 8 s can be read", caplog.text)


@needs_ffmpeg
def test_a_name_of_another_format_and_a_damaged_file(sound, tmp_path):
    convert(sound, tmp_path / "m.m4a")
    shutil.copy(tmp_path / "m.m4a", tmp_path / "named.mp3")
    assert decode(tmp_path / "named.mp3").seconds == pytest.approx(20.0, abs=0.1)
    part = read_any_part(tmp_path / "named.mp3", TUNE_RATE, 2.0, 1.0)
    assert len(part) == TUNE_RATE
    flac = put(tmp_path / "cut.flac", tune(1, 8))
    flac.write_bytes(flac.read_bytes()[: flac.stat().st_size // 2])
    assert 3 < decode(flac).seconds < 6


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"<html>404</html>" * 200, "its content is no audio that is known here"),
    ],
)
@pytest.mark.parametrize("suffix", ["mp3", "wav", "flac", "ogg"])
def test_no_audio_is_called_so(content, said, suffix, tmp_path):
    path = tmp_path / f"page.{suffix}"
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"page\.{suffix}: cannot be decoded \({said}\)"):
        decode(path)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_channels_that_cancel_are_heard(suffix, tmp_path):
    mono = tune(3, 4)
    path = put(tmp_path / f"anti.{suffix}", np.stack([mono, -0.99 * mono], axis=1))
    heard = read_audio(path, TUNE_RATE)
    assert np.dot(heard, mono) > 0.9 * np.dot(mono, mono)
    # What is only in one channel, or differs, is averaged as ever.
    for others in (np.zeros_like(mono), tune(4, 4)):
        pair = np.stack([mono, others], axis=1)
        path = put(tmp_path / f"pair.{suffix}", pair)
        np.testing.assert_allclose(read_audio(path, TUNE_RATE), pair.mean(axis=1), atol=0.1)


@needs_ffmpeg
def test_channels_that_cancel_are_heard_by_ffmpeg(tmp_path):
    mono = tune(3, 4)
    source = put(tmp_path / "anti.wav", np.stack([mono, -mono], axis=1))
    audio = read_any_audio(convert(source, tmp_path / "anti.wv"), TUNE_RATE)
    np.testing.assert_allclose(audio, mono, atol=1e-3)


def test_what_is_quiet_throughout_is_made_louder(tmp_path):
    mono = tune(3, 4)
    for level in (1e-3, 1e-2):
        path = put(tmp_path / "quiet.wav", level * mono, subtype="FLOAT")
        np.testing.assert_allclose(decode(path).at(TUNE_RATE), mono * 0.5 / 0.7, atol=1e-3)
    assert not decode(path).silent
    assert decode(put(tmp_path / "silent.wav", 1e-4 * mono, subtype="FLOAT")).silent
    loud = put(tmp_path / "loud.wav", 0.1 * mono, subtype="FLOAT")
    np.testing.assert_allclose(decode(loud).at(TUNE_RATE), 0.1 * mono)


def test_what_cannot_be_listed_is_named(tmp_path):
    put(tmp_path / "music/a.wav", tune(1, 1))
    put(tmp_path / "elsewhere/b.wav", tune(2, 1))
    (tmp_path / "music/vinyl").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/round").symlink_to(tmp_path / "music")
    for name in ("c.webm", "d.OGA", "e.m4b", "f.mka", "g.aifc", "h.w64", "i.caf", "j.wv", "k.mp2"):
        (tmp_path / "music" / name).write_bytes(b"x")
    for name in ("cover.jpg", "back.JPG", "list.txt", ".hidden.wav"):
        (tmp_path / "music" / name).write_bytes(b"x")
    found = look_for_audio(tmp_path / "music")
    names = {str(path.relative_to(tmp_path / "music")) for path in found.files}
    assert {"a.wav", "vinyl/b.wav", "c.webm", "d.OGA", "i.caf", "k.mp2"} <= names
    assert len(names) == 11
    assert found.others == {".jpg": 2, ".txt": 1}
    assert found.unread == []
    (tmp_path / "music/gone.wav").symlink_to(tmp_path / "nowhere.wav")
    assert look_for_audio(tmp_path / "music").unread == [
        (tmp_path / "music/gone.wav", "a link to what is not there")
    ]
    with pytest.raises(UserError, match=r"gone\.wav: cannot be read \(a link to what is not"):
        audio_files(tmp_path / "music")


def test_a_file_that_breaks_later_takes_no_page_away(tmp_path, caplog):
    path = put(tmp_path / "a.wav", tune(1, 3))
    read = reader_of({"a": path})
    assert len(read("a", Span(1.0, 2.0))[0]) == TUNE_RATE
    path.write_bytes(b"broken")
    assert read("a", Span(1.0, 2.0)) is None
    assert "a.wav: cannot be decoded" in caplog.text


@pytest.mark.parametrize("begins", ["", "cat begin; "])
def test_a_hang_of_ffmpeg_is_ended(begins, tmp_path, monkeypatch):
    program = tmp_path / "ffmpeg"
    begin = struct.pack(">4s5I400x", b".snd", 24, 2**32 - 1, 6, TUNE_RATE, 1)
    (tmp_path / "begin").write_bytes(begin)
    program.write_text(f"#!/bin/sh\ncd {tmp_path}; {begins}exec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(ffmpeg, "LEAST_LIMIT_S", 0.5)
    (tmp_path / "a.m4a").write_bytes(bytes(100_000))  # one more second
    began = time.monotonic()
    with pytest.raises(UserError, match=r"a\.m4a: ffmpeg did not end within 2 s"):
        decode(tmp_path / "a.m4a")
    assert 1.4 < time.monotonic() - began < 30
