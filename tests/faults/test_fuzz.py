"""Damaged headers and library tables: an answer or one line, soon, and the others stay (K3, K4)."""

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers.tunes import put, tune
from neuralsampleid.audio import ffmpeg
from neuralsampleid.errors import UserError
from neuralsampleid.library.store import open_library
from neuralsampleid.library.update import index_music

RATE = 8000
LONGEST_S = 5.0  # of the processor, for one input
# Bytes to be changed (half of them in the header), new values, and how much is left of the file.
DAMAGE = st.tuples(
    st.lists(
        st.tuples(st.integers(0, 127) | st.integers(0, 99_999), st.integers(0, 255)), max_size=6
    ),
    st.sampled_from([1.0, 1.0, 1.0, 0.7, 0.1, 0.005]),
)
FUZZING = settings(
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def sound():
    return tune(1, 0.5, RATE)


def damaged(content: bytes, damage) -> bytes:
    changes, share = damage
    changed = bytearray(content)
    for place, value in changes:
        changed[place % len(changed)] = value
    return bytes(changed[: max(1, int(share * len(changed)))])


@pytest.mark.parametrize("suffix", ["wav", "mp3", "ogg", "flac"])
def test_damaged_audio_is_read_or_refused_in_one_line(suffix, folder, sound, monkeypatch):
    # ffmpeg is asked where libsndfile fails; here, it would take most of the time.
    monkeypatch.setattr(ffmpeg.shutil, "which", lambda _: None)
    content = put(folder / f"whole.{suffix}", sound, RATE).read_bytes()
    path = folder / f"damaged.{suffix}"

    @settings(FUZZING, max_examples=250)
    @given(damage=DAMAGE)
    def check(damage):
        path.write_bytes(damaged(content, damage))
        begun = time.process_time()
        try:
            audio = ffmpeg.decode(path).at(RATE)
            assert np.isfinite(audio).all()
            assert ffmpeg.audio_seconds(path) >= 0
        except UserError as error:
            assert str(error).startswith(str(path))
            assert "\n" not in str(error)
        assert time.process_time() - begun < LONGEST_S

    check()


def test_damaged_files_leave_the_others_in_the_library(folder, sound, monkeypatch):
    monkeypatch.setattr(ffmpeg.shutil, "which", lambda _: None)
    music, rng = folder / "music", np.random.default_rng(0)
    for suffix in ("wav", "mp3", "ogg", "flac"):
        content = put(music / f"whole.{suffix}", sound, RATE).read_bytes()
        for number in range(5):
            changes = [(int(rng.integers(64)), int(rng.integers(256))) for _ in range(4)]
            (music / f"{number}.{suffix}").write_bytes(damaged(content, (changes, 1.0)))
    summary = index_music(music, folder / "library", "landmarks")
    assert summary.added + len(summary.skipped) == 24
    held = {name for names in open_library(folder / "library").paths for name in names}
    assert {"whole.wav", "whole.mp3", "whole.ogg", "whole.flac"} <= held


def test_a_damaged_library_is_read_or_refused_in_one_line(folder, sound):
    for number in range(3):
        put(folder / f"few/{number}.wav", tune(number, 1.0, RATE), RATE)
    index_music(folder / "few", folder / "few library", "landmarks")
    file = folder / "few library/library.sqlite"
    content = file.read_bytes()
    page = st.integers(0, len(content) // 65536 - 1)
    place = st.builds(lambda number, byte: 65536 * number + byte, page, st.integers(0, 200))

    @settings(FUZZING, max_examples=200)
    @given(
        changes=st.lists(st.tuples(place, st.integers(0, 255)), max_size=6),
        share=st.sampled_from([1.0, 1.0, 0.6, 0.1]),
    )
    def check(changes, share):
        file.write_bytes(damaged(content, (changes, share)))
        Path(f"{file}-journal").unlink(missing_ok=True)
        begun = time.process_time()
        try:
            open_library(file.parent)
        except UserError as error:
            assert str(file.parent) in str(error)
            assert "\n" not in str(error)
        assert time.process_time() - begun < LONGEST_S

    check()
