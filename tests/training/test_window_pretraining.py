"""Pretraining on windows: it learns, repeats to the bit, continues, and says what is wrong."""

import signal
from pathlib import Path

import pytest
import torch

from helpers.changes import only
from helpers.paper import changed
from helpers.pretraining import STEPS, curve, differing, stop_after, weights
from helpers.songs import (
    SMALL_CONSTANT_Q,
    packed_levels,
    small_reading_cnn,
    small_window_training,
)
from neuralsampleid.config import Cosine, Fingerprints, ReadingCnn
from neuralsampleid.errors import UserError
from neuralsampleid.models.checkpoint import make_encoder
from neuralsampleid.models.reading_cnn import ReadingCnnEncoder
from neuralsampleid.training.machine import Machine
from neuralsampleid.training.pretraining import Pretrained, pretrain
from neuralsampleid.training.stopping import SIGNALS, StoppedError
from neuralsampleid.training.window_loss import window_loss
from neuralsampleid.training.window_pretraining import WindowPretraining, collator, learned_steps
from neuralsampleid.training.windows import WindowSource

LEVELS = packed_levels(6, 3.0)
# Where it is stopped lies in the middle of an epoch.
SETTINGS = small_reading_cnn(small_window_training(pairs_per_epoch=14))


def run(
    folder: Path, seed: int = 1, workers: int = 0, settings: ReadingCnn = SETTINGS
) -> Pretrained:
    return pretrain(settings, LEVELS, seed, folder, Machine(workers=workers))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pretrained, Path]:
    """A training that nothing stopped; do not change its folder."""
    folder = tmp_path_factory.mktemp("windows") / "whole"
    return run(folder), folder


def test_the_loss_goes_down(tmp_path: Path):
    slight = only(gain_db=3.0, jitter_s=0.02, equaliser_db=3.0, pitch_semitones=1.1, tempo=1.13)
    training = small_window_training(
        epochs=10,
        pairs_per_epoch=48,
        batch_pairs=12,
        validation_pairs=24,
        temperature=0.1,
        learning_rate=Cosine(initial=1e-2, final=1e-5, warmup=0.0),
        changes=slight,
    )
    # More songs than pairs in a batch.
    trained = pretrain(small_reading_cnn(training), packed_levels(20, 3.0), 1, tmp_path / "model")
    losses = curve(tmp_path / "model", "train_loss")
    assert len(losses) == 10
    assert sum(losses[-3:]) / 3 < 0.7 * losses[0]
    assert trained.bad_batches == 0
    held_out = curve(tmp_path / "model", "validation_loss")
    assert min(held_out) < 0.6 * held_out[0]
    assert trained.best_epoch == held_out.index(min(held_out))
    hit_rates = curve(tmp_path / "model", "validation_hit_rate_1")
    assert all(0 <= rate <= 1 for rate in hit_rates)
    assert hit_rates[-1] > hit_rates[0]


def test_one_seed_gives_the_same_bits_and_another_does_not(
    whole: tuple[Pretrained, Path], tmp_path: Path
):
    torch.manual_seed(99)  # what was drawn before does not matter
    assert not differing(run(tmp_path / "again"), whole[0])
    assert differing(run(tmp_path / "other", seed=2), whole[0])
    again = (tmp_path / "again" / "curves.csv").read_bytes()
    assert again == (whole[1] / "curves.csv").read_bytes()


def test_training_changes_all_weights(whole: tuple[Pretrained, Path]):
    untrained = make_encoder(SETTINGS, seed=1).state_dict()
    trained = weights(whole[0])
    assert all(value.isfinite().all() for value in trained.values())
    kept = [name for name in trained if torch.equal(trained[name], untrained[name])]
    assert not kept


def test_a_worker_process_changes_nothing(whole: tuple[Pretrained, Path], tmp_path: Path):
    assert not differing(run(tmp_path / "worker", workers=1), whole[0])


@pytest.mark.parametrize(("step", "workers"), [(1, 0), (4, 1), (6, 0)])
def test_a_stopped_training_continues_to_the_same_bits(
    step: int,
    workers: int,
    whole: tuple[Pretrained, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    folder = tmp_path / "stopped"
    number: signal.Signals = SIGNALS[0]
    with monkeypatch.context() as patched:
        stop_after(step, number, patched)
        with pytest.raises(StoppedError, match=rf"^training: stopped by {number.name} after step"):
            run(folder, workers=workers)
    assert torch.load(folder / "last.ckpt", weights_only=True)["global_step"] == step
    if step >= STEPS:
        assert len(curve(folder, "train_loss")) == step // STEPS
    assert not differing(run(folder, workers=workers), whole[0])
    assert (folder / "curves.csv").read_bytes() == (whole[1] / "curves.csv").read_bytes()


def test_checkpoints_of_other_music_are_not_continued(
    whole: tuple[Pretrained, Path], tmp_path: Path
):
    folder = tmp_path / "model"
    other = packed_levels(6, 2.5)
    assert differing(pretrain(SETTINGS, other, 1, folder), whole[0])
    assert not differing(run(folder), whole[0])


def test_mixed_precision_trains_to_nearly_the_same(tmp_path: Path):
    """As on GPUs that compute in bfloat16; the CPU does so too if told to."""
    # Among few pairs at a low temperature each rounding would matter.
    settings = small_reading_cnn(small_window_training(temperature=0.5))
    run(tmp_path / "full", settings=settings)
    machine = Machine(precision="bfloat16")
    trained = pretrain(settings, LEVELS, 1, tmp_path / "mixed", machine)
    assert trained.bad_batches == 0
    assert all(value.dtype != torch.bfloat16 for value in weights(trained).values())
    losses, expected = (curve(tmp_path / name, "train_loss") for name in ("mixed", "full"))
    assert losses != expected
    assert losses == pytest.approx(expected, rel=0.1)


def test_levels_of_another_front_end_are_refused(tmp_path: Path):
    fewer = changed(SMALL_CONSTANT_Q, bins=68)
    with pytest.raises(UserError, match=r"^packed levels have 72 bins, expected 68$"):
        run(tmp_path / "model", settings=small_reading_cnn(front_end=fewer))
    assert not list(tmp_path.iterdir())


def test_too_few_tracks_are_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"^2 training tracks, expected at least 3"):
        pretrain(SETTINGS, packed_levels(2, 1.0), 1, tmp_path / "model")


@pytest.mark.parametrize(
    ("frames", "window", "steps"),
    [
        (16, 32, (1,)),
        (32, 64, (1, 2, 3)),
        (64, 128, (1, 4, 7)),
        (32, 128, (1, 3, 4, 6, 8, 9, 11)),
    ],
)
def test_segments_that_are_learned_from_are_not_the_outermost(
    frames: int, window: int, steps: tuple[int, ...]
):
    front_end = changed(SMALL_CONSTANT_Q, frames=frames)
    settings = small_reading_cnn(
        front_end=front_end, fingerprints=Fingerprints(segment_hop=8), window_frames=window
    )
    encoder = make_encoder(settings, seed=1)
    assert isinstance(encoder, ReadingCnnEncoder)
    assert learned_steps(encoder) == steps
    assert collator(encoder).starts == tuple(8 * step for step in steps)
    assert collator(encoder).segment_frames == frames


def test_the_loss_is_that_of_the_segments_fingerprints():
    front_end = changed(SMALL_CONSTANT_Q, frames=32)
    settings = small_reading_cnn(front_end=front_end, window_frames=64)
    encoder = make_encoder(settings, seed=1).eval()
    assert isinstance(encoder, ReadingCnnEncoder)
    source = WindowSource(LEVELS, [0, 1, 2, 3], front_end, 64, settings.training, 1, 100)
    batch = collator(encoder).collate([source[index] for index in range(4)])
    module = WindowPretraining(encoder, settings.training, 1, 1)
    found = module.batch_loss(batch)
    views = []
    for features in (batch.queries, batch.references):
        mapped = encoder.map(features)
        # One segment after the other: the map's steps of a segment through the head.
        segments = [
            encoder.fingerprints(mapped[:, :, :, step : step + 4], 0)[:, 0] for step in (1, 2, 3)
        ]
        views.append(torch.stack(segments, dim=1))
    expected = window_loss(views[0], views[1], batch, settings.training.temperature).loss
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    found.backward()
    assert all(value.grad is not None for value in encoder.parameters())
