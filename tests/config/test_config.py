"""The configuration: released defaults, one clear line per mistake, a JSON schema."""

import copy
import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from neuralsampleid.config import (
    ClassificationTriplet,
    Config,
    ConstantQ,
    Cosine,
    Evaluation,
    FmaData,
    Gnn,
    Index,
    Landmarks,
    LogMel,
    NtXent,
    Reranker,
    ResNetIbn,
    Steps,
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
    "systems": [{"name": "proposed", "encoder": "gnn"}],
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


def test_defaults_of_the_proposed_model_are_the_released_values():
    gnn = Gnn()
    assert gnn.front_end == LogMel(
        sample_rate=16000, n_fft=1024, hop_length=512, mel_bands=64, f_min=0, f_max=8000, frames=128
    )
    assert gnn.front_end.dynamic_range_db is None
    assert gnn.front_end.contrast == "extremes"
    assert gnn.segment_hop == 16
    assert (gnn.point_channels, gnn.patch_bins, gnn.patch_frames) == (8, 4, 8)
    assert gnn.channels == [64, 128, 256, 512]
    assert gnn.blocks == [2, 2, 6, 2]
    assert (gnn.neighbours, gnn.max_dilation, gnn.edge_dropout, gnn.drop_path) == (5, 3, 0.2, 0.1)
    assert (gnn.feature_size, gnn.projection_size, gnn.embedding_size) == (1024, 4096, 128)
    training = gnn.training
    assert (training.epochs, training.batch_pairs, training.gradient_clip) == (400, 256, 1.0)
    assert training.loss == NtXent(temperature=0.05)
    assert training.learning_rate == Cosine(initial=8e-5, final=7e-7, warmup=0.0)
    pairs, changes = training.pairs, training.augmentation
    assert (pairs.sampled, pairs.rest, pairs.reference) == ("all_but_one", "same_song", "sampled")
    assert pairs.jitter_s == 0.25
    assert changes.effects == ["gain"]
    assert (changes.gain_db_min, changes.gain_db_max) == (-10, 10)
    assert changes.changes == ["pitch", "tempo"]
    assert (changes.pitch_semitones, changes.tempo_min, changes.tempo_max) == (3, 0.7, 1.5)
    assert changes.curriculum == 0.0


def test_defaults_of_the_baseline_are_the_released_values():
    baseline = ResNetIbn()
    assert baseline.front_end == ConstantQ(
        sample_rate=22050, hop_length=512, f_min=32.70, bins=84, bins_per_octave=12, frames=216
    )
    assert not baseline.front_end.log_magnitude
    assert (baseline.segment_hop, baseline.stem_channels) == (108, 64)
    assert baseline.channels == [128, 256, 512, 1024]
    assert (baseline.blocks, baseline.strides) == ([2, 2, 2, 2], [1, 1, 2, 2])
    assert baseline.embedding_size == 2048
    training = baseline.training
    assert (training.epochs, training.batch_pairs) == (120, 512)
    assert training.learning_rate == Steps(initial=1e-4, factor=0.2, every=40)
    assert isinstance(training.loss, ClassificationTriplet)
    assert training.loss.triplet == "described"
    assert training.augmentation.effects == ["equaliser", "compressor", "gain"]
    assert training.augmentation.changes == ["pitch", "tempo", "frames"]


def test_defaults_of_the_reranker_and_the_evaluation_are_the_released_values():
    reranker = Reranker()
    assert (reranker.heads, reranker.hidden_size, reranker.dropout) == (4, 128, 0.3)
    assert (reranker.epochs, reranker.batch_pairs, reranker.negatives) == (5, 32, 3)
    assert (reranker.learning_rate, reranker.candidates) == (1e-4, 5)
    config = parse_config(MINIMAL, "config.yaml")
    index = config.index
    assert (index.kind, index.lists, index.subquantizers, index.bits) == ("ivfpq", 64, 64, 8)
    assert (index.probes, index.candidates) == (20, 20)
    assert config.evaluation.query_seconds == [5, 7, 10, 15, 20]
    assert config.evaluation.cutoffs == [1, 3, 10]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (put("epochs", 3), "epochs: unknown key"),
        (put("data.foo", 3), "data.foo: unknown key"),
        (put("reranker.lerning_rate", 1e-3), "reranker.lerning_rate: unknown key"),
        (put("encoders.gnn.front_end.hop", 3), "encoders.gnn.front_end.hop: unknown key"),
        (put("systems.0.graph", "x"), "systems.0.graph: unknown key"),
        (
            put("systems", [{"name": "peaks", "landmarks": "plain", "encoder": "gnn"}]),
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
        (put("run", "Demo run"), "run: string should match pattern"),
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
            put("reranker.learning_rate", "1e-4"),
            "reranker.learning_rate: input should be a valid number, found '1e-4'",
        ),
        (
            put("encoders.gnn.training.learning_rate", {"kind": "cosine", "initial": 0.0}),
            "encoders.gnn.training.learning_rate.initial: input should be greater than 0, found 0",
        ),
        (put("encoders.gnn.edge_dropout", 1.5), "encoders.gnn.edge_dropout: input should be less"),
        (put("encoders.gnn", None), "encoders.gnn: input should be a valid dictionary"),
        (put("encoders", {}), "encoders: dictionary should have at least 1 item"),
        (put("encoders.Big", {"architecture": "gnn"}), "encoders.Big: string should match pattern"),
        (
            put("systems", [{"name": "peaks", "landmarks": "wide"}]),
            "systems.0.landmarks: input should be 'plain', 'searched' or 'passages', found 'wide'",
        ),
        (put("systems", []), "systems: list should have at least 1 item"),
        (put("evaluation.cutoffs", [3, 1, 3]), "evaluation.cutoffs: 3 stands twice"),
        (put("evaluation.query_seconds", [5.0, 5.0]), "evaluation.query_seconds: 5 stands twice"),
        (put("evaluation.cutoffs", [0]), "evaluation.cutoffs.0: input should be greater than 0"),
    ],
)
def test_wrong_values(change: Callable, expected: str):
    assert message_of(change).startswith(expected)


@pytest.mark.parametrize("key", ["run", "data", "encoders", "systems"])
def test_missing_keys(key: str):
    assert message_of(lambda values: values.pop(key)) == f"{key}: field required"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (put("data", {}), "data: unable to extract tag using discriminator 'kind'"),
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
        (
            lambda values: values["encoders"].update(reranker=values["encoders"]["gnn"]),
            "configuration: an encoder is called 'reranker', expected another name",
        ),
        (
            lambda values: values["systems"].append(values["systems"][0]),
            "configuration: two systems bear the same name",
        ),
        (
            lambda values: values["systems"][0].update(encoder="baseline", reranker=True),
            "configuration: system 'proposed' re-ranks encoder 'baseline', but reranker.encoder",
        ),
        (
            lambda values: (
                values["systems"][0].update(encoder="baseline", reranker=True),
                values.update(reranker={"encoder": "baseline"}),
            ),
            "configuration: reranker.encoder 'baseline' is not a gnn",
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
        (put("data.min_seconds", 100.0), "data: min_seconds 100.0 exceeds max_seconds"),
        (
            put("separation", {"backend": "precomputed"}),
            "separation: stems_folder is missing, which backend 'precomputed' needs",
        ),
        (put("encoders.gnn.blocks", [1]), "encoders.gnn: blocks has 1 stages and channels 4"),
        (
            put("encoders.gnn.patch_bins", 3),
            "encoders.gnn: patches of 3 × 8 do not tile 64 bands × 128 frames",
        ),
        (
            put("encoders.baseline.strides", [1, 1]),
            "encoders.baseline: channels, blocks and strides have 4, 4 and 2 stages",
        ),
        (
            put("encoders.gnn.training.augmentation.effects_drawn", 2),
            "encoders.gnn.training.augmentation: effects_drawn is 2, but there are 1 effects",
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
            "encoders.gnn.front_end: n_fft 1024 is too long for segments of 1 frames",
        ),
        (
            put("encoders.baseline.front_end", {"bins": 120}),
            "encoders.baseline.front_end: the highest of 120 bins lies at 31605 Hz, expected at",
        ),
        (
            put("landmarks.sample_rate", 8000),
            "landmarks: the highest of 200 bins lies at 5075 Hz, expected at most half the sample",
        ),
    ],
)
def test_contradictions(change: Callable, expected: str):
    assert message_of(change).startswith(expected)


def test_the_page_shows_a_system_with_an_encoder():
    landmarks = {"name": "classical", "landmarks": "plain"}
    values = {**MINIMAL, "systems": [landmarks, *MINIMAL["systems"]]}
    assert parse_config(values, "x.yaml").page_system == MINIMAL["systems"][0]["name"]
    with pytest.raises(UserError, match=r"report.system is 'classical', expected one of"):
        parse_config({**values, "report": {"system": "classical"}}, "x.yaml")
    assert parse_config({**values, "systems": [landmarks]}, "x.yaml").page_system is None


def test_systems_are_encoders_or_landmarks():
    rows = [*MINIMAL["systems"], {"name": "peaks", "landmarks": "searched"}]
    config = parse_config(MINIMAL | {"systems": rows}, "config.yaml")
    assert [system.name for system in config.encoder_systems] == ["proposed"]
    assert [system.name for system in config.landmark_systems] == ["peaks"]
    again = parse_config(config.model_dump(), "dump.yaml")
    assert again == config


def test_systems_may_join_others():
    both = {"name": "both", "fuse": ["proposed", "peaks"]}
    rows = [*MINIMAL["systems"], {"name": "peaks", "landmarks": "plain"}, both]
    config = parse_config(MINIMAL | {"systems": rows}, "config.yaml")
    assert [system.name for system in config.fused_systems] == ["both"]
    assert [system.name for system in config.encoder_systems] == ["proposed"]
    assert parse_config(config.model_dump(), "dump.yaml") == config
    for fused, expected in (
        (["proposed", "both"], "system 'both' fuses 'both', expected one of proposed, peaks"),
        (["peaks", "peaks"], "system 'both' fuses a system twice"),
        (["peaks"], "at least 2"),
    ):
        changed = [*rows[:-1], both | {"fuse": fused}]
        with pytest.raises(UserError, match=expected):
            parse_config(MINIMAL | {"systems": changed}, "x.yaml")


def test_the_tempi_of_a_search():
    stretches = Landmarks(tempo_min=0.8, tempo_max=1.25, tempo_step=0.02).stretches
    assert stretches[0] == 1.0
    assert 0.8 <= min(stretches) < 0.82
    assert 1.225 < max(stretches) <= 1.25
    ordered = sorted(stretches)
    ratios = [later / earlier for earlier, later in pairwise(ordered)]
    assert ratios == pytest.approx([1.02] * len(ratios))


def test_every_mistake_is_named_at_once():
    def change(values: dict[str, Any]) -> None:
        put("seed", "one")(values)
        put("index.kind", "lsh")(values)
        put("evaluation.rank", 3)(values)

    parts = message_of(change).split("; ")
    assert [part.split(":")[0] for part in parts] == ["seed", "index.kind", "evaluation.rank"]


@pytest.mark.parametrize("values", [None, [], 3, "text"])
def test_not_even_a_mapping(values: object):
    with pytest.raises(UserError, match=r"^c\.yaml: configuration: input should be a valid dict"):
        parse_config(values, "c.yaml")


def test_files(tmp_path: Path):
    path = tmp_path / "config.yaml"
    with pytest.raises(UserError, match=f"^{path}: no such configuration file$"):
        read_config(path)
    path.write_text("run: [")
    with pytest.raises(UserError, match=f"^{path}: not a YAML file"):
        read_config(path)
    path.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(UserError, match=f"^{path}: not a YAML file"):
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


def test_the_json_schema_knows_the_keys():
    schema = Config.model_json_schema()
    assert json.loads(json.dumps(schema)) == schema
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["run", "data", "encoders", "systems"]
    assert set(schema["$defs"]["Gnn"]["properties"]) == set(Gnn.model_fields)
    assert schema["$defs"]["Gnn"]["properties"]["embedding_size"]["default"] == 128


def published() -> dict[str, Any]:
    return yaml.safe_load((Path(__file__).parents[2] / "upstream/config.yaml").read_text())


def test_the_published_configuration_says_the_defaults():
    config = parse_any_config(published(), "published.yaml")
    assert isinstance(config, UpstreamConfig)
    assert config.data == UpstreamData(kind="upstream")
    assert config.evaluation == UpstreamEvaluation()
    assert [system.name for system in config.systems if system.optional] == ["baseline"]
    assert isinstance(parse_any_config(MINIMAL, "config.yaml"), Config)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("data.foldr", "x", "data.foldr: unknown key"),
        ("data.ground_truth", "../gt.json", "data.ground_truth: string should match pattern"),
        ("systems.0.reranker", None, "'proposed' needs a re-ranker's weights"),
        ("systems.1.name", "proposed", "two systems bear the same name"),
        ("protocols", ["released", "released"], "two protocols bear the same name"),
        ("index", "hnsw", "index: input should be 'flat' or 'ivfpq', found 'hnsw'"),
    ],
)
def test_wrong_keys_of_the_published_configuration(path, value, message):
    values = published()
    put(path, value)(values)
    with pytest.raises(UserError, match=re.escape(message)):
        parse_any_config(values, "published.yaml")


def test_the_papers_run_has_the_released_values():
    config = read_config(Path(__file__).parents[2] / "config/paper.yaml")
    assert config.encoders == {"gnn": Gnn(), "resnet_ibn": ResNetIbn()}
    assert config.reranker == Reranker()
    assert config.index == Index()
    assert config.evaluation == Evaluation()
    assert (config.separation.backend, config.separation.model) == ("htdemucs", "htdemucs")
    assert isinstance(config.data, FmaData)
    assert config.data.subset == "medium"


def test_the_papers_run_writes_out_every_released_value_of_the_models():
    """Defaults that are this project's own, or that nobody published, may stay unsaid."""
    unsaid = {"graph_backend", "neighbour_order", "dynamic_range_db", "log_magnitude"}
    values = yaml.safe_load((Path(__file__).parents[2] / "config/paper.yaml").read_text())
    for name, model in (("gnn", Gnn), ("resnet_ibn", ResNetIbn)):
        said = values["encoders"][name]
        assert set(model.model_fields) - unsaid == set(said) - unsaid
        front_end = model.model_fields["front_end"].default
        assert set(type(front_end).model_fields) - unsaid == set(said["front_end"]) - unsaid


@pytest.mark.parametrize("edges", [[1.0, 1.0], [2.0, 1.0], []])
def test_edges_of_conditions_ascend(edges):
    message = message_of(put("evaluation", {"conditions": {"tempo_ratio": edges}}))
    assert "evaluation.conditions.tempo_ratio: " in message


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"front_end": {"kind": "log_mel", "frams": 3}}, "encoders.own.front_end.frams: unknown"),
        ({"front_end": {"kind": "mel"}}, "encoders.own.front_end: input tag 'mel'"),
        ({"hop": 3}, "encoders.own.hop: unknown key"),
        ({"segment_hop": 0}, "encoders.own.segment_hop: input should be greater than 0"),
    ],
)
def test_mistakes_in_the_block_of_a_custom_encoder(change, expected):
    own = {"architecture": "custom", "file": "own.py", "segment_hop": 8}
    own |= {"front_end": {"kind": "log_mel"}, **change}
    assert expected in message_of(put("encoders.own", own))
