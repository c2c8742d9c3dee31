"""Changes of waveforms by audiomentations: pitch, tempo, level and frame edits."""

import numpy as np
import pytest

from helpers.changes import plain_changes
from helpers.songs import sine
from neuralsampleid.audio.front_ends import make_front_end
from neuralsampleid.config import LogMel
from neuralsampleid.training.pairs import RawPair
from neuralsampleid.training.speed_and_pitch import Changes
from neuralsampleid.training.waveform import WaveformViews, apply_changes, apply_effects

RATE = 16000


def peak_hz(audio: np.ndarray) -> float:
    middle = audio[len(audio) // 4 : -len(audio) // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 18))
    return float(spectrum.argmax() * RATE / (1 << 18))


@pytest.mark.parametrize("semitones", [-3.0, 2.0])
def test_pitch_moves_a_tone_and_keeps_its_length(semitones: float):
    shifted = apply_changes(sine(440.0, 2.0, RATE), RATE, plain_changes(pitch_semitones=semitones))
    assert len(shifted) == 2 * RATE
    assert peak_hz(shifted) == pytest.approx(440 * 2 ** (semitones / 12), rel=0.005)


@pytest.mark.parametrize("tempo", [0.8, 1.25])
def test_tempo_changes_the_length_and_keeps_the_pitch(tempo: float):
    stretched = apply_changes(sine(440.0, 2.0, RATE), RATE, plain_changes(tempo=tempo))
    assert len(stretched) == pytest.approx(2 * RATE / tempo, rel=0.02)
    assert peak_hz(stretched) == pytest.approx(440, rel=0.005)


def test_no_change_changes_nothing():
    audio = sine(440.0, 1.0, RATE)
    assert apply_changes(audio, RATE, plain_changes()) is audio
    np.testing.assert_allclose(apply_effects(audio, RATE, plain_changes()), audio, atol=1e-6)


def test_the_equaliser_tilts():
    tones = sine(60.0, 2.0, RATE) + sine(6000.0, 2.0, RATE)
    tilted = apply_effects(
        tones, RATE, plain_changes(equaliser_db=np.linspace(-12, 12, 6, dtype=np.float32))
    )
    spectrum = np.abs(np.fft.rfft(tilted))
    high, low = spectrum[2 * 6000], spectrum[2 * 60]
    assert 15 < 20 * np.log10(high / low) < 30


def test_the_compressor_narrows_levels():
    quiet, loud = sine(440.0, 1.0, RATE) / 10, sine(440.0, 1.0, RATE)
    audio = np.concatenate([quiet, loud])
    squeezed = apply_effects(
        audio, RATE, plain_changes(compressor_ratio=4.0, compressor_threshold_db=-20.0)
    )
    level = [np.sqrt(np.square(part).mean()) for part in (squeezed[2000:14000], squeezed[18000:])]
    assert 20 * np.log10(level[1] / level[0]) == pytest.approx(20 / 4, abs=0.5)


def query_of(change: Changes, change_rest: bool = True) -> np.ndarray:
    """The query view of a ramp, whose value tells where it was read."""
    ramp = np.linspace(-0.5, 0.5, 4096, dtype=np.float32)
    views = WaveformViews(make_front_end(LogMel()), change_rest, segment=2048)
    pair = RawPair(ramp, np.zeros_like(ramp), ramp[1024:3072], change)
    batch = views.collate([pair])
    np.testing.assert_array_equal(batch.reference[0], ramp[1024:3072])
    return batch.query[0].numpy() * 4095 + 2047.5


@pytest.mark.parametrize("change_rest", [True, False])
def test_an_unchanged_view_is_the_middle(change_rest: bool):
    np.testing.assert_allclose(
        query_of(plain_changes(), change_rest), np.arange(1024, 3072), atol=0.1
    )


def test_frame_edits():
    edit = {"edit_start": 0.5, "edit_seconds": 256 / RATE}
    own = np.arange(1024, 3072)
    duplicated = query_of(plain_changes(edit="duplicate", **edit))
    np.testing.assert_allclose(duplicated[:1280], own[:1280], atol=0.1)
    np.testing.assert_allclose(duplicated[1280:], own[1024:-256], atol=0.1)
    removed = query_of(plain_changes(edit="remove", **edit))
    np.testing.assert_allclose(removed[:1024], own[:1024], atol=0.1)
    np.testing.assert_allclose(removed[1024 : 2048 - 256], own[1280:], atol=0.1)
    silenced = query_of(plain_changes(edit="silence", **edit))
    np.testing.assert_allclose(silenced[1024:1280], 2047.5, atol=0.1)
    np.testing.assert_allclose(silenced[1280:], own[1280:], atol=0.1)


def test_silence_stays_finite():
    silent = np.zeros(4096, np.float32)
    loud = plain_changes(gain_db=10.0, compressor_ratio=4.0, equaliser_db=np.ones(6, np.float32))
    assert not apply_effects(silent, RATE, loud).any()
