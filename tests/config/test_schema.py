"""The schema that editors check configuration files with."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from neuralsampleid.config.schema import schema

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "config.yaml", ROOT / "upstream/config.yaml", *(ROOT / "config").glob("*.yaml")]


def problems(values: Any) -> list[str]:
    checker = jsonschema.Draft202012Validator(json.loads(schema()))
    return [error.message for error in checker.iter_errors(values)]


def test_the_file_is_in_step_with_the_models():
    text = (ROOT / "config/schema.json").read_text(encoding="utf-8")
    assert text == schema(), "make schema writes it anew"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_configurations_name_and_pass_it(path: Path):
    first, *_ = text = path.read_text(encoding="utf-8").splitlines()
    _, _, named = first.partition("# yaml-language-server: $schema=")
    assert (path.resolve().parent / named).resolve() == ROOT / "config/schema.json"
    assert not problems(yaml.safe_load("\n".join(text)))


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"data": {"queries": 5}},
        {"data": {"kind": "catalogue", "folder": "x"}},
        {"encoders": {"mine": {"architecture": "resnet_ibn", "blocks": [1, 1, 2, 1]}}},
    ],
)
def test_a_file_may_hold_little(values: Any):
    assert not problems(values)


@pytest.mark.parametrize(
    "values",
    [
        {"sed": 1},
        {"seed": "one"},
        {"data": {"kind": "catalogue"}},
        {"data": {"querys": 5}},
        {"data": {"kind": "upstream"}, "encoders": {}},
        {"encoders": {"mine": {"architecture": "gnn", "strides": [1]}}},
        {"systems": [{"name": "a", "encoder": "gnn"}]},
    ],
)
def test_mistakes_are_found(values: Any):
    assert problems(values)
