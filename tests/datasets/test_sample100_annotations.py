"""Reading Sample100-ext: irregularities survived, contradictions named."""

import copy
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from helpers.sample100 import ANNOTATIONS, SAMPLES, TRACKS, interval, write_annotations
from neuralsampleid.datasets.sample100_annotations import (
    IMPLIED,
    INTERVAL_COLUMNS,
    Annotations,
    fill_types,
    presences,
    read_annotations,
)
from neuralsampleid.errors import UserError


@pytest.fixture
def example(tmp_path: Path) -> Annotations:
    return read_annotations(write_annotations(tmp_path))


def test_blanks_quotes_and_text_survive(example: Annotations):
    tracks = example.tracks.set_index("track_id")
    assert list(tracks.columns) == ["artist", "title"]
    assert tracks.loc["Q2", "title"] == "Blanks"
    assert tracks.loc["Q3", "artist"] == "One, Two"
    assert tracks.loc["R2"].tolist() == ["NA", "007"]
    relations = example.relations.set_index("sample_id")
    assert relations.loc["A1", ["query_id", "reference_id", "sample_type"]].tolist() == [
        "Q1",
        "R1",
        "riff",
    ]
    assert relations["tempo_ratio"].isna().tolist() == [False, True, False, False, False]
    assert relations.loc["A1", "comments"] == "quoted, with comma"


def test_relations_without_a_file_are_told(example: Annotations):
    assert example.unannotated() == ["A5"]
    assert "A5" not in set(example.intervals["sample_id"])


def types_of(annotations: Annotations, sample_id: str, side: str = "query") -> list[str]:
    rows = annotations.intervals
    return list(rows.loc[(rows["sample_id"] == sample_id) & (rows["side"] == side), "type"])


def test_types_are_filled_in_from_intervals_with_the_same_id(example: Annotations):
    whole, part = "occurrence", "partial occurrence"
    assert types_of(example, "A1") == [whole, part, whole, part]
    assert types_of(example, "A1", "reference") == ["occurrence", "occurrence"]
    assert types_of(example, "A2") == ["absence", "occurrence", "absence", "absence"]
    assert types_of(example, "A3") == ["occurrence"]
    assert types_of(example, "A4") == ["absence", "occurrence", "absence"]


def filled(*intervals: tuple[str, str, str]) -> list[str]:
    """Types after filling; given are side, label and type."""
    rows = [
        ("A", side, float(place), place + 0.5, label, kind)
        for place, (side, label, kind) in enumerate(intervals)
    ]
    return list(fill_types(pd.DataFrame(rows, columns=list(INTERVAL_COLUMNS)))["type"])


def test_the_first_type_of_an_id_counts_and_sides_do_not_mix():
    assert filled(("query", "1", ""), ("query", "1", "presence"), ("query", "1", "absence")) == [
        "presence",
        "presence",
        "absence",
    ]
    assert filled(("query", "1", ""), ("reference", "1", "presence")) == ["occurrence", "presence"]
    # Id 0 is an absence only where nothing is typed and there are other ids.
    assert filled(("query", "0", ""), ("query", "1", "presence")) == ["occurrence", "presence"]
    assert filled(("query", "0", ""), ("query", "0", "")) == ["occurrence", "occurrence"]
    assert filled(("reference", "0", ""), ("reference", "1", "")) == ["occurrence", "occurrence"]


def test_what_lies_between_absences_is_implied(example: Annotations):
    found = presences(example.intervals)
    rows = found[["sample_id", "start_s", "end_s", "type"]]
    assert list(rows.itertuples(index=False, name=None)) == [
        ("A1", 1.0, 4.0, "occurrence"),
        ("A1", 5.0, 9.0, "partial occurrence"),
        ("A1", 10.0, 12.0, "occurrence"),
        ("A1", 13.0, 13.5, "partial occurrence"),
        ("A2", 0.0, 6.0, IMPLIED),
        ("A2", 20.2, 22.0, "occurrence"),
        ("A2", 22.0, 30.0, IMPLIED),
        ("A3", 5.0, 8.0, "occurrence"),
        ("A4", 7.0, 12.0, "occurrence"),
        ("A4", 12.0, 100.0, IMPLIED),
    ]


def test_overlapping_and_unsorted_intervals_leave_no_false_stretch():
    rows = [
        ("A", "query", 30.0, 40.0, "0", "absence"),
        ("A", "query", 0.0, 20.0, "1", "occurrence"),
        ("A", "query", 5.0, 8.0, "2", "occurrence"),
    ]
    found = presences(pd.DataFrame(rows, columns=list(INTERVAL_COLUMNS)))
    implied = found[found["type"] == IMPLIED]
    assert implied[["start_s", "end_s"]].to_numpy().tolist() == [[20.0, 30.0]]


def message_of(folder: Path) -> str:
    with pytest.raises(UserError) as error:
        read_annotations(folder)
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(f"{folder}/")
    return message.removeprefix(f"{folder}/")


@pytest.mark.parametrize(
    ("tracks", "samples", "expected"),
    [
        (TRACKS.replace(" title", " name"), SAMPLES, "tracks.csv: column 'title' is missing"),
        ("", SAMPLES, "tracks.csv: the file is empty"),
        (TRACKS + "Q1, A, B, 1, C\n", SAMPLES, "tracks.csv, line 8: track_id 'Q1' stands twice"),
        (TRACKS, SAMPLES.replace("A2,R1,Q2", "A1,R1,Q2"), "samples.csv, line 3: sample_id 'A1'"),
        (TRACKS, SAMPLES.replace("A2,R1", "A2,R9"), "samples.csv, line 3: track 'R9' is not in tr"),
        (TRACKS, SAMPLES.replace("A2,R1", "A2,Q1"), "samples.csv: track 'Q1' is a query and a ref"),
        (
            TRACKS,
            SAMPLES.replace(",0.95,", ",slow,"),
            "samples.csv, line 4: estimated_tempo_ratio is 'slow', expected a number",
        ),
        (
            TRACKS,
            SAMPLES.replace("A1,R1", "B1,R1"),
            "annotations/A1.json: no row of samples.csv has the sample id 'A1'",
        ),
        (
            TRACKS,
            SAMPLES.replace("A3,R2", "A3,R1"),
            "annotations/A3.json: target_track_id is 'R2', but samples.csv says 'R1'",
        ),
    ],
)
def test_wrong_tables(tracks: str, samples: str, expected: str, tmp_path: Path):
    assert message_of(write_annotations(tmp_path, tracks, samples)).startswith(expected)


def without(key: str) -> Callable[[dict], object]:
    return lambda values: values.pop(key)


def query(*intervals: object) -> Callable[[dict], object]:
    return lambda values: values.update(query_time_annotations=list(intervals))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (without("query_time_annotations"), "query_time_annotations is missing or no list"),
        (query(3), "query_time_annotations, interval 1: a int, expected an object"),
        (query(interval(3, 2, 1)), "query_time_annotations, interval 1: from 3 to 2 s, expected"),
        (query(interval(-1, 2, 1)), "query_time_annotations, interval 1: from -1 to 2 s"),
        (query(interval(0, float("nan"), 1)), "query_time_annotations, interval 1: from 0 to nan"),
        (query(interval(0, float("inf"), 1)), "query_time_annotations, interval 1: from 0 to inf"),
        (
            query(interval(0, 1, 1), {"start_time": "0", "end_time": 2}),
            "query_time_annotations, interval 2: from 0 to 2 s",
        ),
        (query({"start_time": 0}), "query_time_annotations, interval 1: from 0 to None s"),
    ],
)
def test_wrong_annotations(change: Callable, expected: str, tmp_path: Path):
    annotations = copy.deepcopy(ANNOTATIONS)
    change(annotations[0])
    message = message_of(write_annotations(tmp_path, annotations=annotations))
    assert message.startswith(f"annotations/A1.json: {expected}")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"{", "not JSON"),
        (b"[]", "holds a list, expected an object"),
        (b"\xff", "not JSON"),
    ],
)
def test_other_files(content: bytes, expected: str, tmp_path: Path):
    write_annotations(tmp_path)
    (tmp_path / "annotations" / "A1.json").write_bytes(content)
    assert message_of(tmp_path).startswith(f"annotations/A1.json: {expected}")


def test_missing_files(tmp_path: Path):
    assert message_of(tmp_path) == "tracks.csv: no such file, expected a table of Sample100-ext"
    write_annotations(tmp_path, annotations=[])
    assert message_of(tmp_path).startswith("annotations: holds no *.json, expected one per")
