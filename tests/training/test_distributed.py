"""Training on two real processes (gloo on the CPU) beside training on one."""

import subprocess
import sys
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
import torch

from helpers import two_processes
from helpers.two_processes import LOSSES, gnn, train_plainly
from neuralsampleid.errors import UserError
from neuralsampleid.training.machine import Machine
from neuralsampleid.training.pretraining import pretrain


def in_two_processes(task: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(Path(two_processes.__file__)), task, str(folder)]
    environment = {"PYTHONPATH": ":".join(sys.path), "PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        command, env=environment, text=True, capture_output=True, check=False, timeout=300
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which two processes have trained everything, each with its own results."""
    folder = tmp_path_factory.mktemp("everything")
    done = in_two_processes("everything", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("loss", LOSSES)
def test_loss_and_gradients_are_those_of_the_whole_batch(loss: str, trained: Path, tmp_path: Path):
    alone = train_plainly(loss, tmp_path / "alone", Machine())
    for rank in (0, 1):
        shared = torch.load(trained / f"{loss}_{rank}.pt")
        torch.testing.assert_close(shared["loss"], alone["loss"], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(shared["gradients"], alone["gradients"], rtol=1e-4, atol=1e-6)
        # Nine steps later, and for every held-out pair.
        torch.testing.assert_close(shared["weights"], alone["weights"], rtol=1e-3, atol=1e-5)
        tables = [pd.read_csv(StringIO(str(each["curves"]))) for each in (shared, alone)]
        pd.testing.assert_frame_equal(*tables, rtol=1e-3, atol=1e-5)
    assert max(value.abs().max() for value in alone["gradients"].values()) > 1e-3


def test_both_processes_end_with_the_same_weights(trained: Path):
    first, second = (torch.load(trained / f"gnn_{rank}.pt") for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_signal_to_one_process_stops_both_and_a_rerun_gives_the_same_bits(
    trained: Path, tmp_path: Path
):
    stopped = in_two_processes("stopped", tmp_path)
    assert stopped.returncode != 0
    assert "StoppedError: training: stopped by" in stopped.stderr
    assert torch.load(tmp_path / "checkpoints/last.ckpt")["global_step"] == 5
    done = in_two_processes("continued", tmp_path)
    assert done.returncode == 0, done.stderr
    whole, again = (torch.load(folder / "gnn_0.pt") for folder in (trained, tmp_path))
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_a_batch_that_processes_cannot_share_is_refused(tmp_path: Path):
    machine = Machine(devices=3, nodes=2)
    with pytest.raises(UserError, match=r"^batch_pairs is 4, expected a multiple of the 6 proc"):
        pretrain(gnn(), two_processes.PACKED, 1, tmp_path / "model", machine)
    assert not (tmp_path / "model").exists()
