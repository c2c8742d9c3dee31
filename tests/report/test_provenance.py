"""The record of a run."""

import json
import subprocess
from pathlib import Path

import numpy
import pytest
import yaml

from neuralsampleid.config import Config, parse_config
from neuralsampleid.report.provenance import (
    config_yaml,
    git_state,
    package_versions,
    provenance,
)


@pytest.fixture
def config() -> Config:
    values = {
        "run": "tiny",
        "seed": 7,
        "data": {"kind": "demo"},
        "encoders": {"gnn": {"architecture": "gnn"}, "cnn": {"architecture": "resnet_ibn"}},
        "systems": [
            {"kind": "encoder", "name": "proposed", "encoder": "gnn", "reranker": "reranker"}
        ],
    }
    return parse_config(values, "test")


def test_the_written_configuration_is_complete_and_gives_the_same_run(config):
    text = config_yaml(config)
    assert parse_config(yaml.safe_load(text), "written") == config
    assert "resamples: 2000" in text


def test_versions_are_those_installed():
    assert package_versions()["numpy"] == numpy.__version__


def test_no_repository_is_no_failure(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_state(tmp_path) is None
    assert git_state(tmp_path / "missing") is None
    monkeypatch.setenv("PATH", str(tmp_path))  # nor is no git
    assert git_state(tmp_path) is None


def test_the_commit_and_its_changes_are_noted(tmp_path: Path):
    def git(*arguments):
        who = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
        command = ["git", "-C", str(tmp_path), *who, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init")
    (tmp_path / "file").write_text("a")
    git("add", "file")
    git("commit", "--no-gpg-sign", "-m", "first")
    assert git_state(tmp_path) == {"commit": git("rev-parse", "HEAD"), "modified": False}
    (tmp_path / "file").write_text("b")
    assert git_state(tmp_path)["modified"] is True


def test_the_record_is_json_and_repeats(config, tmp_path: Path):
    record = provenance(config, tmp_path)
    assert json.loads(json.dumps(record)) == record == provenance(config, tmp_path)
    assert record["seed"] == 7
    assert record["device"] in ("cpu", "cuda")
    assert record["precision"] in ("float32", "bfloat16")
    assert {"python", "platform", "packages", "git", "config"} <= record.keys()
