"""One system's lines against a catalogue, counted by hand."""

import pandas as pd
import pytest

from helpers.tables import row_of
from neuralsampleid.catalogue.formats import LINES, MATCHES, METRICS, QUERIES
from neuralsampleid.config import Evaluation
from neuralsampleid.evaluation.occurrences import (
    judge_lines,
    localisation_errors,
    localisation_metrics,
)

NAN = float("nan")
SETTINGS = Evaluation(resamples=50)
OWN = ("s", SETTINGS, 1)


def queries():
    """Query a samples r1 and r2, b samples r1, c samples r3."""
    rows = [("a", "beat", "r1|r2"), ("b", "riff", "r1"), ("c", "riff", "r3")]
    about = [("full_track", q, 0.0, 60.0, NAN, group, ids, "", "") for q, group, ids in rows]
    return pd.DataFrame(about, columns=list(QUERIES))


def occurrences():
    columns = ["query_id", "reference_id", "query_start_s", "query_end_s", "reference_start_s",
               "reference_end_s", "tempo_ratio", "pitch_semitones"]  # fmt: skip
    rows = [
        ("a", "r1", 0, 4, 10, 14, 1.0, 2.0),
        ("a", "r1", 4, 8, 10, 14, 1.0, 2.0),
        ("a", "r2", 20, 24, 0, 4, 1.1, NAN),
        ("b", "r1", 0, 4, 10, 14, 1.0, 0.0),
        ("c", "r3", 0, 4, NAN, NAN, 1.0, 0.0),  # where in the reference is not known
    ]
    return pd.DataFrame(rows, columns=columns)


def matches():
    """Right answers: r1 for a leads, and so does r2 after it; b has a wrong track first."""
    ranked = {"a": ["r1", "r2", "n"], "b": ["n", "r1"], "c": ["r3"]}
    rows = [
        ("full_track", query, 0.0, 60.0, rank, track, 1.0, *[NAN] * 5)
        for query, tracks in ranked.items()
        for rank, track in enumerate(tracks, 1)
    ]
    return pd.DataFrame(rows, columns=list(MATCHES))


def lines():
    rows = [
        ("a", 1, "r1", 0.0, 4.0, 10.0, 14.0, 1.05, 2.5, 9.0),
        ("a", 1, "r1", 4.8, 8.8, 10.8, 14.8, 1.0, NAN, 8.0),
        ("a", 1, "r1", 40.0, 44.0, 10.0, 14.0, 1.0, 0.0, 7.0),
        ("a", 3, "n", 0.0, 9.0, 0.0, 9.0, 1.0, 0.0, 7.0),  # two tracks are sampled in a
        ("b", 1, "n", 0.0, 2.0, 0.0, 2.0, 1.0, 0.0, 7.0),
        ("b", 2, "r1", 0.0, 4.0, 10.0, 14.0, 1.0, 0.0, 7.0),  # and one in b
        ("c", 1, "r3", 0.0, 4.0, 10.0, 14.0, 1.0, 0.0, 7.0),
    ]
    return pd.DataFrame(rows, columns=list(LINES))


@pytest.fixture
def judged():
    return judge_lines(lines(), matches(), queries(), occurrences())


def test_pairs_are_those_shown_or_annotated_with_known_times(judged):
    columns = ["query_id", "reference_id", "leads", "occurrence_found", "occurrence_shown",
               "occurrence_annotated", "strict_occurrence_found", "per_second_found"]  # fmt: skip
    assert judged.pairs[columns].to_numpy().tolist() == [
        ["a", "r1", True, 2, 3, 2, 1, pytest.approx(7.2)],
        ["a", "r2", True, 0, 0, 1, 0, 0],
        ["b", "n", False, 0, 1, 0, 0, 0],
        ["b", "r1", False, 0, 0, 1, 0, 0],
    ]


def test_errors_are_those_of_what_is_found(judged):
    found = judged.found.drop(columns="leads").to_numpy().tolist()
    assert found[0] == ["a", 0.0, pytest.approx(5.0), 0.5]
    assert found[1][:3] == ["a", 0.8, 0.0]
    assert pd.isna(found[1][3])
    table = localisation_errors(judged, queries(), *OWN)
    assert row_of(table, metric="end_error_s", group="all")["value"] == pytest.approx(0.4)
    assert row_of(table, metric="tempo_error_percent", group="beat")["value"] == pytest.approx(2.5)
    pitch = row_of(table, metric="pitch_error_semitones_in_right_answers", group="all")
    assert (pitch["value"], pitch["queries"]) == (0.5, 1)
    assert "riff" not in set(table["group"])


def test_sums_over_pairs_of_both_scopes(judged):
    table = localisation_metrics(judged, queries(), *OWN)
    assert list(table) == list(METRICS)
    values = {
        (row.metric, row.group): (row.value, row.queries) for row in table.itertuples(index=False)
    }
    assert values["occurrence_precision", "all"] == (0.5, 2)  # c's times are not known
    assert values["occurrence_recall", "all"] == (0.5, 2)
    assert values["strict_occurrence_f1", "all"] == (0.25, 2)
    assert values["per_second_recall", "all"] == (pytest.approx(7.2 / 16), 2)
    right = "in_right_answers"
    assert values[f"occurrence_precision_{right}", "all"] == (pytest.approx(2 / 3, abs=1e-6), 1)
    assert values[f"occurrence_recall_{right}", "all"] == (pytest.approx(2 / 3, abs=1e-6), 1)
    assert values["occurrence_f1", "riff"] == (0.0, 1)
    assert pd.isna(values[f"occurrence_f1_{right}", "riff"][0])


def test_what_is_annotated_is_the_upper_bound_and_nothing_the_lower():
    known = occurrences().dropna(subset="reference_start_s")
    ranked = pd.concat([matches().query("query_id == 'a'"),
                        matches().query("query_id == 'b' and reference_id == 'r1'")
                        .assign(rank=1.0)])  # fmt: skip
    perfect = known.assign(rank=1.0, score=1.0)[list(LINES)]
    for shown, value in ((perfect, 1.0), (perfect[:0], 0.0)):
        found = judge_lines(shown, ranked, queries(), known)
        table = localisation_metrics(found, queries(), *OWN)
        assert (table.query("group == 'all'")["value"] == value).all()
