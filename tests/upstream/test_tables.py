"""Groups and averages of published fingerprints, on answers that can be counted by hand."""

import json
import logging
import math

import pandas as pd
import pytest

from helpers.sample100 import SHARED, write_annotations
from neuralsampleid.config import UpstreamEvaluation
from neuralsampleid.upstream.groups import QUERY_COLUMNS, SUBSETS
from neuralsampleid.upstream.protocol import Answers, SegmentAnswer, TrackAnswer
from neuralsampleid.upstream.tables import (
    PER_QUERY_COLUMNS,
    UPSTREAM_METRICS,
    QueryGroups,
    per_query,
    read_groups,
    summarise,
)

INDEX = pd.DataFrame(
    [
        ("S1", "Q1", "R1", 0.0, 9.0),
        ("S1", "Q1", "R1", 20.0, 29.0),
        ("S2", "Q2", "R2", 0.0, 5.0),
        ("S3", "Q2", "R1", 7.0, 9.0),
    ],
    columns=list(QUERY_COLUMNS),
)
GROUPED = {"riff": INDEX.iloc[:3], "beat": INDEX.iloc[3:], "interpolated": INDEX.iloc[[1, 2]]}
OCCURRENCES = {"Q1_0": "Q1", "Q1_1": "Q1", "Q2_2": "Q2", "Q2_3": "Q2"}
JUDGED = Answers(
    (2, 2, 6),
    (
        *(SegmentAnswer("Q1_0", "Q1", 2, 1), SegmentAnswer("Q1_0", "Q1", 6, 4)),
        *(SegmentAnswer("Q1_1", "Q1", 2, 3), SegmentAnswer("Q2_2", "Q2", 2, None)),
        SegmentAnswer("Q2_3", "Q2", 2, 2),
    ),
    (TrackAnswer("Q1", 1.0, ("R1",)), TrackAnswer("Q2", 0.25, ("X", "R2"))),
)
SECONDS = {5.0: 2, 7.5: 2, 10.0: 6, 15.0: 12}
SETTINGS = UpstreamEvaluation(query_seconds=list(SECONDS), cutoffs=[1, 3], resamples=50)


def test_an_occurrence_has_the_groups_of_its_row():
    groups = QueryGroups(GROUPED, INDEX).of_occurrences(OCCURRENCES)
    assert groups == {
        "Q1_0": {"riff"},
        "Q1_1": {"riff", "interpolated"},
        "Q2_2": {"riff", "interpolated"},
        "Q2_3": {"beat"},
    }


def test_a_track_of_both_types_is_of_neither():
    groups = QueryGroups(GROUPED, INDEX).of_tracks(["Q1", "Q2", "Q3"])
    assert groups == {"Q1": {"riff", "interpolated"}, "Q2": {"interpolated"}, "Q3": set()}


@pytest.mark.parametrize("index", [None, INDEX.iloc[::-1], INDEX.iloc[:2]])
def test_without_its_list_an_occurrence_has_the_groups_of_its_track(index, caplog):
    caplog.set_level(logging.WARNING)
    groups = QueryGroups(GROUPED, index).of_occurrences(OCCURRENCES)
    assert groups["Q1_0"] == {"riff", "interpolated"}
    assert groups["Q2_3"] == {"interpolated"}
    assert ("have the groups of their tracks" in caplog.text) == (index is not None)


def test_groups_from_annotations_or_lists(tmp_path):
    folder = write_annotations(tmp_path / "ext")
    released = tmp_path / "riff_query_type.json"
    row = {"sample_id": "A1", "query_file": "Q1", "ref_file": "R1", "start_time": 1, "end_time": 4}
    released.write_text(json.dumps([row]))
    own = tmp_path / "own.json"
    own.write_text(json.dumps([{**row, "sample_id": "A9"}]))
    names = {"riff": released.name, "interpolated": "yes_interpolation.json", "mine": own.name}
    lists = {released.name: released, own.name: own}
    groups = read_groups(names, lists, None, folder)
    assert {name: set(rows["sample_id"]) for name, rows in groups.subsets.items()} == {
        "riff": {"A1", "A4"},
        "interpolated": {"A3", "A4"},
        "mine": {"A9"},
    }
    assert groups.index is not None
    groups = read_groups(names, lists, None)
    assert {name: set(rows["sample_id"]) for name, rows in groups.subsets.items()} == {
        "riff": {"A1"},
        "mine": {"A9"},
    }
    assert groups.index is None


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared, which is not public")
def test_the_annotations_add_the_doubted_relations_to_the_groups():
    names = {name: f"{name}.json" for name in SUBSETS}
    lists = {file: SHARED / "released" / file for file in names.values()}
    index = SHARED / "released/sample100_query_index.json"
    released = read_groups(names, lists, index).subsets
    corrected = read_groups(names, lists, index, SHARED / "sample100-ext").subsets
    more = {}
    for name in names:
        ours, theirs = (set(rows["sample_id"]) for rows in (corrected[name], released[name]))
        assert theirs <= ours
        more[name] = ours - theirs
    assert more == {
        "beat_query_type": set(),
        "riff_query_type": {"S084", "S123"},
        "no_interpolation": {"S084"},
        "yes_interpolation": {"S123"},
    }


def test_a_row_per_track_and_per_occurrence_and_length():
    answers = per_query(JUDGED, "corrected", SECONDS, QueryGroups(GROUPED, INDEX))
    assert list(answers) == list(PER_QUERY_COLUMNS)
    assert (answers["protocol"] == "corrected").all()
    tracks = answers[answers["task"] == "full_track"]
    assert tracks[["query_id", "ap", "groups"]].values.tolist() == [
        ["Q1", 1.0, "interpolated|riff"],
        ["Q2", 0.25, "interpolated"],
    ]
    counts = answers["query_seconds"].value_counts().to_dict()
    assert counts == {5.0: 4, 7.5: 4, 10.0: 1}  # two lengths may be the same number of segments


def test_averages_with_their_numbers_of_queries():
    answers = per_query(JUDGED, "corrected", SECONDS, QueryGroups(GROUPED, INDEX))
    groups = ["riff", "beat", "interpolated", "not_interpolated"]
    metrics = summarise(answers, "proposed", "corrected", groups, SETTINGS, seed=1)
    assert list(metrics) == list(UPSTREAM_METRICS)
    assert set(metrics["protocol"]) == {"corrected"}
    assert len(metrics) == 5 * (1 + 4 * 2)

    def row(metric, group, k=None, seconds=None):
        chosen = metrics[(metrics["metric"] == metric) & (metrics["group"] == group)]
        if k is not None:
            chosen = chosen[(chosen["k"] == k) & (chosen["query_seconds"] == seconds)]
        (found,) = chosen.itertuples(index=False)
        return found.value, found.queries

    assert row("map", "all") == (0.625, 2)
    assert row("map", "riff") == (1.0, 1)
    assert row("hit_rate", "all", 1, 5) == (0.25, 4)
    assert row("hit_rate", "all", 3, 7.5) == (0.75, 4)
    assert row("hit_rate", "riff", 3, 5) == (round(2 / 3, 6), 3)
    assert row("hit_rate", "beat", 1, 5) == (0.0, 1)
    assert row("hit_rate", "all", 3, 10) == (0.0, 1)
    for nothing in (row("map", "beat"), row("hit_rate", "all", 1, 15)):
        assert math.isnan(nothing[0])
        assert nothing[1] == 0
