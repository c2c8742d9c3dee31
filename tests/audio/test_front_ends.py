"""Front ends: parity with the released system, and what each promises."""

import numpy as np
import pytest
import torch

from helpers.paper import CONSTANT_Q, LOG_MEL, changed
from helpers.parity import released_outputs, waveform
from helpers.songs import sine
from neuralsampleid.audio.front_ends import (
    ConstantQFrontEnd,
    LogMelFrontEnd,
    make_front_end,
    mel_filters,
    segment_samples,
)
from neuralsampleid.config import ConstantQ, LogMel


@torch.no_grad()
def test_log_mel_equals_the_released_one():
    audio = torch.from_numpy(np.stack([waveform(f"open/mel/{i}", 4.08, 16000) for i in range(3)]))
    released = released_outputs("gnn")["logmel"]
    torch.testing.assert_close(LogMelFrontEnd(LOG_MEL)(audio), released, atol=1e-3, rtol=0)


@torch.no_grad()
def test_constant_q_equals_the_released_one():
    audio = torch.from_numpy(np.stack([waveform(f"open/cqt/{i}", 5.0, 22050) for i in range(2)]))
    released = released_outputs("resnet_ibn")["cqt"]
    ours = ConstantQFrontEnd(CONSTANT_Q)(audio)
    assert ours.shape == released.shape == (2, 84, 216)
    assert (ours - released).abs().max() < 1e-4 * released.abs().max()


@torch.no_grad()
@pytest.mark.parametrize(
    "settings",
    [
        CONSTANT_Q,
        changed(CONSTANT_Q, sample_rate=16000, hop_length=256, bins=60, f_min=55.0),
        changed(CONSTANT_Q, bins=150, bins_per_octave=24, f_min=65.4),
    ],
)
def test_constant_q_equals_nnaudio(settings: ConstantQ):
    from nnAudio.features.cqt import CQT1992v2

    theirs = CQT1992v2(
        sr=settings.sample_rate,
        hop_length=settings.hop_length,
        fmin=settings.f_min,
        n_bins=settings.bins,
        bins_per_octave=settings.bins_per_octave,
        verbose=False,
    )
    audio = torch.from_numpy(waveform("nnaudio", 3.0, settings.sample_rate))[None]
    expected = theirs(audio)
    ours = ConstantQFrontEnd(settings)(audio)
    assert (ours - expected).abs().max() < 1e-4 * expected.abs().max()


@pytest.mark.parametrize(("frequency", "level"), [(440.0, 0.5), (1000.0, 0.5)])
def test_a_tone_lies_in_its_mel_band(frequency: float, level: float):
    settings = LOG_MEL
    levels = LogMelFrontEnd(settings)(torch.from_numpy(sine(frequency, 2.0, 16000))[None])[0]
    bins = np.linspace(0, 8000, 513)
    centre = mel_filters(settings)[int(levels.mean(dim=1).argmax())].argmax()
    assert abs(bins[centre] - frequency) < 40
    # A tone's peak power is (amplitude × sum of the window / 2)², give or take a bin's edge.
    expected = 20 * np.log10(level * 512 / 2)
    assert levels[:, 10].amax() == pytest.approx(expected, abs=3)


@pytest.mark.parametrize("key", [33, 48, 60, 77])
def test_a_tone_lies_in_its_constant_q_bin(key: int):
    frequency = 32.70 * 2 ** (key / 12)
    front_end = ConstantQFrontEnd(CONSTANT_Q)
    magnitudes = front_end(torch.from_numpy(sine(frequency, 5.0, 22050))[None])[0]
    assert (magnitudes[:, 50:-50].argmax(dim=0) == key).all()


def test_silence_is_finite():
    silence = torch.zeros(1, 5 * 22050)
    assert (LogMelFrontEnd(LOG_MEL)(silence) == -100).all()
    assert ConstantQFrontEnd(CONSTANT_Q)(silence).abs().max() < 1e-5


@pytest.mark.parametrize("settings", [LOG_MEL, changed(LOG_MEL, frames=64), CONSTANT_Q])
def test_a_segment_gives_exactly_its_frames(settings: LogMel | ConstantQ):
    front_end = make_front_end(settings)
    features = front_end(torch.randn(2, segment_samples(settings)))
    assert features.shape == (2, front_end.bins, settings.frames)
    shorter = front_end(torch.randn(1, segment_samples(settings) - settings.hop_length))
    assert shorter.shape[2] == settings.frames - 1


def test_the_released_segment():
    assert segment_samples(LOG_MEL) == 65280


def test_twice_the_amplitude_is_6_db():
    audio = torch.from_numpy(waveform("gain", 1.0, 16000))[None]
    front_end = LogMelFrontEnd(LOG_MEL)
    torch.testing.assert_close(
        front_end(2 * audio), front_end(audio) + 20 * np.log10(2), atol=1e-3, rtol=0
    )


def test_logarithmic_magnitudes():
    audio = torch.from_numpy(waveform("log", 5.0, 22050))[None]
    plain = ConstantQFrontEnd(CONSTANT_Q)(audio)
    logarithmic = ConstantQFrontEnd(changed(CONSTANT_Q, log_magnitude=True))(audio)
    torch.testing.assert_close(logarithmic, torch.log1p(100 * plain))


def test_a_clip_shorter_than_the_longest_kernel():
    front_end = ConstantQFrontEnd(CONSTANT_Q)
    assert front_end(torch.from_numpy(sine(440.0, 0.2, 22050))[None]).shape == (1, 84, 9)


def test_front_ends_hold_no_weights():
    for settings in (LOG_MEL, CONSTANT_Q):
        assert not make_front_end(settings).state_dict()
