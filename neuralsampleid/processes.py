"""How processes wait, keep memory, and know which of several they are."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # M_TRIM_THRESHOLD and M_MMAP_MAX in glibc's <malloc.h>


def wait_passively() -> None:
    """Let waiting threads sleep, in this process and those that it starts.

    A thread that spins while it waits for another one keeps that one from running where other work
    shares the cores; see benchmarks/fingerprinting.md. OpenMP reads this when torch is imported, so
    this comes before. A value that the user has set stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def keep_freed_memory() -> bool:
    """Let glibc reuse large freed blocks instead of giving each back to the system at once.

    A training step on a CPU allocates the same large arrays again and again; by default the system
    maps each anew and fills it with zeros, page by page (benchmarks/training_step.md). The largest
    size that the process ever had is not affected.

    Returns:
        Whether the C library took it; others than glibc do not know it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return False
    return all([mallopt(_TRIM_THRESHOLD, 2**31 - 1), mallopt(_MMAP_MAX, 0)])


def end_with_parent(number: signal.Signals | None = None) -> None:
    """Let the system send a signal to this process when its parent ends; Linux only.

    Args:
        number: of the signal; None: SIGKILL, which Windows does not have.
    """
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG in <linux/prctl.h>
    if sys.platform == "linux":
        number = number or signal.SIGKILL
        ctypes.CDLL(None).prctl(set_parent_death_signal, number)
        parent = parent_process()
        if parent is not None and os.getppid() != parent.pid:  # it ended before
            os.kill(os.getpid(), number)


def in_parallel(
    work: Callable[[_Item], _Result], items: Sequence[_Item], workers: int
) -> list[_Result]:
    """The results of independent pieces of work, in order; each in one of several processes.

    Args:
        work: a function that can be pickled.
        items: what it is called with.
        workers: processes, which end with this one; 1: all is done in this one.
    """
    if workers == 1:
        return [work(item) for item in items]
    spawn = get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=end_with_parent) as pool:
        return list(pool.map(work, items))


def is_first_process() -> bool:
    """Whether this is not one of the further processes that Lightning or srun start."""
    return all(os.environ.get(name, "0") == "0" for name in ("LOCAL_RANK", "SLURM_PROCID"))


def slurm_tasks() -> int:
    """Tasks of the SLURM step that this process is one of; 0 outside of SLURM."""
    return int(os.environ.get("SLURM_NTASKS", "0")) if "SLURM_PROCID" in os.environ else 0
