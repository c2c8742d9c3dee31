"""Where a training runs: on how many devices and nodes, in which precision."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

import torch
from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment

from neuralsampleid.config.base import Device, Precision
from neuralsampleid.devices import Exact, resolve_device, resolve_precision
from neuralsampleid.errors import UserError
from neuralsampleid.processes import slurm_tasks


@dataclass(frozen=True)
class Machine:
    """Where a training runs; the default is one process on the CPU."""

    accelerator: Literal["cpu", "cuda"] = "cpu"
    devices: int = 1  # of this node; one process each
    nodes: int = 1
    precision: Exact = "float32"
    workers: int = 0  # that make pairs, of each process; 0: the process itself does

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


def this_machine(
    threads: int = 1, device: Device = "auto", precision: Precision = "auto"
) -> Machine:
    """What the configuration's ``device`` and ``precision`` mean here.

    All GPUs that this process sees, or the CPU; several nodes only as tasks of SLURM.

    Args:
        threads: of each process; those beyond the first make pairs.
        device: as configured.
        precision: as configured.

    Raises:
        UserError: ``cuda`` without a GPU.
    """
    chosen = resolve_device(device)
    gpus = torch.cuda.device_count() if chosen == "cuda" else 0
    tasks = slurm_tasks()
    nodes = int(os.environ["SLURM_NNODES"]) if tasks > 1 else 1
    return Machine(
        accelerator=chosen,
        devices=tasks // nodes if tasks > 1 else max(1, gpus),
        nodes=nodes,
        precision=resolve_precision(precision, chosen),
        workers=threads - 1,
    )


def cluster_environment() -> ClusterEnvironment:
    """Who starts the processes: SLURM where it started several tasks, else Lightning.

    Snakemake's jobs are one task of SLURM; Lightning would take that for the whole training. Its
    own requeueing would restart the job behind Snakemake's back, so it is off.
    """
    return SLURMEnvironment(auto_requeue=False) if slurm_tasks() > 1 else LightningEnvironment()
