"""Pretraining of tiny encoders: it learns, repeats to the bit, resumes, and says what is wrong."""

import itertools
import json
import logging
import math
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from multiprocessing import active_children
from pathlib import Path

import pandas as pd
import pytest
import torch

from helpers.paper import paper_augmentation, paper_baseline_training, paper_pairs
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
from neuralsampleid.training import curves
from neuralsampleid.training.fitting import end, prepare_folder
from neuralsampleid.training.machine import Machine
from neuralsampleid.training.pairs import split_tracks
from neuralsampleid.training.pretraining import Pretrained, pretrain
from neuralsampleid.training.stopping import SIGNALS, StoppedError

PACKED = packed_songs(6, 3.0)


# Where it is stopped lies in the middle of an epoch; dropout shows whether its state is kept.
SETTINGS = small_gnn(small_training(pairs_per_epoch=14), edge_dropout=0.2, drop_path=0.2)
BASELINE = paper_baseline_training(
    epochs=2,
    pairs_per_epoch=8,
    batch_pairs=4,
    validation_share=0.34,
    validation_pairs=4,
    augmentation=paper_augmentation(effects=["gain"], changes=["none", "pitch"]),
)
STEPS = 3  # of an epoch; two pairs are left out


def run(
    folder: Path, settings: Gnn | ResNetIbn = SETTINGS, seed: int = 1, workers: int = 0
) -> Pretrained:
    return pretrain(settings, PACKED, seed, folder, Machine(workers=workers))


def weights(trained: Pretrained) -> dict[str, torch.Tensor]:
    return trained.encoder.state_dict()


def differing(first: Pretrained, second: Pretrained) -> list[str]:
    ours, theirs = weights(first), weights(second)
    return [name for name in ours if not torch.equal(ours[name], theirs[name])]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pretrained, Path]:
    folder = tmp_path_factory.mktemp("pretrain") / "uninterrupted"
    return run(folder), folder


def curve(folder: Path, metric: str) -> list[float]:
    table = pd.read_csv(folder / "curves.csv")
    return table.loc[table["metric"] == metric, "value"].tolist()


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


class KilledError(Exception):
    """Stands for whatever ends a run."""


def assert_continues_to_the_same_bits(
    folder: Path, uninterrupted: tuple[Pretrained, Path], workers: int = 0
) -> None:
    """Both the weights and the curve are those of a training that nothing stopped."""
    assert not differing(run(folder, workers=workers), uninterrupted[0])
    expected = (uninterrupted[1] / "curves.csv").read_bytes()
    assert (folder / "curves.csv").read_bytes() == expected


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("place", ["on_train_epoch_start", "on_train_epoch_end"])
def test_an_interrupted_training_continues_to_the_same_bits(
    place: str,
    workers: int,
    uninterrupted: tuple[Pretrained, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    folder = tmp_path / "interrupted"
    original: Callable = getattr(curves.EpochLog, place)

    def kill(self: curves.EpochLog, trainer, pl_module) -> None:
        if trainer.current_epoch == 1:
            raise KilledError
        original(self, trainer, pl_module)

    with monkeypatch.context() as patched:
        patched.setattr(curves.EpochLog, place, kill)
        with pytest.raises(KilledError):
            run(folder)
    assert (folder / "last.ckpt").exists()
    assert len(curve(folder, "train_loss")) < 3
    assert_continues_to_the_same_bits(folder, uninterrupted, workers)


def stop_after(step: int, number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send this process and its workers a signal once so many steps are done, as SLURM does."""
    original = curves.EpochLog.on_train_batch_end

    def send(self: curves.EpochLog, trainer, *rest: object) -> None:
        original(self, trainer, *rest)
        if trainer.global_step == step:
            everyone = [os.getpid(), *(worker.pid for worker in active_children())]
            kill = f"kill -s {number.name.removeprefix('SIG')} {' '.join(map(str, everyone))}"
            subprocess.run(["sh", "-c", kill], check=True)

    monkeypatch.setattr(curves.EpochLog, "on_train_batch_end", send)


@pytest.mark.parametrize(
    ("number", "step", "workers"),
    [(SIGNALS[0], 1, 0), (SIGNALS[1], 4, 1), (SIGNALS[0], 5, 0), (SIGNALS[1], 6, 0)],
)
def test_a_signal_saves_the_middle_of_an_epoch(
    number: signal.Signals,
    step: int,
    workers: int,
    uninterrupted: tuple[Pretrained, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    folder = tmp_path / "stopped"
    before = {each: signal.getsignal(each) for each in SIGNALS}
    with monkeypatch.context() as patched:
        stop_after(step, number, patched)
        with pytest.raises(StoppedError, match=rf"^training: stopped by {number.name} after step"):
            run(folder, workers=workers)
    assert {each: signal.getsignal(each) for each in SIGNALS} == before
    saved = torch.load(folder / "last.ckpt", weights_only=True)
    assert saved["global_step"] == step
    if step < STEPS:
        assert not (folder / "curves.csv").exists()
    else:
        assert len(curve(folder, "train_loss")) == step // STEPS
    assert_continues_to_the_same_bits(folder, uninterrupted, workers)


def test_a_signal_in_the_last_batch_changes_nothing(
    uninterrupted: tuple[Pretrained, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    stop_after(3 * STEPS, SIGNALS[0], monkeypatch)
    assert not differing(run(tmp_path / "model"), uninterrupted[0])


def test_a_training_whose_results_are_safe_starts_afresh(
    uninterrupted: tuple[Pretrained, Path], tmp_path: Path
):
    folder = tmp_path / "model"
    run(folder)
    end(folder)
    (folder / "best.ckpt").write_bytes(b"of an earlier training")
    steps = []
    original = module.Pretraining.training_step

    def counted(self, batch, number):
        steps.append(self.global_step)
        return original(self, batch, number)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module.Pretraining, "training_step", counted)
        assert not differing(run(folder), uninterrupted[0])
    assert steps == list(range(3 * STEPS))


def test_a_finished_training_is_not_repeated(
    uninterrupted: tuple[Pretrained, Path], monkeypatch: pytest.MonkeyPatch
):
    trained, folder = uninterrupted

    def refuse(*_: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(module.Pretraining, "training_step", refuse)
    again = run(folder)
    assert not differing(again, trained)
    assert again.best_epoch == trained.best_epoch


def test_checkpoints_of_another_training_are_not_continued(
    uninterrupted: tuple[Pretrained, Path], tmp_path: Path
):
    folder = tmp_path / "model"
    run(folder, seed=2)
    assert not differing(run(folder, seed=1), uninterrupted[0])
    assert json.loads((folder / "identity.json").read_text())["seed"] == 1


CHANGES = ("open", "mkdir", "chmod", "replace", "unlink", "rmdir")


def is_killed_before(change: int, work: Callable[[], None]) -> bool:
    """Run in a process that ends, as by ``kill -9``, before its n-th change of the file system."""
    child = os.fork()
    if child == 0:
        made = itertools.count()

        def or_end(original: Callable) -> Callable:
            return lambda *given, **named: (
                os._exit(9) if next(made) == change else original(*given, **named)
            )

        for name in CHANGES:
            setattr(os, name, or_end(getattr(os, name)))
        work()
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, 9)
    return status == 9


def test_a_folder_can_be_claimed_again_whenever_its_claim_was_killed(tmp_path: Path):
    folder = tmp_path / "gnn" / "checkpoints"
    for change in itertools.count():
        for seed in (1, 2):  # a new folder, and one with another training's files
            prepare_folder(folder, SETTINGS, PACKED, seed)
            (folder / "last.ckpt").write_bytes(b"another training's")
            if seed == 1:
                shutil.rmtree(folder)
            killed = is_killed_before(
                change, lambda: prepare_folder(folder, SETTINGS, PACKED, seed=3)
            )
            prepare_folder(folder, SETTINGS, PACKED, seed=3)
            assert [path.name for path in folder.iterdir()] == ["identity.json"]
            assert [path.name for path in folder.parent.iterdir()] == ["checkpoints"]
        if not killed:
            break
    assert change > 5


def test_files_that_were_being_written_are_removed(tmp_path: Path):
    prepare_folder(tmp_path / "model", SETTINGS, PACKED, seed=1)
    for name in ("last.ckpt", ".last.abcd1234.ckpt", ".best.abcd_234.ckpt", ".curves.abcdefgh.csv"):
        (tmp_path / "model" / name).touch()
    prepare_folder(tmp_path / "model", SETTINGS, PACKED, seed=1)
    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert names == {"identity.json", "last.ckpt"}


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


def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path: Path):
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("years of work")
    with pytest.raises(UserError, match="holds files"):
        run(tmp_path)
    assert thesis.read_text() == "years of work"
