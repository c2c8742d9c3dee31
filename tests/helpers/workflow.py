"""Real Snakemake processes on the micro configuration."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
MICRO = ROOT / "tests/workflow/micro.yaml"


def micro(**changes: Any) -> dict[str, Any]:
    """The micro configuration with some values replaced; dots separate the levels of a key."""
    config = yaml.safe_load(MICRO.read_text())
    for key, value in changes.items():
        *parents, leaf = key.split(".")
        part = config
        for parent in parents:
            part = part.setdefault(parent, {})
        part[leaf] = value
    return config


def start(folder: Path, config: dict[str, Any], *arguments: str) -> subprocess.Popen[str]:
    """Start Snakemake in a folder, in a process group of its own."""
    file = folder / "config.json"
    file.write_text(json.dumps(config))
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile")]
    command += ["--configfile", str(file), "--cores", "2", *arguments]
    return subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def snakemake(
    folder: Path, config: dict[str, Any], *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in a folder; returns the finished process with all that it printed."""
    process = start(folder, config, *arguments)
    said, _ = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, said)
