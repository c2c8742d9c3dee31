"""Freed memory stays with the process; workers end with it."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

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
WORKING = """
import os
import sys
import time
from pathlib import Path
from neuralsampleid.processes import in_parallel

def come_to(moment):
    if moment == sys.argv[2]:
        Path(sys.argv[1], f"{os.getpid()}.pid").touch()
        time.sleep(3)

def work(_):
    come_to("working")
    time.sleep(600)

if __name__ == "__main__":
    in_parallel(work, [1, 2], 2)
else:
    come_to("starting")  # before the worker can ask to end with its parent
"""


def faults(how: str) -> int:
    """Pages that the system had to provide while large arrays came and went."""
    command = [sys.executable, "-c", PROGRAM, how]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_freed_memory_is_reused():
    assert faults("keep") < faults("default") / 10


@pytest.mark.parametrize("moment", ["starting", "working"])
def test_workers_end_with_a_process_that_is_killed(moment, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(WORKING)
    process = subprocess.Popen([sys.executable, str(program), str(tmp_path), moment])
    end = time.monotonic() + 120
    while len(found := list(tmp_path.glob("*.pid"))) < (2 if moment == "working" else 1):
        assert time.monotonic() < end
        time.sleep(0.05)
    process.kill()
    process.wait()
    while any(Path("/proc", worker.stem).exists() for worker in found):
        assert time.monotonic() < end
        time.sleep(0.05)
