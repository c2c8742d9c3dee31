"""Which of several processes this is, by what those who start them tell in the environment."""

from __future__ import annotations

import os


def is_first_process() -> bool:
    """Whether this is not one of the further processes that Lightning or srun start."""
    return all(os.environ.get(name, "0") == "0" for name in ("LOCAL_RANK", "SLURM_PROCID"))


def slurm_tasks() -> int:
    """Tasks of the SLURM step that this process is one of; 0 outside of SLURM."""
    return int(os.environ.get("SLURM_NTASKS", "0")) if "SLURM_PROCID" in os.environ else 0
