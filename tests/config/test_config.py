"""The configuration: what is checked, and one clear line per mistake."""

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from neuralsampleid.config import (
    Config,
    Gnn,
    ResNetIbn,
    UpstreamConfig,
    UpstreamData,
    UpstreamEvaluation,
    parse_any_config,
    parse_config,
    read_config,
)
from neuralsampleid.errors import UserError

MINIMAL: dict[str, Any] = {
    "run": "demo",
    "data": {"kind": "demo"},
    "encoders": {"gnn": {"architecture": "gnn"}, "baseline": {"architecture": "resnet_ibn"}},
    "systems": [{"kind": "encoder", "name": "proposed", "encoder": "gnn"}],
}


def message_of(change: Callable[[dict[str, Any]], object]) -> str:
    values = copy.deepcopy(MINIMAL)
    change(values)
    with pytest.raises(UserError) as error:
        parse_config(values, "config.yaml")
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith("config.yaml: ")
    return message.removeprefix("config.yaml: ")


def put(path: str, value: object) -> Callable[[dict[str, Any]], object]:
    """A change that sets ``a.b.c``; missing levels are made."""

    def change(values: Any) -> None:
        *parents, last = path.split(".")
        for part in parents:
            values = values[int(part)] if isinstance(values, list) else values.setdefault(part, {})
        values[last] = value

    return change


def test_a_minimal_configuration():
    config = parse_config(MINIMAL, "config.yaml")
    assert isinstance(config.encoders["gnn"], Gnn)
    assert isinstance(config.encoders["baseline"], ResNetIbn)
    assert config.data.kind == "demo"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (put("epochs", 3), "epochs: unknown key"),
        (put("data.foo", 3), "data.foo: unknown key"),
        (put("rerankers.reranker.head", 3), "rerankers.reranker.head: unknown key"),
        (put("encoders.gnn.front_end.hop", 3), "encoders.gnn.front_end.hop: unknown key"),
        (put("systems.0.graph", "x"), "systems.0.graph: unknown key"),
        (
            put("systems", [{"kind": "landmarks", "name": "peaks", "encoder": "gnn"}]),
            "systems.0.encoder: unknown key",
        ),
        (
            put("encoders.gnn.training.loss", {"kind": "nt_xent", "tau": 1.0}),
            "encoders.gnn.training.loss.tau: unknown key",
        ),
    ],
)
def test_unknown_keys(change: Callable, expected: str):
    assert message_of(change) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (put("seed", 1.0), "seed: input should be a valid integer, found 1.0"),
        (put("seed", True), "seed: input should be a valid integer, found True"),
        (put("seed", -1), "seed: input should be greater than or equal to 0, found -1"),
        (put("run", "Demo run"), "run: found 'Demo run', expected small letters"),
        (
            put("systems.0.reranker", "yes"),
            "configuration: system 'proposed' names re-ranker 'yes', expected one of reranker",
        ),
        (
            put("systems.0.weights", "best"),
            "systems.0.weights: input should be 'trained' or 'untrained', found 'best'",
        ),
        # YAML reads a number without a decimal point before its exponent as text.
        (
            put("rerankers.reranker.training.learning_rate", "1e-4"),
            "rerankers.reranker.training.learning_rate: input should be a valid number, found '1e-",
        ),
        (
            put("encoders.gnn.training.learning_rate", {"kind": "cosine", "initial": 0.0}),
            "encoders.gnn.training.learning_rate.initial: input should be greater than 0, found 0",
        ),
        (put("encoders.gnn.edge_dropout", 1.5), "encoders.gnn.edge_dropout: input should be less"),
        (put("encoders.gnn", None), "encoders.gnn: input should be a valid dictionary"),
        (put("encoders", {}), "encoders: dictionary should have at least 1 item"),
        (
            put("encoders.Big", {"architecture": "gnn"}),
            "encoders.Big: found 'Big', expected small",
        ),
        (
            put("systems", [{"kind": "landmarks", "name": "peaks", "way": "plain"}]),
            "systems.0.way: is gone: landmarks are searched at any pitch and tempo",
        ),
        (put("systems", []), "systems: list should have at least 1 item"),
        (put("metrics.cutoffs", [3, 1, 3]), "metrics.cutoffs: 3 stands twice"),
        (put("queries.query_seconds", [5.0, 5.0]), "queries.query_seconds: 5 stands twice"),
        (put("metrics.cutoffs", [0]), "metrics.cutoffs.0: input should be greater than 0"),
    ],
)
def test_wrong_values(change: Callable, expected: str):
    assert message_of(change).startswith(expected)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            put("systems.0.kind", "peaks"),
            "systems.0: input tag 'peaks' found using 'kind' does not",
        ),
        (lambda values: values["systems"][0].pop("kind"), "systems.0.kind: field required"),
        (
            put("data.kind", "gtzan"),
            "data: input tag 'gtzan' found using 'kind' does not match any",
        ),
        (put("data", {"kind": "catalogue"}), "data.folder: field required"),
        (put("data", {"kind": "sample100"}), "data.annotations: field required"),
        (
            put("data", {"kind": "sample100", "annotations": "a", "sound": "b"}),
            "data.sound: unknown key",
        ),
        (put("encoders.gnn.architecture", "cnn"), "encoders.gnn: input tag 'cnn' found"),
        (put("encoders.gnn.training.loss", {"kind": "x"}), "encoders.gnn.training.loss: input tag"),
        (
            put("encoders.gnn.training.learning_rate", {"kind": "steps", "warmup": 0.1}),
            "encoders.gnn.training.learning_rate.warmup: unknown key",
        ),
    ],
)
def test_union_tags(change: Callable, expected: str):
    assert message_of(change).startswith(expected)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            put("systems.0.encoder", "gnx"),
            "configuration: system 'proposed' names encoder 'gnx', expected one of gnn, baseline",
        ),
        (put("shipped", "x"), "configuration: shipped is 'x', expected one of gnn"),
        (put("scale.encoder", "x"), "configuration: scale.encoder is 'x', expected one of gnn, b"),
        (
            lambda values: values["encoders"].update(reranker=values["encoders"]["gnn"]),
            "configuration: an encoder is called 'reranker', expected another name",
        ),
        (
            lambda values: values["systems"].append(values["systems"][0]),
            "configuration: two systems bear the same name",
        ),
        (
            lambda values: values["systems"][0].update(name="oracle"),
            "configuration: two systems bear the same name; 'oracle' and 'random' are those of the "
            "bounds",
        ),
        (
            lambda values: values["systems"][0].update(encoder="baseline", reranker="reranker"),
            "configuration: system 'proposed' re-ranks encoder 'baseline', but rerankers.reranker.",
        ),
        (
            lambda values: (
                values["systems"][0].update(encoder="baseline", reranker="reranker"),
                values.update(rerankers={"reranker": {"encoder": "baseline"}}),
            ),
            "configuration: rerankers.reranker.encoder 'baseline' is not a gnn",
        ),
        (
            lambda values: (
                values["encoders"].update(ready={"architecture": "pretrained", "weights": "x.pt"}),
                values["systems"][0].update(encoder="ready", weights="untrained"),
            ),
            "configuration: system 'proposed' has untrained weights of encoder 'ready', which is",
        ),
        (
            put(
                "data",
                {"kind": "own_music", "references": "r", "queries": "q", "annotations": "a.csv"},
            ),
            "configuration: system 'proposed' needs encoder 'gnn' trained, expected data.training",
        ),
        (
            put("data", {"kind": "free_music", "training_seconds": None}),
            "configuration: system 'proposed' needs encoder 'gnn' trained, expected data.tr",
        ),
        (put("data.min_seconds", 100.0), "data: min_seconds 100.0 exceeds max_seconds"),
        (
            put("separation", {"backend": "precomputed"}),
            "separation: stems_folder is missing, which backend 'precomputed' needs",
        ),
        (put("encoders.gnn.blocks", [1]), "encoders.gnn: blocks has 1 stages and channels 4"),
        (
            put("encoders.gnn.patch_bins", 3),
            "encoders.gnn: patches of 3 × 4 do not tile 128 bands × 64 frames",
        ),
        (
            put("encoders.baseline.strides", [1, 1]),
            "encoders.baseline: channels, blocks and strides have 4, 4 and 2 stages",
        ),
        (
            put("encoders.gnn.training.augmentation.effects_drawn", 4),
            "encoders.gnn.training.augmentation: effects_drawn is 4, but there are 3 effects",
        ),
        (
            put("encoders.gnn.training.augmentation.gain_db_min", 11.0),
            "encoders.gnn.training.augmentation: gain_db_min 11.0 exceeds gain_db_max",
        ),
        (
            put("encoders.gnn.front_end", {"sample_rate": 8000}),
            "encoders.gnn.front_end: mel bands from 0 to 8000 Hz, expected f_min < f_max and f_max",
        ),
        (
            put("encoders.gnn.front_end", {"frames": 1}),
            "encoders.gnn.front_end: n_fft 2048 is too long for segments of 1 frames",
        ),
        (
            put("encoders.baseline.front_end", {"bins": 120}),
            "encoders.baseline.front_end: the highest of 120 bins lies at 63211 Hz, expected at",
        ),
        (
            put("peaks.sample_rate", 8000),
            "peaks: the highest of 200 bins lies at 5075 Hz, expected at most half the sample",
        ),
    ],
)
def test_contradictions(change: Callable, expected: str):
    assert message_of(change).startswith(expected)


def test_the_page_shows_a_system_with_an_encoder():
    landmarks = {"kind": "landmarks", "name": "classical"}
    values = {**MINIMAL, "systems": [landmarks, *MINIMAL["systems"]]}
    assert parse_config(values, "x.yaml").page_system == MINIMAL["systems"][0]["name"]
    with pytest.raises(UserError, match=r"page.system is 'classical', expected one of"):
        parse_config({**values, "page": {"system": "classical"}}, "x.yaml")
    assert parse_config({**values, "systems": [landmarks]}, "x.yaml").page_system is None


def test_systems_are_encoders_or_landmarks():
    rows = [*MINIMAL["systems"], {"kind": "landmarks", "name": "peaks"}]
    config = parse_config(MINIMAL | {"systems": rows}, "config.yaml")
    assert [system.name for system in config.encoder_systems] == ["proposed"]
    assert [system.name for system in config.landmark_systems] == ["peaks"]
    again = parse_config(config.model_dump(), "dump.yaml")
    assert again == config


def test_every_mistake_is_named_at_once():
    def change(values: dict[str, Any]) -> None:
        put("seed", "one")(values)
        put("index.kind", "lsh")(values)
        put("metrics.rank", 3)(values)

    parts = message_of(change).split("; ")
    assert [part.split(":")[0] for part in parts] == ["seed", "index.kind", "metrics.rank"]


@pytest.mark.parametrize("values", [None, [], 3, "text"])
def test_not_even_a_mapping(values: object):
    with pytest.raises(UserError, match=r"^c\.yaml: configuration: expected keys with values"):
        parse_config(values, "c.yaml")


def test_files(tmp_path: Path):
    path = tmp_path / "config.yaml"
    with pytest.raises(UserError, match=f"^{path}: no such configuration file$"):
        read_config(path)
    path.write_text("run: [")
    with pytest.raises(UserError, match=f"^{path}: not a YAML file"):
        read_config(path)
    path.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(UserError, match=f"^{path}: letters that are not in UTF-8"):
        read_config(path)
    path.write_text(yaml.safe_dump(MINIMAL))
    assert read_config(path) == parse_config(MINIMAL, "config.yaml")


def test_a_configuration_survives_its_own_dump():
    config = parse_config(MINIMAL, "config.yaml")
    dumped = yaml.safe_load(yaml.safe_dump(config.model_dump()))
    assert parse_config(dumped, "dump.yaml") == config


def test_a_configuration_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        parse_config(MINIMAL, "config.yaml").seed = 2


def upstream() -> dict[str, Any]:
    return yaml.safe_load((Path(__file__).parents[2] / "upstream/config.yaml").read_text())


def test_the_upstream_configuration_says_the_defaults():
    config = parse_any_config(upstream(), "upstream.yaml")
    assert isinstance(config, UpstreamConfig)
    assert config.data == UpstreamData(kind="upstream")
    assert config.evaluation == UpstreamEvaluation()
    assert [system.name for system in config.systems if system.optional] == ["baseline"]
    assert isinstance(parse_any_config(MINIMAL, "config.yaml"), Config)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("data.foldr", "x", "data.foldr: unknown key"),
        ("data.kind", "published", "data.kind: 'published' is now upstream"),
        (
            "data.ground_truth",
            "../gt.json",
            "found '../gt.json', expected the name of a file",
        ),
        ("systems.0.reranker", None, "'proposed' needs a re-ranker's weights"),
        ("systems.1.name", "proposed", "two systems bear the same name"),
        ("protocols", ["released", "released"], "two protocols bear the same name"),
        ("index", "hnsw", "index: input should be 'flat' or 'ivfpq', found 'hnsw'"),
    ],
)
def test_wrong_keys_of_the_upstream_configuration(path, value, message):
    values = upstream()
    put(path, value)(values)
    with pytest.raises(UserError, match=re.escape(message)):
        parse_any_config(values, "upstream.yaml")


@pytest.mark.parametrize("edges", [[1.0, 1.0], [2.0, 1.0], []])
def test_edges_of_conditions_ascend(edges):
    message = message_of(put("queries", {"conditions": {"tempo_ratio": edges}}))
    assert "queries.conditions.tempo_ratio: " in message


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"front_end": {"kind": "log_mel", "frams": 3}}, "encoders.own.front_end.frams: unknown"),
        ({"front_end": {"kind": "mel"}}, "encoders.own.front_end: input tag 'mel'"),
        ({"hop": 3}, "encoders.own.hop: unknown key"),
        (
            {"fingerprints": {"segment_hop": 0}},
            "encoders.own.fingerprints.segment_hop: input",
        ),
    ],
)
def test_mistakes_in_the_block_of_a_custom_encoder(change, expected):
    own = {"architecture": "custom", "file": "own.py"}
    own |= {"front_end": {"kind": "log_mel"}, **change}
    assert expected in message_of(put("encoders.own", own))
