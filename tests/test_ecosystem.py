"""Workflows of GitHub and the Dockerfile name what is there."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def commands():
    for path in WORKFLOWS:
        for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values():
            yield from (step["run"] for step in job["steps"] if "run" in step)


def test_what_workflows_run_exists():
    text = "\n".join(commands())
    files = re.findall(r"tests/[\w/]+\.py", text)
    assert files
    assert [name for name in files if not (ROOT / name).is_file()] == []
    targets = set(re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"lint", "test", "demo"} == set(re.findall(r"make (\w+)", text)) <= targets


def test_versions_of_python_are_supported():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == ">=3.11"
    texts = [path.read_text(encoding="utf-8") for path in WORKFLOWS] + [DOCKERFILE]
    versions = {
        int(minor) for text in texts for minor in re.findall(r'(?:"|python:)3\.(\d+)', text)
    }
    assert min(versions) == 11


def test_the_image_copies_what_is_there_and_not_ignored():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for line in re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE):
        for name in line.split()[:-1]:
            assert (ROOT / name).exists()
            assert f"!{name}" in ignored
