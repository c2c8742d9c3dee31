"""Tones, mixing and what producers do to a sample."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralsampleid.composer.compose import STEMS, Part, compose
from neuralsampleid.composer.mixing import (
    Channel,
    Room,
    active_rms,
    compress,
    db,
    filtered,
    mix_channels,
    normalised,
)
from neuralsampleid.composer.recording import record
from neuralsampleid.composer.render import render_part
from neuralsampleid.composer.soundfont import write_soundfont
from neuralsampleid.composer.styles import STYLES
from neuralsampleid.composer.treatment import (
    MAX_RATIO,
    MAX_SEMITONES,
    MIN_RATIO,
    Treatment,
    cut_and_treat,
    draw_treatment,
)

RATE = 22050


@pytest.fixture(scope="module")
def soundfont(tmp_path_factory):
    return write_soundfont(tmp_path_factory.mktemp("soundfont") / "general_midi.sf2")


def one_note(program, pitch, loudness=0.9, *, duration=1.0, start=0.0):
    return Part("x", "other", program, np.array([[start, duration, pitch, loudness]]), 0.0, 0.0)


def fundamental(audio, low, high):
    """The lag of the best autocorrelation, as Hz; the shortest of nearly equal ones."""
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), 4 * len(audio))) ** 2
    correlation = np.fft.irfft(spectrum)
    lags = np.arange(int(RATE / high), int(RATE / low))
    values = correlation[lags]
    peaks = [
        i
        for i in range(1, len(lags) - 1)
        if values[i] > 0.9 * values.max() and values[i - 1] <= values[i] >= values[i + 1]
    ]
    return RATE / lags[peaks[0]]


@pytest.mark.parametrize(
    "program", [0, 4, 7, 11, 22, 27, 33, 34, 38, 48, 53, 54, 56, 61, 66, 73, 81]
)
def test_instruments_are_in_tune(program, soundfont):
    for pitch in (45, 57, 64):
        audio = render_part(one_note(program, pitch), soundfont, 1.0, RATE)[2000:14000]
        wanted = 440 * 2 ** ((pitch - 69) / 12)
        found = fundamental(audio, 60, 700)
        assert abs(12 * np.log2(found / wanted)) < 0.35


def test_every_instrument_of_every_style_sounds(soundfont):
    programs = {
        program
        for style in STYLES
        for group in (style.bass_programs, style.pads, style.riffs, style.leads)
        for program in (*group, *style.comping[0].programs, *style.comping[1].programs)
    }
    for program in sorted(programs):
        for pitch in (40, 52, 64, 76):
            audio = render_part(one_note(program, pitch, duration=0.3), soundfont, 0.4, RATE)
            assert np.abs(audio).max() > 0.01, (program, pitch)


def test_tuning_raises_the_pitch(soundfont):
    plain, raised = (
        render_part(one_note(33, 45), soundfont, 1.0, RATE, tuning)[2000:] for tuning in (0.0, 2.0)
    )
    change = 12 * np.log2(fundamental(raised, 60, 300) / fundamental(plain, 60, 300))
    assert change == pytest.approx(2.0, abs=0.1)


def test_notes_start_in_time_and_end(soundfont):
    audio = render_part(one_note(0, 60, start=0.5, duration=0.25), soundfont, 2.0, RATE)
    assert not audio[: RATE // 2].any()
    assert np.abs(audio[RATE // 2 : RATE // 2 + 400]).max() > 0.01
    assert not audio[int(0.9 * RATE) :].any()


def test_loud_notes_are_louder_and_brighter(soundfont):
    soft, loud = (
        render_part(one_note(4, 60, loudness), soundfont, 1.0, RATE) for loudness in (0.3, 1.0)
    )
    assert np.abs(loud).max() > 2 * np.abs(soft).max()
    edges = [np.abs(np.diff(audio)).max() / np.abs(audio).max() for audio in (soft, loud)]
    assert edges[1] > edges[0]


def test_normalising_sets_the_active_level():
    rng = np.random.default_rng(0)
    audio = np.concatenate([np.zeros(RATE), 0.01 * rng.standard_normal(RATE)]).astype(np.float32)
    assert active_rms(normalised(audio, RATE, -20.0), RATE) == pytest.approx(0.1, rel=1e-3)
    silence = np.zeros(RATE, np.float32)
    np.testing.assert_array_equal(normalised(silence, RATE), silence)


def test_compression_narrows_the_dynamics():
    rng = np.random.default_rng(0)
    envelope = np.repeat([0.05, 0.8], RATE)
    audio = (envelope * rng.standard_normal(2 * RATE)).astype(np.float32)
    squeezed = compress(audio, RATE, -6.0, 4.0)

    def contrast(x):
        return x[RATE + 500 :].std() / x[: RATE - 500].std()

    assert contrast(squeezed) < 0.5 * contrast(audio)


@pytest.mark.parametrize(
    ("low", "high", "kept"), [(None, 800, 200), (2000, None, 6000), (400, 2000, 900)]
)
def test_filters_keep_their_band(low, high, kept):
    time = np.arange(RATE) / RATE
    for hertz in (60, 200, 900, 6000):
        tone = np.sin(2 * np.pi * hertz * time).astype(np.float32)
        gain = filtered(tone, RATE, low, high)[2000:-2000].std() / tone.std()
        assert (gain > 0.6) if hertz == kept else (gain < 1.01)
    assert filtered(tone, RATE, None, None) is tone


def test_a_dry_flat_channel_only_sets_the_level():
    tone = np.sin(np.arange(RATE) * 0.1).astype(np.float32)
    flat = Channel(0.0, ((20.0, 0.0), (10000.0, 0.0)), -200.0)
    (out,) = mix_channels([tone], [flat], Room(1, 0.5, 0.01, 0.5), RATE)
    np.testing.assert_allclose(out, normalised(tone, RATE), atol=1e-4)


def test_stems_sum_to_the_mix_without_clipping(soundfont):
    rng = np.random.default_rng(3)
    recording = record(rng, compose(rng, 20.0), 20.0, RATE, soundfont)
    total = sum(recording.stems[stem] for stem in STEMS)
    np.testing.assert_allclose(recording.mix, total, atol=1e-6)
    assert len(recording.mix) == 20 * RATE
    assert np.abs(recording.mix).max() <= 0.8901
    assert all(np.abs(stem).max() <= 0.8901 for stem in recording.stems.values())
    assert np.isfinite(recording.mix).all()
    assert abs(recording.mix[-1]) < 1e-3


def plain(process, ratio=1.0, semitones=0.0):
    return Treatment(process, ratio, semitones, "none", None, None, False)


def test_untouched_means_untouched():
    source = np.random.default_rng(0).standard_normal(5 * RATE).astype(np.float32)
    loop = cut_and_treat(source, RATE, 1.0, 3.0, plain("untouched"))
    np.testing.assert_array_equal(loop, source[RATE : 3 * RATE])


@pytest.mark.parametrize(
    "treatment",
    [
        plain("varispeed", 1.15, 12 * np.log2(1.15)),
        plain("varispeed", 0.87, 12 * np.log2(0.87)),
        plain("stretch", 1.25),
        plain("stretch", 0.8),
        plain("shift", 1.0, -3),
        plain("stretch_shift", 1.1, 2),
    ],
    ids=lambda treatment: f"{treatment.process}-{treatment.tempo_ratio:.2f}",
)
def test_treatments_keep_time_exactly(treatment):
    rng = np.random.default_rng(0)
    source = np.zeros(6 * RATE, np.float32)
    clicks = np.arange(0.75, 5.5, 0.5)
    burst = rng.standard_normal(500) * np.exp(-np.arange(500) / 80)
    for click in clicks:
        source[round(click * RATE) :][:500] += burst
    loop = cut_and_treat(source, RATE, 1.0, 5.0, treatment)
    assert len(loop) == round(4.0 / treatment.tempo_ratio * RATE)
    energy = np.convolve(np.square(loop), np.ones(300), "same")
    for click in clicks[(clicks > 1.1) & (clicks < 4.9)]:
        wanted = round((click - 1.0) / treatment.tempo_ratio * RATE)
        window = energy[max(wanted - 2000, 0) : wanted + 2000]
        assert abs(int(window.argmax()) - min(wanted, 2000) - 100) < 0.01 * RATE


@pytest.mark.parametrize(
    ("treatment", "change"),
    [
        (plain("varispeed", 1.1, 12 * np.log2(1.1)), 12 * np.log2(1.1)),
        (plain("stretch", 0.85), 0.0),
        (plain("shift", 1.0, 3), 3.0),
        (plain("stretch_shift", 0.9, -2), -2.0),
    ],
)
def test_treatments_change_pitch_as_they_say(treatment, change):
    tone = np.sin(2 * np.pi * 330 * np.arange(5 * RATE) / RATE).astype(np.float32)
    loop = cut_and_treat(tone, RATE, 0.5, 4.5, treatment)[4000:-4000]
    spectrum = np.abs(np.fft.rfft(loop * np.hanning(len(loop))))
    found = spectrum.argmax() * RATE / len(loop)
    assert 12 * np.log2(found / 330) == pytest.approx(change, abs=0.05)


@given(st.integers(0, 2**16), st.floats(70, 150), st.floats(70, 150))
@settings(max_examples=200)
def test_drawn_treatments_keep_their_limits(seed, tempo, target):
    rng = np.random.default_rng(seed)
    free = draw_treatment(rng, tempo, 70.0, 150.0)
    assert 70 - 1e-9 <= tempo * free.tempo_ratio <= 150 + 1e-9
    treatments = [free]
    if MIN_RATIO * tempo < target < MAX_RATIO * tempo:
        treatments.append(draw_treatment(rng, tempo, target, target))
        assert tempo * treatments[-1].tempo_ratio == pytest.approx(target)
    for treatment in treatments:
        assert MIN_RATIO - 1e-9 <= treatment.tempo_ratio <= MAX_RATIO + 1e-9
        assert abs(treatment.semitones) <= MAX_SEMITONES + 1e-9
        if treatment.process == "varispeed":
            assert treatment.semitones == pytest.approx(12 * np.log2(treatment.tempo_ratio))
    assert db(6.0206) == pytest.approx(2.0, rel=1e-4)
