"""Sounds in blocks: what is mixed, resampled and cut in blocks is as it is in one piece."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralsampleid.audio.sound import (
    Resampler,
    Sound,
    Stretch,
    cut,
    in_turn,
    joined,
    mixed,
    resample,
)

RATE = 8000


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.2, shape).astype(np.float32)


def in_blocks(audio: np.ndarray, size: int) -> list[np.ndarray]:
    return [audio[place : place + size] for place in range(0, len(audio), size)]


@pytest.mark.parametrize(("source", "target"), [(44100, 11025), (48000, 16000), (8000, 22050)])
@pytest.mark.parametrize("size", [997, 40_000, 10**6])
def test_resampling_does_not_depend_on_blocks(source, target, size):
    audio = noise(100_003)
    resampler = Resampler(source, target)
    blocks = [resampler.feed(block) for block in in_blocks(audio, size)]
    found = joined([*blocks, resampler.finish()])
    np.testing.assert_array_equal(found, resample(audio, source, target))
    same = Resampler(source, source)
    np.testing.assert_array_equal(same.feed(audio), audio)
    assert len(same.finish()) == 0


@pytest.mark.parametrize("most", [0, 999, 1000, None])
def test_what_is_too_long_for_the_memory_is_read_again(most):
    stereo, readings = noise(1000, 2), []

    def read():
        readings.append(1)
        return in_blocks(stereo, 300)

    sound = mixed(read, RATE, most)
    for _ in range(2):
        np.testing.assert_array_equal(sound.at(RATE), stereo.mean(axis=1))
    assert (sound.length, sound.seconds) == (1000, 1000 / RATE)
    assert sound.loudest == np.abs(stereo.mean(axis=1)).max()
    assert len(readings) == (3 if most in (0, 999) else 1)
    stereo = np.concatenate([stereo, stereo])  # the file grows
    if most == 0:
        assert len(sound.at(RATE)) == 1000


@pytest.mark.parametrize("most", [0, None])
def test_where_channels_cancel_the_first_loud_one_is_heard(most):
    loud = noise(1000)
    for channels, place in (((loud, -loud), 0), ((0.1 * loud, -loud, 0.9 * loud), 1)):
        block = np.stack(channels, axis=1)
        sound = mixed(lambda block=block: in_blocks(block, 300), RATE, most)
        np.testing.assert_array_equal(sound.at(RATE), block[:, place])
        assert sound.loudest == np.abs(loud).max()


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("channels", [1, 2])
def test_what_is_not_finite_is_the_loudest(value, channels):
    audio = noise(1000, channels)
    audio[400, 0] = value
    assert not np.isfinite(mixed(lambda: in_blocks(audio, 300), RATE).loudest)


def test_sounds_in_turn_have_the_rate_of_the_first():
    whole = [
        mixed(lambda audio=audio: in_blocks(audio[:, None], 300), rate)
        for audio, rate in ((noise(1001), 8000), (noise(3000), 16000))
    ]
    sound = in_turn(whole)
    assert isinstance(sound, Sound)
    parts = [part.at(8000) for part in whole]
    np.testing.assert_array_equal(sound.at(8000), np.concatenate(parts))
    assert sound.length == 1001 + 1500


SIZES = st.lists(st.integers(0, 50), max_size=8)


@given(sizes=SIZES, begin=st.integers(0, 200), length=st.none() | st.integers(0, 200))
def test_a_cut_is_a_slice(sizes, begin, length):
    whole = np.arange(sum(sizes), dtype=np.float32)
    end = None if length is None else begin + length
    found = joined(cut(np.split(whole, np.cumsum(sizes)[:-1]), begin, end))
    np.testing.assert_array_equal(found, whole[begin:end])


@given(sizes=SIZES, places=st.lists(st.integers(0, 60), max_size=8))
def test_a_stretch_holds_what_was_not_dropped(sizes, places):
    whole, stretch, dropped = np.arange(sum(sizes), dtype=np.float32), Stretch(), 0
    for block, ahead in zip(np.split(whole, np.cumsum(sizes)[:-1]), places, strict=False):
        stretch.append(block)
        dropped = min(dropped + ahead, stretch.end)
        stretch.drop(dropped)
        np.testing.assert_array_equal(
            stretch.part(dropped - 5, dropped + 30), whole[: stretch.end][dropped : dropped + 30]
        )
