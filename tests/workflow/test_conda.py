"""Rules run in environments that hold what their files pin, and find the library there."""

import os
import re
import subprocess

import pytest

from helpers import conda
from helpers.workflow import RESULTS, ROOT, command, micro

WANTED = ["evaluation/queries.csv", "stems/report.csv", "models/gnn/untrained.pt"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder in which some rules of each environment have run, and what Snakemake printed."""
    folder = tmp_path_factory.mktemp("conda")
    environment = conda.install(folder / "conda")
    line, _ = command(folder, micro(), "--cores", "2", "--use-conda", "--")
    done = subprocess.run(
        [*line, *(str(RESULTS / name) for name in WANTED)],
        cwd=folder,
        env={**environment, "PYTHONWARNINGS": "ignore"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return folder, done.stdout


def test_rules_run_in_their_environments(run):
    folder, said = run
    for name in WANTED:
        assert (folder / RESULTS / name).is_file()
    created = set(re.findall(r"Environment for \S*/envs/(\w+)\.yaml created", said))
    assert created == {"audio", "separation_cpu", "torch_cpu"}


def scripts_of(environment):
    """Scripts of the rules that name an environment, without Snakemake's help."""
    files = [*(ROOT / "rules").glob("*.smk"), ROOT / "upstream/rules.smk"]
    text = "\n".join(path.read_text() for path in files)
    named = environment.replace("_cpu", "_{BUILD}")
    blocks = re.split(r"^ *rule (\w+):$", text, flags=re.MULTILINE)[1:]
    rules = zip(blocks[::2], blocks[1::2], strict=True)
    return sorted(name for name, block in rules if f"../envs/{named}.yaml" in block)


@pytest.mark.parametrize("environment", ["audio", "separation_cpu", "torch_cpu"])
def test_scripts_start_with_nothing_but_what_is_pinned(environment, tmp_path):
    prefix = tmp_path / "environment"
    conda.create(ROOT / f"envs/{environment}.yaml", prefix)
    scripts = scripts_of(environment)
    assert scripts
    code = f"import {', '.join(scripts)}, neuralsampleid; print(neuralsampleid.__file__)"
    done = subprocess.run(
        [prefix / "bin/python", "-c", code],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{ROOT / 'scripts'}"},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(ROOT / "neuralsampleid/__init__.py")
    code = "import snakemake"  # which no environment pins
    assert subprocess.run([prefix / "bin/python", "-c", code], check=False).returncode != 0
