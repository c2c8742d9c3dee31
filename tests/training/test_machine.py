"""What a machine tells a training."""

import pytest
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment

from neuralsampleid.errors import UserError
from neuralsampleid.processes import is_first_process
from neuralsampleid.training.machine import Machine, cluster_environment, this_machine

NAMES = ("LOCAL_RANK", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_NNODES", "SLURM_NTASKS_PER_NODE")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch):
    """Set variables as those do who start processes."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    return lambda **values: [monkeypatch.setenv(name, value) for name, value in values.items()]


def test_shares_of_a_batch():
    assert Machine().share_of(56) == 56
    assert Machine(devices=4, nodes=2).share_of(256) == 32
    with pytest.raises(UserError, match=r"^batch_pairs is 10, expected a multiple of the 4 proc"):
        Machine(devices=4).share_of(10)
    with pytest.raises(UserError, match=r"^batch_pairs is 0"):
        Machine(devices=4).share_of(0)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_one_process_computes_in_full_precision(environment):
    assert this_machine(threads=3) == Machine(workers=2)


def test_the_configuration_decides_on_precision(environment):
    assert this_machine(1, "cpu", "bfloat16") == Machine(precision="bfloat16")
    assert this_machine(1, "cpu", "auto") == Machine()


def test_a_snakemake_job_is_one_task_of_slurm_but_not_its_training(environment):
    environment(SLURM_PROCID="0", SLURM_NTASKS="1", SLURM_NNODES="1")
    assert this_machine().nodes == 1
    assert isinstance(cluster_environment(), LightningEnvironment)
    assert is_first_process()


def test_several_tasks_of_slurm_are_the_processes(environment):
    environment(SLURM_PROCID="5", SLURM_NTASKS="8", SLURM_NNODES="2", SLURM_NTASKS_PER_NODE="4")
    several = this_machine()
    assert (several.devices, several.nodes, several.processes) == (4, 2, 8)
    slurm = cluster_environment()
    assert isinstance(slurm, SLURMEnvironment)
    assert not slurm.auto_requeue  # Snakemake retries
    assert not is_first_process()


def test_lightning_s_further_processes_are_not_the_first(environment):
    assert is_first_process()
    environment(LOCAL_RANK="1")
    assert not is_first_process()
