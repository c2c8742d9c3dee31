"""Views of levels: each change on small arrays, by hand."""

import numpy as np
import pytest
import torch

from helpers.songs import RATE, SMALL_CONSTANT_Q, sine
from neuralsampleid.audio.front_ends import ConstantQFrontEnd
from neuralsampleid.training.drawing import View
from neuralsampleid.training.level_packs import coded, powers
from neuralsampleid.training.rendering import render

BINS, FRAMES, SOURCES = 8, 6, 3
ZERO_DB, TEN_DB, TWENTY_DB = 215, 235, 255  # codes of powers of 1, 10 and 100


def rendered(
    block: np.ndarray, middle: float = 10.0, frames: int = FRAMES, **values: object
) -> np.ndarray:
    """A view that changes nothing, but for the values given."""
    plain: dict = {
        "speed": 1.0,
        "transposition": 0.0,
        "shift": 0.0,
        "sources": np.ones(block.shape[1], bool),
        "gains": np.ones(block.shape[2], np.float32),
        "decay": 0.0,
        "wet": 0.0,
        "squash": 0.0,
        "sounds": (0, frames),
    }
    power = np.zeros((block.shape[2], frames), np.float32)
    render(block, middle, View(**(plain | values)), power)
    return power


@pytest.fixture
def block() -> np.ndarray:
    """Random codes, (20 frames, sources, bins)."""
    return np.random.default_rng(0).integers(150, 256, (20, SOURCES, BINS)).astype(np.uint8)


def mixed(block: np.ndarray) -> np.ndarray:
    """The power of all sources, (bins, frames)."""
    return powers()[block].sum(axis=1).T


def test_an_unchanged_view_is_what_was_coded():
    front_end = ConstantQFrontEnd(SMALL_CONSTANT_Q)
    tone = torch.tensor(sine(440.0, 1.0, RATE))[None]
    magnitudes = front_end(tone)[0].numpy()
    block = coded(magnitudes.T)[:, None]
    found = rendered(block, middle=30.0, frames=20)
    expected_db = 20 * np.log10(magnitudes[:, 20:40])
    heard = expected_db > -100
    assert heard.mean() > 0.5
    found_db = 10 * np.log10(np.maximum(found, 1e-20))
    np.testing.assert_allclose(found_db[heard], expected_db[heard], rtol=0, atol=0.251)


def test_the_middle_of_a_view_is_its_frame_after_the_first_half(block: np.ndarray):
    found = rendered(block, middle=10.0)
    np.testing.assert_allclose(found, mixed(block)[:, 7:13], rtol=1e-5)
    found = rendered(block, middle=10.0, frames=5)
    np.testing.assert_allclose(found, mixed(block)[:, 8:13], rtol=1e-5)


def test_what_is_there_already_lies_outside_the_view(block: np.ndarray):
    """A view may be part of a larger array."""
    whole = np.zeros((2, BINS, FRAMES), np.float32)
    alone = rendered(block)
    view = View(
        1.0, 0.0, 0.0, np.ones(SOURCES, bool), np.ones(BINS, np.float32), 0.0, 0.0, 0.0, (0, FRAMES)
    )
    render(block, 10.0, view, whole[1])
    assert not whole[0].any()
    np.testing.assert_array_equal(whole[1], alone)


def test_twice_the_speed_reads_every_second_frame(block: np.ndarray):
    found = rendered(block, middle=10.0, speed=2.0)
    np.testing.assert_allclose(found, mixed(block)[:, 4:16:2], rtol=1e-5)


def test_half_the_speed_reads_between_frames(block: np.ndarray):
    power = mixed(block)
    found = rendered(block, middle=10.0, speed=0.5)
    np.testing.assert_allclose(found[:, 1::2], power[:, 9:12], rtol=1e-5)
    np.testing.assert_allclose(found[:, ::2], (power[:, 8:11] + power[:, 9:12]) / 2, rtol=1e-5)


def test_a_middle_between_frames(block: np.ndarray):
    power = mixed(block)
    found = rendered(block, middle=10.25)
    np.testing.assert_allclose(found, 0.75 * power[:, 7:13] + 0.25 * power[:, 8:14], rtol=1e-5)


def test_a_transposition_of_whole_bins_moves_bins(block: np.ndarray):
    power = mixed(block)[:, 7:13]
    up = rendered(block, transposition=3.0)
    np.testing.assert_allclose(up[3:], power[:-3], rtol=1e-5)
    # What the track's lowest bin says of those below it: 15 dB less.
    np.testing.assert_allclose(up[:3], np.tile(0.03 * power[0], (3, 1)), rtol=1e-5)
    down = rendered(block, transposition=-3.0)
    np.testing.assert_allclose(down[:-3], power[3:], rtol=1e-5)
    assert (down[-3:] == 0).all()


def test_a_transposition_of_half_a_bin_reads_between_bins(block: np.ndarray):
    power = mixed(block)[:, 7:13]
    between = (power[:-1] + power[1:]) / 2
    np.testing.assert_allclose(rendered(block, transposition=0.5)[1:], between, rtol=1e-5)
    down = rendered(block, transposition=-0.5)
    np.testing.assert_allclose(down[:-1], between, rtol=1e-5)
    assert (down[-1] == 0).all()


@pytest.mark.parametrize("sounding", [[0], [1], [0, 2], []])
def test_only_the_sources_that_sound_are_read(sounding: list[int], block: np.ndarray):
    found = rendered(block, sources=np.isin(np.arange(SOURCES), sounding))
    np.testing.assert_allclose(found, mixed(block[:, sounding])[:, 7:13], rtol=1e-5)


def test_gains_act_on_the_bins_of_the_view(block: np.ndarray):
    gains = np.arange(BINS, dtype=np.float32) / 2
    found = rendered(block, transposition=2.0, gains=gains)
    np.testing.assert_allclose(
        found, gains[:, None] * rendered(block, transposition=2.0), rtol=1e-6
    )


def test_nothing_sounds_outside_the_part_that_does(block: np.ndarray):
    whole, found = rendered(block), rendered(block, sounds=(2, 5))
    assert (found[:, [0, 1, 5]] == 0).all()
    np.testing.assert_array_equal(found[:, 2:5], whole[:, 2:5])


def test_outside_the_track_is_nothing(block: np.ndarray):
    early = rendered(block, middle=1.0)
    assert (early[:, :2] == 0).all()
    np.testing.assert_allclose(early[:, 2:], mixed(block)[:, :4], rtol=1e-5)
    late = rendered(block, middle=18.0)
    np.testing.assert_allclose(late[:, :5], mixed(block)[:, 15:], rtol=1e-5)
    assert (late[:, 5:] == 0).all()
    assert (rendered(block, middle=-40.0) == 0).all()
    assert (rendered(block, middle=60.0, speed=2.0) == 0).all()


def of_totals(codes: list[int]) -> np.ndarray:
    """One source of which each frame has one bin only, with the code given."""
    block = np.zeros((len(codes), 1, BINS), np.uint8)
    block[:, 0, 2] = codes
    return block


def test_squashing_takes_away_a_power_of_each_frame():
    block = of_totals([ZERO_DB, TWENTY_DB, TEN_DB, 0, 175, TWENTY_DB])
    found = rendered(block, middle=3.0, squash=0.5)
    # The square root of each frame's power of 1, 100, 10, 0, 0.01 and 100.
    expected = [1.0, 10.0, np.sqrt(10), 0.0, 0.1, 10.0]
    np.testing.assert_allclose(found[2], expected, rtol=1e-4)
    assert (np.delete(found, 2, axis=0) == 0).all()


def test_squashing_is_by_the_sum_over_bins_after_the_gains():
    block = of_totals([0] * 3 + [ZERO_DB] * 3)
    block[:, 0, 5] = block[:, 0, 2]
    gains = np.full(BINS, 8.0, np.float32)  # 16 in all
    found = rendered(block, middle=3.0, squash=0.25, gains=gains)
    np.testing.assert_allclose(found[[2, 5], 3:], 8.0 / 2.0, rtol=1e-4)
    assert (found[:, :3] == 0).all()


def test_reverberation_follows_an_impulse_and_decays():
    block = of_totals([0, ZERO_DB, 0, 0, 0, 0])
    found = rendered(block, middle=3.0, decay=0.5, wet=2.0)
    np.testing.assert_allclose(found[2], [0.0, 1.0, 1.0, 0.5, 0.25, 0.125], rtol=1e-5)
    assert (np.delete(found, 2, axis=0) == 0).all()


def test_reverberation_of_a_steady_sound_grows_to_its_share():
    found = rendered(of_totals([ZERO_DB] * 60), middle=30.0, frames=59, decay=0.8, wet=0.3)
    assert found[2, 0] == pytest.approx(1.0)
    assert found[2, 1] == pytest.approx(1 + 0.3 * 0.2)
    assert found[2, -1] == pytest.approx(1.3, abs=1e-4)


def test_reverberation_goes_on_where_nothing_sounds_any_more():
    found = rendered(of_totals([ZERO_DB] * 6), middle=3.0, decay=0.5, wet=1.0, sounds=(1, 3))
    # The tail is 0, 0.5, then 0.75 of the frame before.
    np.testing.assert_allclose(found[2], [0.0, 1.0, 1.5, 0.75, 0.375, 0.1875], rtol=1e-5)
    dry = rendered(of_totals([ZERO_DB] * 6), middle=3.0, decay=0.5, sounds=(1, 3))
    np.testing.assert_allclose(dry[2], [0.0, 1.0, 1.0, 0.0, 0.0, 0.0], rtol=1e-5)
