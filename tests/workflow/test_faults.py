"""``kill -9`` at random moments, of jobs and of Snakemake: the next run makes the same metrics.

That two runs with one seed give the same metrics, byte for byte, is shown by this, too. A system
of each kind is enough for that: no system's metrics depend on the others.
"""

import os
import random
import shutil
import signal
import time
from contextlib import suppress

import pytest

from helpers.workflow import RESULTS, jobs_in, micro, snakemake, start, wait_until

METRICS = RESULTS / "report/metrics.csv"
SYSTEMS = [
    {"kind": "encoder", "name": "proposed", "encoder": "gnn", "reranker": "reranker"},
    {"kind": "landmarks", "name": "landmarks"},
]
CONFIG = micro(systems=SYSTEMS)
ATTEMPTS = 5  # a job may have ended before its random moment has come


@pytest.fixture
def moments():
    seed = random.SystemRandom().randrange(1000)
    print(f"seed {seed}")  # shown if the test fails
    return random.Random(seed)


def end_of(process, folder):
    """Wait until Snakemake and all its jobs have ended; returns what it printed."""
    said, _ = process.communicate()
    end = time.monotonic() + 120  # a job that has just begun imports its libraries first
    while jobs_in(folder):
        assert time.monotonic() < end, "a job outlived Snakemake"
        time.sleep(0.05)
    return said


def kill_job(folder, rule, late):
    """Kill a job of a rule some seconds after one has begun its work; whether one was left."""
    logs = folder / RESULTS / "logs"
    for log in logs.glob(f"{rule}_*.log"):
        log.unlink()
    process = start(folder, CONFIG, "--forcerun", rule, "--", "metrics")
    wait_until(lambda: any(logs.glob(f"{rule}_*.log")), process)
    time.sleep(late)
    for victim in jobs_in(folder, f".{rule}.py"):
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
            said = end_of(process, folder)
            assert process.returncode != 0
            assert f"Error in rule {rule}" in said
            return True
    os.kill(process.pid, signal.SIGKILL)
    end_of(process, folder)
    assert snakemake(folder, CONFIG, "--unlock").returncode == 0
    return False


def kill_snakemake(folder, late):
    """Kill Snakemake alone some seconds after it has started jobs, and remove its lock."""
    process = start(folder, CONFIG, "--", "metrics")
    wait_until(lambda: jobs_in(folder), process)
    time.sleep(late)
    assert process.poll() is None, "the run was over too early"
    os.kill(process.pid, signal.SIGKILL)
    end_of(process, folder)
    assert snakemake(folder, CONFIG, "--unlock").returncode == 0


@pytest.mark.slow
def test_metrics_are_those_of_an_undisturbed_run(copied, moments):
    """Everything is made again but the music, whose bytes ``test_demo_dataset`` compares."""
    names = (*(f"{system['name']}," for system in SYSTEMS), "oracle,", "random,")
    header, *rows = (copied / METRICS).read_text().splitlines()
    undisturbed = [header, *(row for row in rows if row.startswith(names))]
    for part in ("stems", "models", "fingerprints", "evaluation", "report"):
        shutil.rmtree(copied / RESULTS / part)
    for rule, longest in (("separate", 0.8), ("pretrain", 2.0), ("fingerprint", 1.0)):
        late = [moments.uniform(0, longest / 2**attempt) for attempt in range(ATTEMPTS)]
        assert any(kill_job(copied, rule, seconds) for seconds in late), f"no {rule} was killed"
    for _ in range(2):
        kill_snakemake(copied, moments.uniform(0, 4))
    done = snakemake(copied, CONFIG, "--", "metrics")
    assert done.returncode == 0, done.stdout
    assert (copied / METRICS).read_text().splitlines() == undisturbed
    assert "Nothing to be done" in snakemake(copied, CONFIG, "-n", "--", "metrics").stdout
