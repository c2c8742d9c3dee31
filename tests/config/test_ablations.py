"""Ablations in the configuration: what rows change, what they share, and how mistakes are named."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest

from neuralsampleid.config import ablation_run, parse_config, read_config
from neuralsampleid.errors import UserError

VALUES: dict[str, Any] = {
    "run": "mine",
    "seed": 9,
    "device": "cuda",
    "data": {"kind": "demo", "queries": 5},
    "separation": {"backend": "hpss"},
    "encoders": {
        "gnn": {"architecture": "gnn", "neighbours": 4, "training": {"epochs": 7}},
        "other": {"architecture": "resnet_ibn"},
    },
    "rerankers": {"reranker": {"encoder": "gnn", "training": {"epochs": 3}}},
    "systems": [
        {"kind": "encoder", "name": "best", "encoder": "gnn", "reranker": "reranker"},
        {"kind": "encoder", "name": "plain", "encoder": "other"},
    ],
    "ablations": {
        "system": "best",
        "seeds": [4, 6],
        "rows": {
            "bypassed": {"encoder": {"graph": "bypassed"}},
            "no_reranker": {"reranker": False},
            "released_miner": {"reranker": {"training": {"mining": "released"}}},
            "same_after_all": {"encoder": {"neighbours": 4}},
            "jittered": {"encoder": {"training": {"pairs": {"jitter_s": 0.5}}}},
        },
    },
}


def configured(**ablations: Any) -> dict[str, Any]:
    values = copy.deepcopy(VALUES)
    values["ablations"].update(ablations)
    return values


def test_rows_are_systems_that_share_what_does_not_differ():
    run = parse_config(ablation_run(parse_config(VALUES, "my.yaml"), 4), "made.yaml")
    assert (run.run, run.seed, run.device) == ("mine_ablations_4", 4, "cuda")
    assert (run.data.queries, run.separation.backend, run.ablations) == (5, "hpss", None)
    rows = {system.name: (system.encoder, system.reranker) for system in run.systems}
    assert rows == {
        "best": ("best", "reranker_of_best"),
        "bypassed": ("bypassed", "reranker_of_bypassed"),
        "no_reranker": ("best", None),
        "released_miner": ("best", "reranker_of_released_miner"),
        "same_after_all": ("best", "reranker_of_best"),
        "jittered": ("jittered", "reranker_of_jittered"),
    }
    assert list(run.encoders) == ["best", "bypassed", "jittered"]
    assert {rank for _, rank in rows.values() if rank} <= set(run.rerankers)


def test_a_row_changes_what_it_says_and_nothing_else():
    config = parse_config(VALUES, "my.yaml")
    run = parse_config(ablation_run(config, 4), "made.yaml")
    original = config.encoders["gnn"]
    assert run.encoders["best"] == original
    assert run.encoders["bypassed"] == original.model_copy(update={"graph": "bypassed"})
    training = run.encoders["jittered"].training
    assert (training.epochs, training.pairs.jitter_s) == (7, 0.5)
    miner = run.rerankers["reranker_of_released_miner"]
    training = miner.training
    assert (miner.encoder, training.mining, training.epochs) == ("best", "released", 3)
    assert run.rerankers["reranker_of_jittered"].encoder == "jittered"


def test_a_system_without_a_reranker_may_get_one():
    values = configured(rows={"reranked": {"reranker": "reranker"}, "alike": {}})
    del values["systems"][0]["reranker"]
    run = ablation_run(parse_config(values, "my.yaml"), 4)
    ranked = {row["name"]: row["reranker"] for row in run["systems"]}
    assert ranked == {"best": None, "reranked": "reranker_of_reranked", "alike": None}
    values["ablations"]["rows"]["reranked"] = {"reranker": {"heads": 2}}
    with pytest.raises(UserError, match="changes the re-ranker of 'best', which has none"):
        parse_config(values, "my.yaml")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"r": {"encodr": {}}}, "ablations.rows.r.encodr: unknown key"),
        ({"r": {"encoder": {"grph": 1}}}, "ablations.rows.r.encoder.grph: unknown key"),
        (
            {"r": {"encoder": {"training": {"pairs": {"rest": "no"}}}}},
            "ablations.rows.r.encoder.training.pairs.rest: input should be 'same_song', 'other_so",
        ),
        (
            {"r": {"reranker": {"training": {"mining": "best"}}}},
            "ablations.rows.r.reranker.training.mining: input should be 'corrected' or 'released'",
        ),
        ({"r": {"encoder": {"blocks": [1]}}}, "ablations.rows.r.encoder: blocks has 1 stages"),
        ({"best": {}}, "configuration: ablations.rows.best bears the name of the system"),
        ({}, "ablations.rows: dictionary should have at least 1 item"),
    ],
)
def test_mistakes_in_rows_are_named_where_they_stand(rows: dict[str, Any], message: str):
    with pytest.raises(UserError, match=rf"^my\.yaml: {re.escape(message)}") as raised:
        parse_config(configured(rows=rows), "my.yaml")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("seeds", [1, 1], "ablations.seeds: 1 stands twice, expected each value once"),
        ("system", "x", "configuration: ablations.system is 'x', expected one of best, plain"),
    ],
)
def test_other_mistakes(key: str, value: object, message: str):
    with pytest.raises(UserError, match=rf"^my\.yaml: {re.escape(message)}"):
        parse_config(configured(**{key: value}), "my.yaml")


@pytest.mark.parametrize(
    ("rerankers", "named", "message"),
    [
        ({"gnn": {}}, "gnn", "an encoder is called 'gnn', expected another name"),
        ({"second": {"encoder": "other"}}, "second", "rerankers.second.encoder is 'other'"),
        ({}, "third", "names re-ranker 'third', expected one of reranker"),
    ],
)
def test_names_of_several_rerankers(rerankers: dict[str, Any], named: object, message: str):
    values = {**configured(), "rerankers": rerankers}
    values["systems"][0]["reranker"] = named
    with pytest.raises(UserError, match=re.escape(message)):
        parse_config(values, "my.yaml")


def test_ready_weights_have_no_ablations():
    values = configured(system="plain")
    values["encoders"]["other"] = {"architecture": "pretrained", "weights": "shipped"}
    with pytest.raises(UserError, match="'plain' has encoder 'other', which is pretrained"):
        parse_config(values, "my.yaml")


def test_the_demos_ablations_train_few_encoders():
    config = read_config(Path(__file__).parents[2] / "config/ablations.yaml")
    run = parse_config(ablation_run(config, 1), "made.yaml")
    assert len(run.encoders) <= 5
    assert config.ablations.seeds == [1, 2, 3]
    assert [system.name for system in run.systems] == ["proposed", *config.ablations.rows]
