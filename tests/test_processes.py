"""Freed memory stays with the process."""

import subprocess
import sys

PROGRAM = """
import resource
import sys
import numpy as np
from neuralsampleid.processes import keep_freed_memory

if sys.argv[1] == "keep":
    assert keep_freed_memory()
np.ones(2**23)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    np.ones(2**23)  # 64 MiB
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    """Pages that the system had to provide while large arrays came and went."""
    command = [sys.executable, "-c", PROGRAM, how]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_freed_memory_is_reused():
    assert faults("keep") < faults("default") / 10
