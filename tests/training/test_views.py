"""Changes on powers: what each does to a tone or a click."""

import numpy as np
import pytest
import torch

from helpers import paper
from helpers.changes import plain_changes
from helpers.paper import CONSTANT_Q, changed, paper_augmentation
from helpers.songs import packed_songs, sine, small_training
from neuralsampleid.audio.front_ends import make_front_end
from neuralsampleid.config import ConstantQ, LogMel
from neuralsampleid.training.pairs import PairSource, RawPair
from neuralsampleid.training.speed_and_pitch import Changes
from neuralsampleid.training.views import (
    BatchedViews,
    PowerBatch,
    compress,
    equalise,
    middle_frames,
    warp,
)

LOG_MEL = changed(paper.LOG_MEL, frames=64)
RATE = 16000
TONE = 32.70 * 2 ** (52 / 12)  # Hz, in the middle of a constant-Q bin


def centred(frames: int, tempo: float = 1.0) -> torch.Tensor:
    return ((torch.arange(frames) - (frames - 1) / 2) * tempo)[None]


def test_no_change_changes_nothing():
    power = torch.rand(2, 40, 31)
    positions = centred(31).expand(2, -1)
    for bins_per_octave in (0, 12):
        torch.testing.assert_close(
            warp(power, positions, torch.zeros(2), bins_per_octave), power, atol=1e-4, rtol=0
        )


def test_a_shorter_view_is_the_middle_of_the_window():
    power = torch.rand(1, 10, 31)
    found = warp(power, centred(21), torch.zeros(1), 0)
    torch.testing.assert_close(found, power[:, :, 5:26], atol=1e-4, rtol=0)


@pytest.mark.parametrize("frames", [20, 21])
def test_what_is_not_changed_is_read_where_a_warp_would_read_it(frames: int):
    power = torch.rand(2, 10, 31)
    positions = (torch.arange(frames) - float(frames // 2)).expand(2, -1)
    expected = warp(power, positions, torch.zeros(2), 0)
    torch.testing.assert_close(middle_frames(power, frames), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("semitones", [-3.0, -1.0, 2.0, 12.0])
def test_pitch_moves_bins_of_a_logarithmic_axis(semitones: float):
    power = torch.zeros(1, 84, 9)
    power[:, 40] = 1.0
    found = warp(power, centred(9), torch.tensor([semitones]), 12)
    assert (found[0].argmax(dim=0) == 40 + semitones).all()
    torch.testing.assert_close(found.sum(dim=1), torch.ones(1, 9), atol=1e-3, rtol=0)
    # With 24 bins per octave a semitone is two bins.
    found = warp(power, centred(9), torch.tensor([semitones]), 24)
    assert (found[0].argmax(dim=0) == 40 + 2 * semitones).all()


@pytest.mark.parametrize("semitones", [-3.0, 3.0, 7.0])
@pytest.mark.parametrize("settings", [LOG_MEL, CONSTANT_Q])
def test_a_tone_sounds_where_a_transposed_tone_does(semitones: float, settings):
    front_end = make_front_end(settings)
    tone, transposed = (
        torch.from_numpy(sine(frequency, 3.0, front_end.sample_rate))[None]
        for frequency in (TONE, TONE * 2 ** (semitones / 12))
    )
    power = front_end.power(tone)
    frames = power.shape[2]
    shifted = warp(power, centred(frames), torch.tensor([semitones]), front_end.bins_per_octave)
    found = front_end.features(shifted)[0, :, frames // 2]
    expected = front_end(transposed)[0, :, frames // 2]
    assert found.argmax() == expected.argmax()
    # A linear axis widens or narrows the peak with its frequency: level within 3 dB.
    if settings is LOG_MEL:
        assert found.max() == pytest.approx(float(expected.max()), abs=3)
    else:
        # A bin's magnitude grows with the root of its kernel's length: 1 dB in four semitones.
        assert found.max() == pytest.approx(float(expected.max()) * 2 ** (semitones / 24), rel=0.05)


@pytest.mark.parametrize("tempo", [0.5, 0.8, 1.25, 2.0])
def test_tempo_scales_the_spacing_of_clicks(tempo: float):
    power = torch.zeros(1, 4, 201)
    power[:, :, ::20] = 1.0  # one of them in the middle
    found = warp(power, centred(121, tempo), torch.zeros(1), 0)[0].sum(dim=0)
    middle = 60
    assert found[middle] == pytest.approx(4.0, abs=1e-3)
    expected = 20 / tempo
    # Fractional places spread over two frames: find the centre of each click.
    for number in (-1, 1):
        place = middle + number * expected
        near = torch.arange(round(place) - 3, round(place) + 4)
        centre = float((found[near] * near).sum() / found[near].sum())
        assert centre == pytest.approx(place, abs=0.3)


def test_outside_the_window_is_silence():
    power = torch.ones(1, 8, 21)
    found = warp(power, centred(21, 2.0), torch.zeros(1), 0)
    assert (found[:, :, :4] == 0).all()
    assert (found[:, :, -4:] == 0).all()
    up = warp(power, centred(21), torch.tensor([12.0]), 12 // 4)  # three bins per octave
    assert up[0, :3].max() < 1e-6


def test_equaliser():
    power = torch.rand(2, 50, 7) + 0.1
    torch.testing.assert_close(equalise(power, torch.zeros(2, 6)), power)
    flat = equalise(power, torch.full((2, 6), 10.0))
    torch.testing.assert_close(flat, power * 10)
    gains = torch.tensor([[-12.0, -6.0, 0.0, 0.0, 6.0, 12.0]]).expand(2, -1)
    curve = 10 * torch.log10(equalise(power, gains) / power)
    assert (curve == curve[:, :, :1]).all() or torch.allclose(
        curve, curve[:, :, :1].expand_as(curve), atol=1e-4
    )
    torch.testing.assert_close(curve[0, [0, -1], 0], torch.tensor([-12.0, 12.0]), atol=1e-3, rtol=0)
    assert (curve[0, 1:, 0] - curve[0, :-1, 0] >= -1e-4).all()


def test_compressor():
    levels_db = torch.tensor([-40.0, -20.0, -10.0, 0.0])
    power = (10 ** (levels_db / 10)).expand(1, 5, 4) / 5
    torch.testing.assert_close(compress(power, torch.tensor([[-20.0, 1.0]])), power)
    compressed = compress(power, torch.tensor([[-20.0, 4.0]]))
    found = 10 * torch.log10(compressed.sum(dim=1))[0]
    expected = torch.tensor([-40.0, -20.0, -20 + 10 / 4, -20 + 20 / 4])
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)
    # Whatever the level of the whole.
    torch.testing.assert_close(
        compress(power * 100, torch.tensor([[-20.0, 4.0]])), compressed * 100
    )
    assert compress(torch.zeros(1, 5, 4), torch.tensor([[-20.0, 4.0]])).eq(0).all()


class PowerItself:
    """A front end whose features are the power, so that levels can be summed."""

    bins_per_octave = 0

    def __init__(self) -> None:
        self.inner = make_front_end(LOG_MEL)
        self.frames, self.hop_length = self.inner.frames, self.inner.hop_length
        self.sample_rate = self.inner.sample_rate

    def power(self, waveform: torch.Tensor) -> torch.Tensor:
        return self.inner.power(waveform)

    def features(self, power: torch.Tensor) -> torch.Tensor:
        return power

    __call__ = power


def music(samples: int, seed: int = 0) -> np.ndarray:
    stems = packed_songs(seed + 1, samples / RATE + 0.1, RATE).window
    return stems(seed, 0, samples).sum(axis=0)


def sampled_db(change: Changes) -> float:
    """The level of the sampled part in a query view; the rest is silent."""
    views = BatchedViews(PowerItself(), change_rest=False)  # type: ignore[arg-type]
    sampled = music(64 * 512)
    pair = RawPair(sampled, np.zeros_like(sampled), sampled[: 64 * 512 - 256], change)
    query, _ = views.features(views.collate([pair]))
    return 10 * float(torch.log10(query.sum()))


@pytest.mark.parametrize(
    "others",
    [
        {},
        {"equaliser_db": np.array([12, -12, 6, 0, -6, 12], np.float32)},
        {"compressor_ratio": 8.0, "compressor_threshold_db": -30.0},
    ],
)
def test_only_the_gain_changes_the_level(others: dict):
    plain = sampled_db(plain_changes())
    assert sampled_db(plain_changes(**others)) == pytest.approx(plain, abs=0.2)
    assert sampled_db(plain_changes(gain_db=6.0, **others)) == pytest.approx(plain + 6, abs=0.2)


def test_t2_acts_on_the_rest_only_where_it_is_of_the_same_song():
    sampled, rest = music(96 * 512, 0), music(96 * 512, 1)
    pair = RawPair(sampled, rest, sampled[: 64 * 512 - 256], plain_changes(pitch_semitones=3.0))
    silent = RawPair(np.zeros_like(sampled), rest, pair.reference, pair.changes)
    still = RawPair(silent.sampled, rest, pair.reference, plain_changes())
    front_end = make_front_end(LOG_MEL)
    for change_rest in (True, False):
        views = BatchedViews(front_end, change_rest)
        moved, _ = views.features(views.collate([silent]))
        kept, _ = views.features(views.collate([still]))
        assert torch.allclose(moved, kept, atol=1e-3) == (not change_rest)


def test_a_silenced_stretch_and_silence_are_finite():
    views = BatchedViews(make_front_end(LOG_MEL), change_rest=True)
    audio = music(80 * 512)
    change = plain_changes(edit="silence", edit_start=0.25, edit_seconds=0.2)
    silent = np.zeros_like(audio)
    pairs = [
        RawPair(audio, audio, audio[: 64 * 512 - 256], change),
        RawPair(silent, silent, silent[: 64 * 512 - 256], change),
    ]
    query, reference = views.features(views.collate(pairs))
    assert query.shape == reference.shape == (2, 64, 64)
    assert query.isfinite().all()
    assert reference.isfinite().all()
    silenced = (query[0] == -100).all(dim=0)
    assert silenced.nonzero().flatten().tolist() == list(range(16, 16 + round(0.2 * RATE / 512)))


def test_pairs_of_a_batch_do_not_touch_each_other():
    stems = packed_songs(4, 4.0, RATE)
    training = small_training(augmentation=paper_augmentation(changes=["both"]))
    source = PairSource(stems, [0, 1, 2, 3], LOG_MEL, training, 0, 100)
    views = BatchedViews(make_front_end(LOG_MEL), change_rest=True)
    pairs = [source[index] for index in range(4)]
    together = views.features(views.collate(pairs))
    for place, pair in enumerate(pairs):
        alone = views.features(views.collate([pair]))
        for whole, part in zip(together, alone, strict=True):
            torch.testing.assert_close(whole[place], part[0], atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    "front_end", [LOG_MEL, changed(CONSTANT_Q, sample_rate=RATE, bins=72, frames=64)]
)
def test_audio_in_half_precision_gives_the_same_features(front_end: LogMel | ConstantQ):
    stems = packed_songs(4, 6.0, RATE)
    training = small_training(augmentation=paper_augmentation(changes=["both"]))
    source = PairSource(stems, [0, 1, 2, 3], front_end, training, 0, 100)
    pairs = [source[index] for index in range(4)]
    whole, half = (
        BatchedViews(make_front_end(front_end), change_rest=True, half=half)
        for half in (False, True)
    )
    batch = half.collate(pairs)
    assert batch.sampled.dtype == batch.rest.dtype == batch.reference.dtype == torch.float16
    for expected, found in zip(
        whole.features(whole.collate(pairs)), half.features(batch), strict=True
    ):
        # Of dB, or of the logarithm of magnitudes; of what is 60 dB below the loudest nothing.
        heard = expected > expected.amax() - (60 if isinstance(front_end, LogMel) else 7)
        assert found.dtype == torch.float32
        assert (found - expected)[heard].abs().mean() < 0.02


def test_a_batch_moves_as_a_whole():
    views = BatchedViews(make_front_end(LOG_MEL), change_rest=True)
    audio = music(80 * 512)
    batch = views.collate([RawPair(audio, audio, audio[: 64 * 512 - 256], plain_changes())])
    moved = batch.to(torch.device("meta"))
    assert isinstance(moved, PowerBatch)
    assert all(value.device.type == "meta" for value in vars(moved).values())
