"""Freed memory stays with the process; workers end with it."""

import subprocess
import sys
import time
from pathlib import Path

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

def work(folder):
    (folder / f"{os.getpid()}.pid").touch()
    time.sleep(600)

if __name__ == "__main__":
    in_parallel(work, [Path(sys.argv[1])] * 2, 2)
"""


def faults(how: str) -> int:
    """Pages that the system had to provide while large arrays came and went."""
    command = [sys.executable, "-c", PROGRAM, how]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_freed_memory_is_reused():
    assert faults("keep") < faults("default") / 10


def test_workers_end_with_a_process_that_is_killed(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(WORKING)
    process = subprocess.Popen([sys.executable, str(program), str(tmp_path)])
    end = time.monotonic() + 120
    while len(found := list(tmp_path.glob("*.pid"))) < 2:
        assert time.monotonic() < end
        time.sleep(0.05)
    process.kill()
    process.wait()
    while any(Path("/proc", worker.stem).exists() for worker in found):
        assert time.monotonic() < end
        time.sleep(0.05)
