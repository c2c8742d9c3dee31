"""How the threads of numerical libraries wait for each other."""

from __future__ import annotations

import os


def wait_passively() -> None:
    """Let waiting threads sleep, in this process and those that it starts.

    A thread that spins while it waits for another one keeps that one from running where other work
    shares the cores; see benchmarks/fingerprinting.md. OpenMP reads this when torch is imported, so
    this comes before. A value that the user has set stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
