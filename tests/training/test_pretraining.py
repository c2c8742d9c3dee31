"""Pretraining of tiny encoders: it learns, repeats to the bit, and says what is wrong."""

import logging
import math
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from helpers.paper import paper_augmentation, paper_baseline_training, paper_pairs
from helpers.pretraining import PACKED, SETTINGS, curve, differing, run, weights
from helpers.songs import packed_songs, small_gnn, small_resnet, small_training
from neuralsampleid.config import (
    ClassificationTriplet,
    Cosine,
    Gnn,
    ResNetIbn,
    Steps,
)
from neuralsampleid.errors import UserError
from neuralsampleid.models.checkpoint import make_encoder
from neuralsampleid.training import contrastive as module
from neuralsampleid.training.machine import Machine
from neuralsampleid.training.pairs import split_tracks
from neuralsampleid.training.pretraining import Pretrained, pretrain

BASELINE = paper_baseline_training(
    epochs=2,
    pairs_per_epoch=8,
    batch_pairs=4,
    validation_share=0.34,
    validation_pairs=4,
    augmentation=paper_augmentation(effects=["gain"], changes=["none", "pitch"]),
)


@pytest.mark.parametrize("architecture", ["gnn", "resnet_ibn"])
def test_the_loss_goes_down(architecture: str, tmp_path: Path):
    common = {
        "epochs": 15,
        "pairs": paper_pairs(reference="mix", jitter_s=0.05),
        "pairs_per_epoch": 16,
        "batch_pairs": 8,
        "validation_share": 0.34,
        "validation_pairs": 8,
    }
    settings: Gnn | ResNetIbn
    if architecture == "gnn":
        unchanged = {"augmentation": paper_augmentation(changes=["none"])}
        training = small_training(
            **common, **unchanged, learning_rate=Cosine(initial=5e-3, final=7e-7, warmup=0.0)
        )
        settings = small_gnn(training)
    else:
        baseline = paper_baseline_training(
            **common,
            augmentation=paper_augmentation(effects=["gain"], changes=["none"]),
            learning_rate=Steps(initial=5e-3),
            loss=ClassificationTriplet(temperature=0.1, triplet_weight=1.0),
        )
        settings = small_resnet(training=baseline)
    # More songs than pairs in a batch: two windows of one loop cannot be told apart.
    trained = pretrain(settings, packed_songs(14, 3.0), 1, tmp_path / "model")
    losses = curve(tmp_path / "model", "train_loss")
    assert len(losses) == 15
    assert sum(losses[-3:]) / 3 < 0.8 * losses[0]
    assert trained.bad_batches == 0
    held_out = curve(tmp_path / "model", "validation_loss")
    assert trained.best_epoch == held_out.index(min(held_out))


def test_one_seed_gives_the_same_bits_and_another_does_not(
    uninterrupted: tuple[Pretrained, Path], tmp_path: Path
):
    torch.manual_seed(99)  # what was drawn before does not matter
    assert not differing(run(tmp_path / "again"), uninterrupted[0])
    assert differing(run(tmp_path / "other", seed=2), uninterrupted[0])
    again = (tmp_path / "again" / "curves.csv").read_bytes()
    assert again == (uninterrupted[1] / "curves.csv").read_bytes()


def test_a_worker_process_changes_nothing(uninterrupted: tuple[Pretrained, Path], tmp_path: Path):
    assert not differing(run(tmp_path / "worker", workers=1), uninterrupted[0])


def test_what_is_left_behind(uninterrupted: tuple[Pretrained, Path]):
    trained, folder = uninterrupted
    names = {path.name for path in folder.iterdir()}
    assert {"best.ckpt", "last.ckpt", "curves.csv"} <= names
    table = pd.read_csv(folder / "curves.csv")
    assert list(table) == ["epoch", "step", "metric", "value"]
    assert table["epoch"].unique().tolist() == [0, 1, 2]
    assert table["step"].unique().tolist() == [3, 6, 9]
    assert set(table["metric"]) == {
        "train_loss",
        "validation_loss",
        "validation_hit_rate_1",
        "learning_rate",
    }
    assert table["value"].notna().all()
    assert not trained.encoder.training
    assert not any(value.requires_grad is False for value in trained.encoder.parameters())


def spoil_losses(monkeypatch: pytest.MonkeyPatch, bad: Callable[[int], bool]) -> None:
    """Make the n-th training loss NaN where ``bad(n)`` says so; validation stays."""
    original, calls = module.contrastive_loss, iter(range(10**6))
    training_step = module.Pretraining.training_step

    def spoiled(self, batch, number):
        if bad(next(calls)):
            with monkeypatch.context() as patched:
                patched.setattr(module, "contrastive_loss", lambda *a: original(*a) * math.nan)
                return training_step(self, batch, number)
        return training_step(self, batch, number)

    monkeypatch.setattr(module.Pretraining, "training_step", spoiled)


def test_batches_without_a_finite_loss_are_counted_and_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    spoil_losses(monkeypatch, lambda number: number in (1, 4))
    with caplog.at_level(logging.WARNING, "neuralsampleid"):
        trained = run(tmp_path / "model")
    assert trained.bad_batches == 2
    assert all(value.isfinite().all() for value in weights(trained).values())
    assert "2 batches had a loss that is not finite" in caplog.text


def test_a_loss_that_is_never_finite_stops_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    spoil_losses(monkeypatch, lambda number: True)
    with pytest.raises(UserError, match=r"^pretraining: none of 9 batches") as error:
        run(tmp_path / "model")
    assert "\n" not in str(error.value)


def test_the_wrong_sample_rate_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"^packed stems have 16000 Hz, expected 8000$"):
        pretrain(small_gnn(), packed_songs(3, 3.0, 16000), 1, tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_too_few_tracks_are_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"^2 training tracks, expected at least 3"):
        pretrain(small_gnn(), packed_songs(2, 3.0), 1, tmp_path / "model")


@pytest.mark.parametrize("count", [3, 4, 10, 64])
def test_held_out_tracks(count: int):
    held_out, kept = split_tracks(count, 0.1, seed=3)
    assert sorted(held_out + kept) == list(range(count))
    assert len(held_out) == max(1, round(0.1 * count))
    assert (held_out, kept) == split_tracks(count, 0.1, seed=3)
    many, few = split_tracks(count, 0.99, seed=3)
    assert len(few) == 2
    assert len(many) == count - 2


def test_the_other_loss_and_new_music_train(tmp_path: Path):
    training = small_training(
        epochs=1,
        pairs=paper_pairs(rest="other_song"),
        augmentation=paper_augmentation(changes=["both"]),
        loss=ClassificationTriplet(temperature=1.0, triplet_weight=1.0),
    )
    trained = run(tmp_path / "model", small_gnn(training))
    assert trained.bad_batches == 0
    untrained = make_encoder(small_gnn(training), seed=1).state_dict()
    assert not torch.equal(weights(trained)["projector.0.weight"], untrained["projector.0.weight"])


@pytest.mark.parametrize("settings", [SETTINGS, small_resnet(training=BASELINE)])
def test_mixed_precision_trains_to_nearly_the_same(settings: Gnn | ResNetIbn, tmp_path: Path):
    """As on GPUs that compute in bfloat16; the CPU does so too if told to."""
    full, mixed = tmp_path / "full", tmp_path / "mixed"
    pretrain(settings, PACKED, 1, full)
    trained = pretrain(settings, PACKED, 1, mixed, Machine(precision="bfloat16"))
    assert trained.bad_batches == 0
    assert all(value.dtype != torch.bfloat16 for value in weights(trained).values())
    losses, expected = curve(mixed, "train_loss"), curve(full, "train_loss")
    assert losses != expected
    assert losses == pytest.approx(expected, rel=0.1)


def test_no_bar_is_drawn_into_a_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    run(tmp_path / "model", small_gnn(small_training(epochs=1)))
    captured = capfd.readouterr()
    assert "it/s" not in captured.out + captured.err


def test_an_epoch_is_one_line_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, "neuralsampleid"):
        run(tmp_path / "model", small_gnn(small_training(epochs=2)))
    lines = [record.getMessage() for record in caplog.records if "epoch" in record.getMessage()]
    number = r"\d+\.\d+"
    for epoch, line in enumerate(lines, 1):
        assert re.fullmatch(
            rf"epoch {epoch} of 2: training loss {number}, held-out loss {number}, "
            rf"held-out hit rate {number}; {number} pairs/s, {number} steps/s, {number} GB",
            line,
        )
    assert len(lines) == 2
