"""What a training runs on: devices, nodes, precision. Nothing of it belongs to the experiment."""

from __future__ import annotations

import os
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment

from neuralsampleid.errors import UserError
from neuralsampleid.processes import slurm_tasks


@dataclass(frozen=True)
class Machine:
    """Where a training runs; the default is one process on the CPU."""

    accelerator: Literal["cpu", "cuda"] = "cpu"
    devices: int = 1  # of this node; one process each
    nodes: int = 1
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    workers: int = 0  # that make pairs, of each process; 0: the process itself does
    compiled: bool = False  # the encoder; only convolutions on a CPU gain by it

    @property
    def processes(self) -> int:
        """Of the whole training."""
        return self.devices * self.nodes

    def share_of(self, batch_pairs: int) -> int:
        """Pairs of a batch that each process embeds; the batch is the experiment's.

        Raises:
            UserError: the processes cannot have equal shares.
        """
        share, left_over = divmod(batch_pairs, self.processes)
        if left_over or share == 0:
            raise UserError(
                f"batch_pairs is {batch_pairs}, expected a multiple of the {self.processes} "
                f"processes ({self.nodes} nodes × {self.devices} devices)"
            )
        return share


def this_machine(threads: int = 1, *, long_convolutions: bool = False) -> Machine:
    """All GPUs that this process sees, else the CPU; several nodes only as tasks of SLURM.

    bfloat16 is used where the hardware computes in it, not where it is emulated. On a CPU only long
    trainings of convolutions do, and are compiled, too (benchmarks/training_step.md): what short
    ones learn shall not depend on the processor.

    Args:
        threads: of each process; those beyond the first make pairs.
        long_convolutions: see ``pretrain.has_long_convolutions``.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if gpus:
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = long_convolutions and cpu_has_bfloat16()
    compiled = native and not gpus and can_compile()
    tasks = slurm_tasks()
    nodes = int(os.environ["SLURM_NNODES"]) if tasks > 1 else 1
    return Machine(
        accelerator="cuda" if gpus else "cpu",
        devices=tasks // nodes if tasks > 1 else max(1, gpus),
        nodes=nodes,
        precision="bf16-mixed" if native else "32-true",
        # A compiled encoder is about as fast as a worker; others keep all threads busy.
        workers=threads // 2 if compiled else threads - 1,
        compiled=compiled,
    )


def cluster_environment() -> ClusterEnvironment:
    """Who starts the processes: SLURM where it started several tasks, else Lightning.

    Snakemake's jobs are one task of SLURM; Lightning would take that for the whole training. Its
    own requeueing would restart the job behind Snakemake's back, so it is off.
    """
    return SLURMEnvironment(auto_requeue=False) if slurm_tasks() > 1 else LightningEnvironment()


def cpu_has_bfloat16() -> bool:
    """Whether the CPU multiplies matrices in bfloat16, rather than emulating it."""
    return bool(torch.cpu.get_capabilities().get("amx_bf16"))


def can_compile() -> bool:
    """Whether there is what torch compiles with for a CPU: a compiler and Python's headers."""
    compiler = shutil.which(os.environ.get("CXX", "g++"))
    return compiler is not None and Path(sysconfig.get_path("include"), "Python.h").is_file()
