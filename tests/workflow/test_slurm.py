"""The micro configuration on a real SLURM of one node, by the cluster's profile."""

import subprocess
import tempfile
import time
from pathlib import Path

import pandas as pd
import pytest

from helpers import slurm
from helpers.workflow import RESULTS, ROOT, command, micro, planned, snakemake

CONFIG = micro(systems=[{"name": "proposed", "encoder": "gnn", "reranker": True}], hardware="gpu")
# What this small and short-lived site needs beside the profile.
SITE = ["--slurm-no-account", "--slurm-status-command", "squeue", "--latency-wait", "10"]
SITE += ["--slurm-init-seconds-before-status-checks", "3", "--jobs", "3"]

pytestmark = pytest.mark.skipif(
    bool(slurm.missing_programs()),
    reason=f"no SLURM here (apt-get install slurm-wlm munge): {slurm.missing_programs()}",
)


@pytest.fixture(scope="module")
def cluster():
    with (
        tempfile.TemporaryDirectory(prefix="slurm.") as folder,
        slurm.one_node(Path(folder)) as env,
    ):
        yield env


@pytest.fixture(scope="module")
def run(cluster, tmp_path_factory):
    """A run of which the first training is cancelled: its folder, SLURM's jobs, expected rules."""
    folder = tmp_path_factory.mktemp("cluster")
    expected = planned(folder, CONFIG)
    line, environment = command(
        folder, CONFIG, "--workflow-profile", str(ROOT / "profiles/slurm"), *SITE
    )
    with (folder / "printed.log").open("w") as printed:
        process = subprocess.Popen(
            line, cwd=folder, env={**environment, **cluster}, stdout=printed, stderr=printed
        )
    try:
        while process.poll() is None:
            running = [job for job in slurm.jobs_of(cluster) if job.state == "RUNNING"]
            training = [job for job in running if job.comment.startswith("rule_pretrain")]
            if training:
                slurm.cancel(cluster, training[0])
                break
            time.sleep(0.5)
        process.wait(timeout=900)
    finally:
        process.terminate()
    said = (folder / "printed.log").read_text()
    assert process.returncode == 0, said
    return folder, slurm.jobs_of(cluster), expected


def test_every_job_ran_inside_slurm(run):
    _, jobs, expected = run
    done = [job for job in jobs if job.state == "COMPLETED"]
    rules = {job.comment.removeprefix("rule_").partition("_wildcards_")[0] for job in done}
    assert rules == expected
    assert len({job.comment for job in done}) == len(done)


def test_a_cancelled_job_is_retried_with_more_of_everything(run):
    _, jobs, _ = run
    first, second = [job for job in jobs if job.comment.startswith("rule_pretrain")]
    assert (first.state, second.state) == ("CANCELLED", "COMPLETED")
    assert first.comment == second.comment
    assert second.memory_mb == 2 * first.memory_mb == 64_000
    assert len(jobs) == 1 + len({job.comment for job in jobs})


def test_jobs_ask_for_what_the_profile_says(run):
    _, jobs, _ = run
    asked = {job.comment.removeprefix("rule_").partition("_wildcards_")[0]: job for job in jobs}
    assert (asked["fingerprint"].cpus, asked["fingerprint"].memory_mb) == (4, 8000)
    assert (asked["separate"].cpus, asked["separate"].memory_mb) == (8, 8000)
    assert (asked["tables"].cpus, asked["tables"].memory_mb) == (1, 2000)
    assert {name for name, job in asked.items() if job.gpus} == {
        "pretrain",
        "train_reranker",
        "fingerprint",
        "build_index",
        "match",
    }


def test_results_are_complete(run):
    folder, _, _ = run
    metrics = pd.read_csv(folder / RESULTS / "report/metrics.csv")
    assert set(metrics["system"]) == {"proposed"}
    assert "Nothing to be done" in snakemake(folder, CONFIG, "-n").stdout
