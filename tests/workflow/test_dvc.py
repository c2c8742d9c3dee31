"""DVC keeps, shares and brings back what the workflow made, and Snakemake believes it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from helpers.workflow import RESULTS, ROOT, micro, planned

pytestmark = pytest.mark.skipif(
    shutil.which("dvc", path=Path(sys.executable).parent) is None,
    reason="DVC is not installed: make .venv/bin/dvc",
)
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "PYTHONWARNINGS": "ignore",
    **{
        f"GIT_{who}_{what}": "test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    },
}


def run(folder, *command):
    """What a command printed, which must succeed."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=ENVIRONMENT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def recorded(finished, tmp_path_factory):
    """A repository in which DVC has recorded and pushed the finished run of config.yaml."""
    folder = tmp_path_factory.mktemp("dvc") / "here"
    tracked = run(ROOT, "git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    for name in filter(None, tracked.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / "config.yaml").write_text(yaml.safe_dump(micro(), sort_keys=False))
    for name in ("results", ".snakemake/metadata"):
        shutil.copytree(finished / name, folder / name)
    run(folder, "git", "init", "--quiet")
    run(folder, "dvc", "repro")
    run(folder, "dvc", "push")
    run(folder, "git", "add", ".")
    run(folder, "git", "commit", "--quiet", "--message", "A run")
    return folder


@pytest.fixture(scope="module")
def pulled(recorded):
    """A clone that has pulled the results."""
    folder = recorded.with_name("there")
    run(recorded.parent, "git", "clone", "--quiet", str(recorded), str(folder))
    assert not (folder / "results").exists()
    (folder / ".venv").symlink_to(sys.prefix)
    run(folder, "make", "--old-file=.venv/bin/dvc", "pull")
    return folder


def test_stages_leave_to_snakemake_what_is_out_of_date(finished, recorded):
    for name in ("models/gnn/trained.pt", "report/metrics.csv"):
        before, after = (folder / RESULTS / name for folder in (finished, recorded))
        assert after.stat().st_mtime == before.stat().st_mtime
    assert "up to date" in run(recorded, "dvc", "status")


def test_a_stage_makes_all_that_lies_in_its_outputs(tmp_path):
    """A later stage that wrote there would spoil what was recorded."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    makers = {
        "data": {"demo_data"},
        "stems": {
            "separate",
            "separation_report",
            "separation_quality",
            "pack_stems",
            "pack_levels",
        },
        "models": {"initialise", "pretrain", "train_reranker"},
        "fingerprints": {"fingerprint", "build_index", "find_peaks"},
    }
    before = set()
    for name, rules in makers.items():
        target = stages[name]["cmd"].rpartition(" -- ")[2]
        assert target == name
        plan = planned(tmp_path, micro(), "--", target)
        assert plan - before == rules
        before |= plan
    assert not planned(tmp_path, micro()) <= before


def test_git_holds_the_record_and_no_result(recorded):
    files = run(recorded, "git", "ls-files").splitlines()
    assert "dvc.lock" in files
    assert not [name for name in files if name.startswith("results/")]


def content(folder):
    """Everything that a run made, without Snakemake's marks."""
    files = [path for path in (folder / RESULTS).rglob("*") if path.is_file()]
    return {
        path.relative_to(folder): path.read_bytes()
        for path in files
        if path.relative_to(folder / RESULTS).parts[0] not in ("logs", "benchmarks")
        and path.name != ".snakemake_timestamp"
    }


def test_a_clone_gets_every_file(finished, pulled):
    assert len(content(finished)) > 100
    assert content(pulled) == content(finished)


def test_snakemake_has_nothing_to_do_after_a_pull(pulled):
    assert "Nothing to be done" in run(pulled, "snakemake", "-n")
    assert "up to date" in run(pulled, "dvc", "status")


def test_dvc_shows_a_row_per_system(pulled):
    header, *rows = run(pulled, "dvc", "metrics", "show", "--md").splitlines()
    assert "full_track.map" in header
    assert "segment.hit_at_3_in_5s" in header
    for system in micro()["systems"]:
        (row,) = [row for row in rows if f"metrics/{system['name']}.json" in row]
        made = json.loads((pulled / RESULTS / f"report/metrics/{system['name']}.json").read_text())
        assert float(row.split("|")[2]) == pytest.approx(made["full_track"]["map"], abs=1e-5)


def test_dvc_plots_tables_and_figures(pulled):
    said = run(pulled, "dvc", "plots", "show", "--json")
    for name in ("tables/main.csv", "figures/map.png"):
        assert str(RESULTS / "report" / name) in said
    assert '"errors"' not in said
