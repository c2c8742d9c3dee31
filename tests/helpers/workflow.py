"""The micro configuration and Snakemake processes that run it."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
MICRO = ROOT / "tests/workflow/micro.yaml"
RESULTS = Path("results/micro")


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


def command(
    folder: Path, config: dict[str, Any], *arguments: str
) -> tuple[list[str], dict[str, str]]:
    """The command line and environment of Snakemake with this configuration, to run in a folder."""
    file = folder / "config.json"
    file.write_text(json.dumps(config))
    line = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile")]
    line += ["--configfile", str(file), *arguments]
    return line, {**os.environ, "PYTHONWARNINGS": "ignore"}


def start(folder: Path, config: dict[str, Any], *arguments: str) -> subprocess.Popen[str]:
    """Start Snakemake in a folder, in a process group of its own."""
    line, environment = command(folder, config, "--cores", "2", *arguments)
    return subprocess.Popen(
        line,
        cwd=folder,
        env=environment,
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


def wait_until(
    holds: Callable[[], object], process: subprocess.Popen[str], seconds: float = 120
) -> None:
    """Look often, as what is waited for may last for a moment only; the process must go on."""
    end = time.monotonic() + seconds
    while not holds():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.002)


def jobs_in(folder: Path, script: str = "") -> list[int]:
    """Numbers of processes that run the workflow's scripts, or a certain one, in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            is_here = (process / "cwd").readlink() == folder
            line = (process / "cmdline").read_text()
        except OSError:  # it has ended meanwhile, or is another user's
            continue
        if is_here and ".snakemake/scripts" in line and line.rstrip("\0").endswith(script):
            found.append(int(process.name))
    return found


def planned(folder: Path, config: dict[str, Any], *arguments: str) -> set[str]:
    """Names of the rules that a dry run would execute."""
    done = snakemake(folder, config, "-n", *arguments)
    assert done.returncode == 0, done.stdout
    table = done.stdout.rpartition("Job stats:")[2].partition("total")[0]
    return set(re.findall(r"^(\w+) +\d+$", table, flags=re.MULTILINE)) - {"all", *arguments}
