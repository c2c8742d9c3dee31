"""How a process keeps the memory that it frees."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # M_TRIM_THRESHOLD and M_MMAP_MAX in glibc's <malloc.h>


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
