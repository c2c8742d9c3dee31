"""The micro configuration on a real SLURM of one node, by the cluster's profile."""

import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pandas as pd
import pytest

from helpers import slurm
from helpers.workflow import RESULTS, ROOT, command, micro, planned, snakemake

TARGET = "metrics"  # what draws and prints them would add jobs of which each takes seconds to start
EPOCHS = 60  # of the encoder: enough for a signal to come in between
CONFIG = micro(
    systems=[{"kind": "encoder", "name": "proposed", "encoder": "gnn", "reranker": "reranker"}],
    device="cpu",
    **{"encoders.gnn.training.epochs": EPOCHS},
)
# What this small and short-lived site needs beside the profile.
SITE = ["--slurm-no-account", "--slurm-status-command", "squeue", "--latency-wait", "10"]
SITE += ["--slurm-init-seconds-before-status-checks", "3", "--jobs", "3"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(slurm.missing_programs()),
        reason=f"no SLURM here (apt-get install slurm-wlm munge): {slurm.missing_programs()}",
    ),
]


@pytest.fixture(scope="module")
def cluster():
    with (
        tempfile.TemporaryDirectory(prefix="slurm.") as folder,
        slurm.one_node(Path(folder)) as env,
    ):
        yield env


def disturb(cluster, folder, process):
    """Cancel a job that has begun; have the training stop once it has done some epochs."""
    log = folder / RESULTS / "logs/pretrain_gnn.log"
    waiting = {"derive_queries": slurm.cancel, "pretrain": slurm.warn}
    while waiting and process.poll() is None:
        for job in slurm.jobs_of(cluster):
            is_due = job.state == "RUNNING" and job.rule in waiting
            if is_due and (job.rule != "pretrain" or (log.exists() and epochs_in(log))):
                waiting.pop(job.rule)(cluster, job)
        time.sleep(0.2)


def epochs_in(log):
    return [int(number) for number in re.findall(rf"epoch (\d+) of {EPOCHS}", log.read_text())]


@pytest.fixture(scope="module")
def run(cluster, tmp_path_factory):
    """A run of which two jobs were disturbed: its folder, SLURM's jobs, expected rules."""
    folder = tmp_path_factory.mktemp("cluster")
    expected = planned(folder, CONFIG, TARGET)
    profile = ["--workflow-profile", str(ROOT / "profiles/slurm")]
    line, environment = command(folder, CONFIG, *profile, *SITE, "--", TARGET)
    with (folder / "printed.log").open("w") as printed:
        process = subprocess.Popen(
            line, cwd=folder, env={**environment, **cluster}, stdout=printed, stderr=printed
        )
    try:
        disturb(cluster, folder, process)
        process.wait(timeout=900)
    finally:
        process.terminate()
    said = (folder / "printed.log").read_text()
    assert process.returncode == 0, said
    return folder, slurm.jobs_of(cluster), expected


def jobs_of_rule(run, rule):
    return [job for job in run[1] if job.rule == rule]


def test_every_job_ran_inside_slurm(run):
    _, jobs, expected = run
    done = [job for job in jobs if job.state == "COMPLETED"]
    assert {job.rule for job in done} == expected
    assert len({job.comment for job in done}) == len(done)
    assert len(jobs) == len(done) + 2


def test_a_cancelled_job_is_retried_with_more_of_everything(run):
    first, second = jobs_of_rule(run, "derive_queries")
    assert (first.state, second.state) == ("CANCELLED", "COMPLETED")
    assert second.memory_mb == 2 * first.memory_mb == 4000


def test_a_training_whose_time_ends_is_retried_and_ends_with_the_same_bits(run, tmp_path):
    folder, _, _ = run
    first, second = jobs_of_rule(run, "pretrain")
    assert (first.state, second.state) == ("FAILED", "COMPLETED")
    (said,) = (folder / ".snakemake/slurm_logs").rglob(f"{first.number}.log")
    assert "error: training: stopped by SIGTERM after step" in said.read_text()
    begun = epochs_in(folder / RESULTS / "logs/pretrain_gnn.log")
    assert begun[0] > 1, "what was saved is not continued"
    assert begun == list(range(begun[0], EPOCHS + 1))
    for part in ("data", "stems"):
        shutil.copytree(folder / RESULTS / part, tmp_path / RESULTS / part)
    shutil.copytree(folder / ".snakemake/metadata", tmp_path / ".snakemake/metadata")
    weights = RESULTS / "models/gnn/trained.pt"
    # As many threads as the job had there: bits depend on them.
    as_there = ["--cores", "all", "--set-threads", "pretrain=8"]
    done = snakemake(tmp_path, CONFIG, *as_there, "--", str(weights))
    assert done.returncode == 0, done.stdout
    assert epochs_in(tmp_path / RESULTS / "logs/pretrain_gnn.log") == list(range(1, EPOCHS + 1))
    assert (tmp_path / weights).read_bytes() == (folder / weights).read_bytes()


def test_jobs_ask_for_what_the_profile_says(run):
    asked = {job.rule: job for job in run[1]}
    assert (asked["fingerprint"].cpus, asked["fingerprint"].memory_mb) == (4, 8000)
    assert (asked["separate"].cpus, asked["separate"].memory_mb) == (8, 8000)
    assert (asked["evaluate"].cpus, asked["evaluate"].memory_mb) == (1, 4000)
    assert not any(job.gpus for job in asked.values())


def test_results_are_complete(run):
    folder, _, _ = run
    metrics = pd.read_csv(folder / RESULTS / "report/metrics.csv")
    assert set(metrics["system"]) == {"proposed", "oracle", "random"}
    assert "Nothing to be done" in snakemake(folder, CONFIG, "-n", "--", TARGET).stdout
