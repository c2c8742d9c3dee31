"""What is installed: packages are all used, the locks hold them, the wheel alone is enough."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from runpy import run_path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from helpers.songs import song_stems
from neuralsampleid.audio.io import write_audio

ROOT = Path(__file__).parents[1]
PIN = run_path(str(ROOT / "envs/pin.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
TOOLS = {  # packages that are run, loaded by another one, or read, not imported
    "dgl", "dvc", "mypy", "pretty-midi", "pytest-cov", "pytest-xdist", "ruff", "snakefmt",
    "snakemake", "snakemake-executor-plugin-slurm", "types-pyyaml",
}  # fmt: skip


@cache
def imported(*folders: str) -> frozenset[str]:
    """Distributions whose modules the files in some folders import."""
    found: set[str] = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(str(node.module).split(".")[0])
    installed = packages_distributions()
    names = {name for module in found for name in installed.get(module, [])}
    return frozenset(map(canonicalize_name, names))


def needed(*extras: str) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in PIN["wanted"](extras)}


def test_every_package_of_the_project_is_imported_and_no_other():
    library = imported("neuralsampleid", "scripts")
    own = {canonicalize_name(PROJECT["name"])}
    assert needed("train", "workflow", "dgl") - TOOLS == library - own - {"dgl"}
    others = imported("tests", "benchmarks", "envs") - library - own
    assert needed("development") - needed() - TOOLS == others


@pytest.mark.parametrize("name", PIN["ENVIRONMENTS"])
def test_what_a_conda_environment_names_some_script_of_it_imports(name: str):
    named = {canonicalize_name(package) for package in PIN["ENVIRONMENTS"][name][1].split()}
    assert named - TOOLS <= imported("neuralsampleid", "scripts")


@pytest.mark.parametrize("name", PIN["LOCKS"])
def test_the_locks_hold_what_the_project_needs_and_no_more(name: str):
    pytest.importorskip("dvc")
    assert (ROOT / name).read_text(encoding="utf-8") == PIN["lock"](name)


def program(folder: Path, name: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize("gpu", [False, True])
def test_make_env_takes_the_build_of_torch_for_the_machine(gpu: bool, tmp_path: Path):
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("make", "sh", "grep", "tr", "wc", "python3"):
        (folder / name).symlink_to(str(shutil.which(name)))
    if gpu:
        program(folder, "nvidia-smi")
    done = subprocess.run(
        ["make", "--dry-run", "env", f"VENV={tmp_path / 'venv'}"],
        cwd=ROOT,
        env={"PATH": str(folder), "HOME": str(tmp_path)},
        check=True,
        text=True,
        capture_output=True,
    )
    (line,) = [line for line in done.stdout.splitlines() if '"torch==' in line]
    assert (CPU_INDEX in line) == (not gpu)


def run(*command: object, folder: Path) -> str:
    """What a command printed, which must succeed, with nothing of this environment in sight."""
    hidden = {"PYTHONPATH", "VIRTUAL_ENV"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env=environment,
        check=False,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_wheel_alone_finds_a_sample(tmp_path: Path):
    tracked = run("git", "ls-files", "-z", folder=ROOT).split("\0")
    for name in filter(None, tracked):
        if name.startswith(("neuralsampleid/", "pyproject", "README", "LICENSE")):
            (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / "source" / name)
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", tmp_path / "source", folder=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    files = {name for name in tracked if name.startswith("neuralsampleid/")}
    assert files <= set(zipfile.ZipFile(wheel).namelist())
    run(sys.executable, "-m", "venv", tmp_path / "venv", folder=tmp_path)
    binaries = tmp_path / "venv/bin"
    install = [binaries / "pip", "install", "--constraint", ROOT / "requirements.lock"]
    torch = next(line for line in PIN["lock"]("requirements.lock").split() if "torch==" in line)
    run(*install, "--no-deps", "--extra-index-url", CPU_INDEX, torch, folder=tmp_path)
    run(*install, wheel, folder=tmp_path)
    packages = json.loads(run(binaries / "pip", "list", "--format", "json", folder=tmp_path))
    assert len(packages) <= 40

    rate = 16000
    songs = [song_stems(seed, 20.0, rate).sum(axis=1) / 2**15 / 2 for seed in range(6)]
    for number, song in enumerate(songs[:5]):
        write_audio(tmp_path / "music" / f"song {number}.wav", song.astype("float32"), rate)
    query = songs[5].copy()
    query[5 * rate : 13 * rate] = songs[3][8 * rate : 16 * rate] + query[5 * rate : 13 * rate] / 4
    write_audio(tmp_path / "query.wav", query.astype("float32"), rate)
    nsid = binaries / "nsid"
    run(nsid, "index", "music", "--out", "library", folder=tmp_path)
    asked = [nsid, "identify", "query.wav", "--library", "library", "--best", "1"]
    (found,) = json.loads(run(*asked, "--json", folder=tmp_path))["queries"]
    assert found["answers"][0]["paths"] == ["song 3.wav"]
    run(*asked, "--html", "page.html", folder=tmp_path)
    assert "song 3" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert re.search(r"\d+:\d\d", run(*asked, folder=tmp_path))
