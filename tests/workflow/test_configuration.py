"""What Snakemake makes of a user's file: dry runs of the whole workflow."""

import subprocess
import sys
from pathlib import Path

import pytest

from helpers.workflow import ROOT

MINE = "data: {queries: 3}\nshards: {separation: 16}\n"


def dry_run(folder: Path, name: str, text: str, *arguments: str) -> tuple[int, str]:
    """Exit status and what is printed, for a file of that name."""
    (folder / name).write_text(text)
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--configfile"]
    command += [name, "--cores", "1", "-n", *arguments]
    done = subprocess.run(
        command, cwd=folder, text=True, check=False, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_a_run_bears_the_files_name_and_the_command_line_counts_last(tmp_path: Path):
    report = "stems/report.csv"
    status, said = dry_run(tmp_path, "My-run.yaml", MINE, "--", f"results/my_run/{report}")
    assert status == 0, said
    assert "shard 0005; progress is in results/my_run/logs" in said  # of 96 songs, the default
    assert "shard 0006" not in said
    named = ["--config", "run=other", "--", f"results/other/{report}"]
    assert dry_run(tmp_path, "My-run.yaml", MINE, *named)[0] == 0


def test_a_file_with_a_word_is_enough(tmp_path: Path):
    status, said = dry_run(tmp_path, "short.yaml", "seed: 5", "--", "metrics")
    assert status == 0, said
    assert "Scoring proposed_landmarks" in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hardware: gpu", "old.yaml: hardware: is now device: auto, cpu or cuda"),
        ("data: {querys: 3}", "old.yaml: data.querys: unknown key"),
        ("data: {kind: published}", "old.yaml: data.kind: 'published' is now upstream"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, text: str, message: str):
    status, said = dry_run(tmp_path, "old.yaml", text)
    assert status != 0
    assert message in said
    assert "Traceback" not in said
