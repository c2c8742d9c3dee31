"""Median-filter separation: nothing is lost, and simple sounds land where they belong."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import median_filter

from neuralsampleid import config
from neuralsampleid.audio.spectra import median_along_rows
from neuralsampleid.separation.backends import make_separator
from neuralsampleid.separation.hpss import Hpss
from neuralsampleid.separation.quality import si_sdr
from neuralsampleid.separation.stems import STEMS

RATE = 22050
SECONDS = 8


def sine(hertz: float) -> np.ndarray:
    time = np.arange(SECONDS * RATE) / RATE
    return (0.3 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def melody() -> np.ndarray:
    """A new note every half second."""
    pitch = 440 * 2 ** (np.array([3, 7, 10, 5, 12, 8, 14, 0]) / 12)
    phase = 2 * np.pi * np.cumsum(np.repeat(np.tile(pitch, SECONDS // 4), RATE // 2)) / RATE
    return (0.3 * np.sin(phase)).astype(np.float32)


def clicks() -> np.ndarray:
    audio = np.zeros(SECONDS * RATE, np.float32)
    audio[RATE // 4 :: RATE // 2] = 1.0
    return audio


def share(stems: dict[str, np.ndarray], stem: str) -> float:
    """Of the energy of all stems."""
    return float(np.sum(stems[stem] ** 2) / sum(np.sum(audio**2) for audio in stems.values()))


@settings(max_examples=15)
@given(
    samples=st.integers(1, 30000),
    rate=st.sampled_from([8000, 16000, 22050, 44100]),
    seed=st.integers(0, 99),
)
def test_stems_add_up_to_the_mix(samples: int, rate: int, seed: int):
    mix = np.random.default_rng(seed).uniform(-1, 1, samples).astype(np.float32)
    stems = Hpss().separate(mix, rate)
    assert sorted(stems) == sorted(STEMS)
    assert {(audio.shape, audio.dtype) for audio in stems.values()} == {(mix.shape, mix.dtype)}
    np.testing.assert_allclose(sum(stems.values()), mix, atol=1e-6)


def test_silence_stays_silence():
    stems = Hpss().separate(np.zeros(RATE, np.float32), RATE)
    assert all((audio == 0).all() for audio in stems.values())


def test_it_is_deterministic_and_blind_to_level():
    mix = melody() + clicks()
    first, again, quiet = (Hpss().separate(a, RATE) for a in (mix, mix, mix / 8))
    for stem in STEMS:
        np.testing.assert_array_equal(first[stem], again[stem])
        np.testing.assert_allclose(8 * quiet[stem], first[stem], atol=1e-4)


def test_clicks_are_drums():
    assert share(Hpss().separate(clicks(), RATE), "drums") > 0.9


def test_a_low_tone_is_bass():
    assert share(Hpss().separate(sine(80), RATE), "bass") > 0.9


def test_a_held_tone_is_other():
    assert share(Hpss().separate(sine(800), RATE), "other") > 0.9


def test_a_melody_is_vocals_and_what_is_held_under_it_is_not():
    stems = Hpss().separate(melody() + sine(800), RATE)
    for stem, part in (("vocals", melody()), ("other", sine(800))):
        assert si_sdr(stems[stem], part) > si_sdr(melody() + sine(800), part) + 3


def test_each_part_of_a_mix_of_them_is_found():
    parts = {"drums": clicks(), "bass": sine(80), "other": sine(800)}
    mix = sum(parts.values())
    stems = Hpss().separate(mix, RATE)
    for stem, part in parts.items():
        assert si_sdr(stems[stem], part) > si_sdr(mix, part) + 5


@pytest.mark.parametrize(("columns", "length"), [(1, 5), (3, 9), (50, 7), (50, 8), (50, 1)])
def test_median_is_that_of_each_row_alone(columns: int, length: int):
    values = np.random.default_rng(0).random((4, columns)).astype(np.float32)
    size = max(3, length // 2 * 2 + 1)
    expected = median_filter(values, size=(1, size), mode="reflect")
    np.testing.assert_array_equal(median_along_rows(values, length), expected)


def test_the_configuration_chooses_it():
    assert isinstance(make_separator(config.Separation(backend="hpss")), Hpss)
