"""Effects do what their names say, and texts that are none are refused."""

from __future__ import annotations

import numpy as np
import pytest

from neuralsampleid.composer.effects import apply_effects, parse_effects
from neuralsampleid.composer.mixing import normalised
from neuralsampleid.errors import UserError

RATE = 22050
NOISE = np.random.default_rng(0).standard_normal(4 * RATE).astype(np.float32)


def treated(text, audio=NOISE):
    return apply_effects(audio, RATE, parse_effects(text, "here"))


def level_db(audio, low_hz, high_hz):
    power = np.abs(np.fft.rfft(audio)) ** 2
    hertz = np.fft.rfftfreq(len(audio), 1 / RATE)
    return 10 * np.log10(power[(hertz >= low_hz) & (hertz < high_hz)].mean())


def sine(hertz, seconds=2.0):
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE).astype(np.float32)


@pytest.mark.parametrize(
    ("text", "kept", "lost"),
    [
        ("lowpass 1000", (100, 500), (4000, 8000)),
        ("highpass 1000", (4000, 8000), (100, 250)),
        ("bandpass 400 1600", (700, 900), (6400, 9000)),
        ("bandpass 400 1600", (700, 900), (50, 100)),
    ],
)
def test_filters_keep_what_they_say(text, kept, lost):
    audio = treated(text)
    plain = normalised(NOISE, RATE)
    assert level_db(audio, *kept) == pytest.approx(level_db(plain, *kept), abs=1.5)
    assert level_db(audio, *lost) < level_db(plain, *lost) - 35


def test_a_filter_halves_the_amplitude_at_its_frequency():
    assert np.abs(treated("lowpass 1000", sine(1000))[5000:-5000]).max() == pytest.approx(
        np.abs(normalised(sine(1000), RATE)).max() / 2, rel=0.02
    )


def test_the_equaliser_has_its_gains_at_its_points():
    for hertz, gain in ((100, -6.0), (1000, 9.0), (316.2, 1.5)):  # the last is half way in log f
        changed = treated("equaliser 100 -6 1000 9", sine(hertz))[5000:-5000]
        plain = normalised(sine(hertz), RATE)
        ratio = np.abs(changed).max() / np.abs(plain).max()
        assert 20 * np.log10(ratio) == pytest.approx(gain, abs=0.3)


def test_overdrive_adds_odd_harmonics():
    audio = treated("drive 20", sine(500))
    assert level_db(audio, 1490, 1510) > level_db(audio, 490, 510) - 30
    assert level_db(audio, 990, 1010) < level_db(audio, 490, 510) - 60


def test_a_compressor_narrows_the_dynamics():
    steps = np.repeat([0.1, 1.0], 2 * RATE).astype(np.float32) * NOISE
    before, after = (np.square(a[3 * RATE :]).mean() / np.square(a[:RATE]).mean()
                     for a in (steps, treated("compressor 0 4", steps)))  # fmt: skip
    assert before == pytest.approx(100, rel=0.1)
    assert after < 40


def test_a_crusher_leaves_few_values_that_it_holds():
    audio = treated("crush 4 2205")
    assert len(np.unique(audio)) <= 2**4 + 1
    assert np.count_nonzero(np.diff(audio)) <= len(audio) / 10
    peak = np.abs(normalised(NOISE, RATE)).max()
    np.testing.assert_allclose(audio[::10], normalised(NOISE, RATE)[::10], atol=peak / 16 * 1.001)


def test_a_reverberation_sounds_on_and_falls_by_60_db_in_its_time():
    click = np.zeros(3 * RATE, np.float32)
    click[: RATE // 10] = NOISE[: RATE // 10]
    audio = treated("reverb 1.0 -6", click)
    plain = normalised(click, RATE)
    assert np.square(audio[: RATE // 100]).sum() == pytest.approx(
        np.square(plain[: RATE // 100]).sum(), rel=0.01
    )
    early, late = (np.square(audio[round(t * RATE) :][: RATE // 20]).mean() for t in (0.15, 0.65))
    assert 10 * np.log10(early / late) == pytest.approx(30, abs=3)
    assert not audio[round(1.2 * RATE) :].any() or np.abs(audio[round(1.2 * RATE) :]).max() < 1e-6


@pytest.mark.parametrize(
    "text",
    ["lowpass 700", "equaliser 100 -6 800 3", "drive 20", "compressor 0 4", "crush 6 8000",
     "reverb 2 -6", "bandpass 200 900;drive 6;reverb 0.4 -10", ""],
)  # fmt: skip
def test_effects_keep_length_kind_and_place(text):
    audio = treated(text)
    assert audio.shape == NOISE.shape
    assert audio.dtype == np.float32
    lags = np.fft.irfft(np.fft.rfft(audio) * np.conj(np.fft.rfft(NOISE)))
    assert np.argmax(lags) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lowpas 700", "here: effect 'lowpas', expected one of lowpass, highpass"),
        ("lowpass", "effect 'lowpass', expected 1 number after lowpass"),
        ("lowpass 700 900", "expected 1 number"),
        ("bandpass 700", "expected 2 numbers"),
        ("equaliser 100 -6 800", "expected 2 numbers"),
        ("drive loud", "effect 'drive loud', expected 1 number"),
        ("drive nan", "out of range"),
        ("lowpass 20000", "20000 in 'lowpass 20000' is out of range, expected 30 to 10000"),
        ("drive 3;;reverb 1 -6", "effect ''"),
    ],
)
def test_texts_that_are_no_effects_are_refused(text, message):
    with pytest.raises(UserError, match=message) as caught:
        parse_effects(text, "here")
    assert "\n" not in str(caught.value)
