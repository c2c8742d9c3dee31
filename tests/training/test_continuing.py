"""Stopped and killed pretrainings continue to the same bits, in a folder that is theirs."""

import itertools
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from helpers.pretraining import PACKED, SETTINGS, STEPS, curve, differing, run, stop_after
from neuralsampleid.errors import UserError
from neuralsampleid.training import contrastive as module
from neuralsampleid.training import curves
from neuralsampleid.training.fitting import end, prepare_folder
from neuralsampleid.training.pretraining import Pretrained
from neuralsampleid.training.stopping import SIGNALS, StoppedError


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
    prepare_folder(folder, SETTINGS, PACKED, 1, "bfloat16")
    assert [path.name for path in folder.iterdir()] == ["identity.json"]


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


def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path: Path):
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("years of work")
    with pytest.raises(UserError, match="holds files"):
        run(tmp_path)
    assert thesis.read_text() == "years of work"
