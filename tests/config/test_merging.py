"""A file of changes and the defaults: what is merged, what is replaced, and what went."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from neuralsampleid.config import (
    Config,
    ResNetIbn,
    parse_any_config,
    parse_config,
    read_config,
    run_named,
)
from neuralsampleid.config.merging import merged
from neuralsampleid.config.old_keys import MOVED, MOVED_VALUES
from neuralsampleid.errors import UserError

ROOT = Path(__file__).parents[2]
ROW = {"kind": "encoder", "name": "mine", "encoder": "mine"}
TEXT = (ROOT / "config.yaml").read_text(encoding="utf-8")


def parsed(**changes: Any) -> Config:
    return parse_config(changes, "my.yaml")


def test_config_yaml_states_the_defaults_and_nothing_else():
    stated = yaml.safe_load(TEXT)
    assert parse_config(stated, "config.yaml") == Config()
    del stated["systems"]
    assert stated == Config().model_dump(mode="json", exclude={"systems"})


def test_every_key_of_config_yaml_has_a_comment():
    lines = [line for line in TEXT.splitlines() if re.match(r"\s*\w+:", line)]
    sections = [line for line in lines if re.match(r"\s*\w+:(\s+&\w+)?$", line)]
    assert not [line for line in lines if line not in sections and " # " not in line]


def test_nested_sections_are_merged_unless_they_become_another_kind():
    values = {"a": 1, "b": {"kind": "x", "c": 2, "d": [1, 2]}}
    assert merged(values, {}) == values
    assert merged(values, {"b": {"d": [3]}}) == {"a": 1, "b": {"kind": "x", "c": 2, "d": [3]}}
    assert merged(values, {"b": {"kind": "x", "c": 5}})["b"] == {"kind": "x", "c": 5, "d": [1, 2]}
    assert merged(values, {"b": {"kind": "y"}}) == {"a": 1, "b": {"kind": "y"}}
    assert merged(values, {"b": {"architecture": "y"}}) == {"a": 1, "b": {"architecture": "y"}}
    assert values == {"a": 1, "b": {"kind": "x", "c": 2, "d": [1, 2]}}


def test_a_file_holds_what_differs():
    config = parsed(data={"queries": 5}, peaks={"bins": 180}, seed=4)
    expected = Config().model_dump()
    expected["data"]["queries"], expected["peaks"]["bins"], expected["seed"] = 5, 180, 4
    assert config.model_dump() == expected
    assert parsed() == Config()


def test_another_kind_of_data_replaces_the_section():
    assert parsed(data={"kind": "catalogue", "folder": "x"}).data.model_dump() == {
        "kind": "catalogue",
        "folder": "x",
    }


def test_encoders_systems_and_ablations_are_replaced():
    mine = {"architecture": "resnet_ibn", "stem_channels": 8}
    config = parsed(encoders={"mine": mine}, systems=[ROW])
    assert config.encoders == {"mine": ResNetIbn(stem_channels=8)}
    assert [system.name for system in config.systems] == ["mine"]
    assert config.ablations is None
    assert config.scaled_fingerprints == "mine_trained"
    rows = {"one": {"encoder": {"neighbours": 3}}}
    assert list(parsed(ablations={"rows": rows}).ablations.rows) == ["one"]
    with pytest.raises(UserError, match="system 'proposed' names encoder 'gnn', expected one of m"):
        parsed(encoders={"mine": mine})


def test_kinds_of_the_scale_study_are_replaced():
    assert parsed(scale={"kinds": {"flat": 5}}).scale.kinds == {"flat": 5}


def test_defaults_may_lie_between():
    base = {"seed": 7, "data": {"queries": 3}, "encoders": {}}
    config = parse_config({"data": {"references": 4}, "encoders": {"mine": {
        "architecture": "gnn"}}, "systems": [ROW]}, "my.yaml", base)  # fmt: skip
    assert (config.seed, config.data.queries, config.data.references) == (7, 3, 4)


def test_a_run_bears_the_name_of_its_file(tmp_path: Path):
    (tmp_path / "My-run 2.yaml").write_text("seed: 3")
    assert read_config(tmp_path / "My-run 2.yaml").run == "my_run_2"
    (tmp_path / "b.yaml").write_text("run: other")
    assert read_config(tmp_path / "b.yaml").run == "other"
    assert run_named(Path("x/own.music.yaml")) == "own_music"


@pytest.mark.parametrize("name", ["paper", "shipped_model", "own_music"])
def test_other_runs_hold_what_differs(name: str):
    path = ROOT / f"config/{name}.yaml"
    config = read_config(path)
    assert config.run == name
    same = [
        key
        for key, value in yaml.safe_load(path.read_text(encoding="utf-8")).items()
        if value == Config().model_dump(mode="json")[key]
    ]
    assert not same


def put(values: Any, levels: list[str], value: object = 1) -> None:
    """An old key in a configuration; stars become a name, or a row of systems."""
    first, *rest = levels
    if isinstance(values, list):
        put(values[0], rest, value)
    elif not rest:
        values[first] = value
    elif rest[0] == "*" and first == "systems":
        put(values.setdefault(first, [dict(ROW)]), rest, value)
    else:
        key = "mine" if first == "*" else first
        put(values.setdefault(key, {}), rest, value)


@pytest.mark.parametrize("old", MOVED)
def test_an_old_key_says_where_it_went(old: str):
    values: dict[str, Any] = {}
    put(values, old.split("."))
    with pytest.raises(UserError) as raised:
        parse_any_config(values, "my.yaml")
    message = str(raised.value)
    place = old.replace("systems.*", "systems.0").replace("*", "mine")
    assert message.startswith("my.yaml: ")
    assert f"{place}: {MOVED[old]}" in message
    assert "\n" not in message
    # What it names is there.
    for key in re.findall(r"is now ([a-z]+\.[a-z_]+)(?= |,|$)", MOVED[old]):
        section, _, name = key.partition(".")
        assert (
            section in {"training", "rescoring", "fingerprints"}
            or name in type(getattr(Config(), section)).model_fields
        )


@pytest.mark.parametrize(("key", "old"), MOVED_VALUES)
def test_an_old_value_says_what_it_is_now(key: str, old: object):
    values: dict[str, Any] = {}
    put(values, key.split("."), old)
    place = key.replace("systems.*", "systems.0").replace("*", "mine")
    said = f"my.yaml: {place}: {old!r} {MOVED_VALUES[key, old]}"
    with pytest.raises(UserError, match=f"^{re.escape(said)}$"):
        parse_any_config(values, "my.yaml")


def test_old_keys_are_no_keys():
    keys = Config.model_fields
    assert not [old for old in MOVED if "." not in old and old in keys]
