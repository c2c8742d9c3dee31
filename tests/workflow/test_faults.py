"""Snakemake is killed at random moments; what is left can be finished, with the same results."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

from helpers.workflow import RESULTS, command, micro, snakemake

KILLS = 3
# One system of the micro configuration: its metrics are those that it has beside the others.
CONFIG = micro(systems=[{"name": "proposed", "encoder": "gnn", "reranker": True}])


def seconds_of(run):
    """How long a finished run took, about: from its first log to its last result."""
    times = [path.stat().st_mtime for path in (run / RESULTS / "logs").iterdir()]
    return (run / RESULTS / "report/metrics.csv").stat().st_mtime - min(times)


def metrics_of_proposed(run):
    """The header and the system's rows, as they were written."""
    header, *rows = (run / RESULTS / "report/metrics.csv").read_text().splitlines()
    own = [row for row in rows if row.startswith("proposed,")]
    assert own
    return [header, *own]


def jobs_in(folder):
    """Numbers of processes that run one of the workflow's scripts in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            is_here = (process / "cwd").readlink() == folder
            line = (process / "cmdline").read_text()
        except OSError:  # it has ended meanwhile, or is another user's
            continue
        if is_here and ".snakemake/scripts" in line:
            found.append(int(process.name))
    return found


def test_snakemake_killed_at_random_moments(finished, tmp_path):
    seed = random.SystemRandom().randrange(1000)
    print(f"seed {seed}")  # shown if the test fails
    moments = random.Random(seed)
    line, environment = command(tmp_path, CONFIG, "--cores", "2")
    killed = 0
    for _ in range(KILLS):
        with (tmp_path / "printed.log").open("a") as printed:
            process = subprocess.Popen(
                line, cwd=tmp_path, env=environment, stdout=printed, stderr=printed
            )
        try:
            process.wait(timeout=moments.uniform(2, seconds_of(finished) / 4))
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
        end = time.monotonic() + 60  # a job that has just begun imports its libraries first
        while jobs_in(tmp_path):
            assert time.monotonic() < end, "a job outlived Snakemake"
            time.sleep(0.1)
        assert snakemake(tmp_path, CONFIG, "--unlock").returncode == 0
    assert killed >= 2
    done = snakemake(tmp_path, CONFIG)
    assert done.returncode == 0, done.stdout
    assert metrics_of_proposed(tmp_path) == metrics_of_proposed(finished)
    assert "Nothing to be done" in snakemake(tmp_path, CONFIG, "-n").stdout
