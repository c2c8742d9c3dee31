"""Upstream's lists against what the annotations give; every difference has its reason."""

import json
from pathlib import Path

import pandas as pd
import pytest

from helpers.sample100 import SHARED, write_annotations
from neuralsampleid.catalogue.tables import ABSENCE
from neuralsampleid.datasets.sample100_annotations import (
    IMPLIED,
    Annotations,
    presences,
    read_annotations,
)
from neuralsampleid.errors import UserError
from neuralsampleid.upstream.groups import (
    MIN_QUERY_S,
    QUERY_COLUMNS,
    SUBSETS,
    read_queries,
    segment_queries,
    subset,
)

# In the list of queries, but in none of the four subsets.
DOUBTED = {
    "S084": "the annotators ask whether the reference's notes are the sample's",
    "S123": "the annotators think it was recorded anew and advise to leave it out",
}
real_data = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the maintainers' copy of Sample100-ext is absent"
)


def ground_truth(annotations: Annotations) -> dict[str, list[str]]:
    """Reference → the query of each of its relations, as in ``gt_dict.json``.

    Relations without intervals count; a query that samples a reference twice is named twice.
    """
    truth: dict[str, list[str]] = {}
    for row in annotations.relations.itertuples(index=False):
        truth.setdefault(row.reference_id, []).append(row.query_id)
    return truth


def explain_queries(annotations: Annotations, released: pd.DataFrame) -> pd.DataFrame:
    """How the released queries differ from the annotated intervals, with the reason for each.

    Args:
        annotations: all of them.
        released: ``QUERY_COLUMNS``.

    Returns:
        ``QUERY_COLUMNS``, where (annotated or released: where the row stands alone) and reason,
        empty where none is known.
    """
    tracks = annotations.relations[["sample_id", "query_id", "reference_id"]]
    query_side = annotations.intervals[annotations.intervals["side"] == "query"]
    annotated = query_side.merge(tracks, on="sample_id", how="left")
    implied = presences(annotations.intervals).query("type == @kind", local_dict={"kind": IMPLIED})
    between = {(row.sample_id, row.start_s, row.end_s) for row in implied.itertuples(index=False)}
    rows: list[tuple[object, ...]] = []
    asked, marked = keys_of(released), keys_of(annotated)
    asked_set, marked_set = set(asked), set(marked)
    for key, kind in zip(marked, annotated["type"], strict=True):
        if key not in asked_set:
            short = key[4] - key[3] < MIN_QUERY_S
            reason = "absence" if kind == ABSENCE else "shorter than 1 s" if short else ""
            rows.append((*key, "annotated", reason))
    for key in asked:
        if key not in marked_set:
            reason = "implied between absences" if (key[0], *key[3:]) in between else ""
            rows.append((*key, "released", reason))
    return pd.DataFrame(rows, columns=[*QUERY_COLUMNS, "where", "reason"])


def explain_subset(annotations: Annotations, name: str, released: pd.DataFrame) -> pd.DataFrame:
    """How a released subset differs from the queries that belong into it.

    Returns:
        ``QUERY_COLUMNS``, where (derived or released: where the row stands alone) and reason, empty
        where none is known.
    """
    derived, found = keys_of(subset(annotations, name)), keys_of(released)
    derived_set, found_set = set(derived), set(found)
    rows = [(*key, "derived", DOUBTED.get(key[0], "")) for key in derived if key not in found_set]
    rows += [(*key, "released", "") for key in found if key not in derived_set]
    return pd.DataFrame(rows, columns=[*QUERY_COLUMNS, "where", "reason"])


def keys_of(queries: pd.DataFrame) -> list[tuple[str, str, str, float, float]]:
    """Rows to compare; both sides read their times from the same digits, so equality is exact."""
    return list(queries[list(QUERY_COLUMNS)].itertuples(index=False, name=None))


@pytest.fixture
def example(tmp_path: Path) -> Annotations:
    return read_annotations(write_annotations(tmp_path))


def spans(queries: pd.DataFrame) -> list[tuple]:
    return list(queries[["sample_id", "start_s", "end_s"]].itertuples(index=False, name=None))


def test_a_query_is_every_presence_of_a_second(example: Annotations):
    assert spans(segment_queries(example)) == [
        ("A1", 1.0, 4.0),
        ("A1", 5.0, 9.0),
        ("A1", 10.0, 12.0),
        ("A2", 0.0, 6.0),
        ("A2", 20.2, 22.0),
        ("A2", 22.0, 30.0),
        ("A3", 5.0, 8.0),
        ("A4", 7.0, 12.0),
        ("A4", 12.0, 100.0),
    ]


def test_ground_truth_counts_every_relation(example: Annotations):
    assert ground_truth(example) == {"R1": ["Q1", "Q2", "Q3"], "R2": ["Q2", "Q3"]}


def test_subsets_go_by_the_relations_values(example: Annotations):
    names = {name: set(subset(example, name)["sample_id"]) for name in SUBSETS}
    assert names == {
        "beat_query_type": {"A2"},
        "riff_query_type": {"A1", "A4"},
        "no_interpolation": {"A1", "A2"},
        "yes_interpolation": {"A3", "A4"},
    }


def reasons(differences: pd.DataFrame) -> dict[tuple, int]:
    return differences.groupby(["where", "reason"]).size().to_dict()


def test_every_kind_of_difference_is_classified(example: Annotations):
    queries = segment_queries(example)
    assert reasons(explain_queries(example, queries)) == {
        ("annotated", "absence"): 5,
        ("annotated", "shorter than 1 s"): 1,
        ("released", "implied between absences"): 3,
    }


def test_what_has_no_reason_is_not_explained_away(example: Annotations):
    queries = segment_queries(example)
    moved = queries.assign(start_s=queries["start_s"].where(queries.index != 1, 5.25))
    unexplained = explain_queries(example, moved).query("reason == ''")
    assert spans(unexplained) == [("A1", 5.0, 9.0), ("A1", 5.25, 9.0)]
    fewer = subset(example, "riff_query_type").iloc[1:]
    lost = explain_subset(example, "riff_query_type", fewer)
    assert lost[["sample_id", "where", "reason"]].to_numpy().tolist() == [["A1", "derived", ""]]
    more = pd.concat([subset(example, "riff_query_type"), subset(example, "beat_query_type")])
    assert set(explain_subset(example, "riff_query_type", more)["where"]) == {"released"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "no such file, expected an upstream list of queries"),
        ("[", "not JSON"),
        ("{}", "holds a dict, expected an upstream list of queries"),
        ("[3]", "query 1 lacks 'sample_id'"),
        ('[{"sample_id": "S001"}]', "query 1 lacks 'query_file'"),
    ],
)
def test_other_files(content: str | None, expected: str, tmp_path: Path):
    path = tmp_path / "index.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError) as error:
        read_queries(path)
    assert str(error.value).startswith(f"{path}: {expected}")


@pytest.fixture(scope="module")
def annotations() -> Annotations:
    return read_annotations(SHARED / "sample100-ext")


def released(name: str) -> pd.DataFrame:
    return read_queries(SHARED / "released" / f"{name}.json")


@real_data
def test_the_released_queries_are_those_derived(annotations: Annotations):
    queries, theirs = segment_queries(annotations), released("sample100_query_index")
    assert len(theirs) == 971
    # Theirs ends with the rows of S028.
    order = theirs.assign(last=theirs["sample_id"] == "S028").index[theirs["sample_id"] == "S028"]
    assert order.tolist() == list(range(971 - len(order), 971))
    ours = queries.sort_values(list(QUERY_COLUMNS), ignore_index=True)
    pd.testing.assert_frame_equal(
        ours, theirs.sort_values(list(QUERY_COLUMNS), ignore_index=True), check_exact=True
    )


@real_data
def test_every_difference_from_the_annotated_intervals_is_explained(annotations: Annotations):
    differences = explain_queries(annotations, released("sample100_query_index"))
    assert reasons(differences) == {
        ("annotated", "absence"): 327,
        ("annotated", "shorter than 1 s"): 43,
        ("released", "implied between absences"): 303,
    }
    # Relations that nothing is asked about: no file, or only intervals below a second.
    asked = set(released("sample100_query_index")["sample_id"])
    silent = set(annotations.relations["sample_id"]) - asked
    assert silent == {*annotations.unannotated(), "S082"}
    s082 = annotations.intervals.query("sample_id == 'S082' and side == 'query'")
    assert (s082["end_s"] - s082["start_s"]).max() < 1.0


@real_data
def test_the_released_ground_truth_is_that_derived(annotations: Annotations):
    theirs = json.loads((SHARED / "released" / "gt_dict.json").read_text())
    assert ground_truth(annotations) == theirs
    assert sum(map(len, theirs.values())) == 106


@real_data
@pytest.mark.parametrize(
    ("name", "rows", "missing"),
    [
        ("beat_query_type", 216, {}),
        ("riff_query_type", 728, {"S084": 5, "S123": 11}),
        ("no_interpolation", 798, {"S084": 5}),
        ("yes_interpolation", 157, {"S123": 11}),
    ],
)
def test_the_released_subsets_lack_only_two_doubted_relations(
    name: str, rows: int, missing: dict[str, int], annotations: Annotations
):
    theirs = released(name)
    assert len(theirs) == rows
    differences = explain_subset(annotations, name, theirs)
    assert (differences["reason"] != "").all()
    assert set(differences["where"]) <= {"derived"}
    assert differences["sample_id"].value_counts().to_dict() == missing


@real_data
def test_the_annotators_doubt_those_two_relations(annotations: Annotations):
    comments = annotations.relations.set_index("sample_id")["comments"]
    assert "Notes are different from ref track to sample track?" in comments["S084"]
    assert "might be best to leave out of the study" in comments["S123"]
    assert set(DOUBTED) == {"S084", "S123"}


@real_data
def test_one_note_samples_are_in_neither_subset_of_types(annotations: Annotations):
    types = annotations.relations.set_index("sample_id")["sample_type"]
    both = {*released("beat_query_type")["sample_id"], *released("riff_query_type")["sample_id"]}
    asked = set(released("sample100_query_index")["sample_id"])
    assert {types[sample_id] for sample_id in asked - both - set(DOUBTED)} == {"1-note"}
