"""Whether at all, how sure, how far: on answers that can be counted."""

import numpy as np
import pandas as pd
import pytest

from helpers.tables import row_of
from neuralsampleid.catalogue.formats import (
    MATCHES,
    METRICS,
    QUERIES,
    RELIABILITY,
    per_query_format,
)
from neuralsampleid.config import Evaluation
from neuralsampleid.evaluation.detail import (
    detailed_metrics,
    quantities,
    reliability,
    shown_pairs,
)

NAN = float("nan")
SETTINGS = Evaluation(query_seconds=[5.0], cutoffs=[1, 3], resamples=50)
NO_PAIRS = pd.DataFrame({"query_id": [], "probability": [], "right": np.array([], bool)})


def judged():
    """Four tracks: rank, best score with and without the answers."""
    answers = [(1, 9.0, 1.0), (1, 8.0, 2.0), (2, 3.0, 4.0), (NAN, NAN, 3.0)]
    rows = []
    for track, (rank, present, absent) in enumerate(answers):
        about = {"query_id": f"q{track}", "group": ("beat", "riff")[track % 2]}
        hits = {f"hit_{k}": float(rank <= k) for k in (1, 3)}
        own = {"first_rank": rank, "best_score": present, **hits}
        for task, length in (("full_track", NAN), ("segment", 5.0)):
            asked = {"query_seconds": length, **about}
            rows.append({"task": task, **own, **asked})
            rows.append({"task": f"{task}_absent", "best_score": absent, **asked})
    return pd.DataFrame(rows, columns=list(per_query_format([1, 3])))


def test_decisions_compare_each_query_with_its_counterpart():
    table = detailed_metrics(judged(), NO_PAIRS, "s", SETTINGS, seed=1)
    about = {"task": "full_track", "group": "all"}
    area = row_of(table, metric="auroc", **about)
    # 9 and 8 beat all four, 3 beats two and ties with one, nothing found beats none.
    assert area["value"] == pytest.approx((4 + 4 + 2.5 + 0) / 16)
    assert area["queries"] == 8
    assert area["low"] <= area["value"] <= area["high"]
    assert list(table.columns) == list(METRICS)
    values = quantities(judged(), NO_PAIRS, "s", SETTINGS, seed=1)
    assert row_of(values, metric="equal_error_threshold", **about)["value"] == 3
    assert not table["metric"].eq("calibration_error").any()


def test_median_ranks_count_what_was_not_row_of():
    values = quantities(judged(), NO_PAIRS, "s", SETTINGS, seed=1)
    about = {"metric": "median_rank", "task": "full_track"}
    assert row_of(values, group="all", **about)["value"] == 1.5
    assert row_of(values, group="beat", **about)["value"] == 1.5
    assert row_of(values, group="riff", **about)["value"] == np.inf


def test_without_counterparts_there_are_no_decisions():
    present = judged()[lambda table: ~table["task"].str.endswith("absent")]
    table = detailed_metrics(present, NO_PAIRS, "s", SETTINGS, seed=1)
    assert not table["metric"].isin(["auroc", "equal_error_rate"]).any()


def test_pairs_are_those_that_the_re_ranker_saw_for_whole_tracks():
    queries = pd.DataFrame(
        [
            ("full_track", "q1", 0.0, 60.0, NAN, "", "r1|r2", "", ""),
            ("segment", "q1", 0.0, 5.0, 5.0, "", "r1", "", ""),
            ("full_track_absent", "q1", 0.0, 60.0, NAN, "", "", "", "r1|r2"),
        ],
        columns=list(QUERIES),
    )
    rows = [
        ("full_track", "q1", 0.0, 60.0, 1, "r2", 3.0, *[NAN] * 4, 0.9),
        ("full_track", "q1", 0.0, 60.0, 2, "n1", 2.0, *[NAN] * 4, 0.6),
        ("full_track", "q1", 0.0, 60.0, 3, "r1", 1.0, *[NAN] * 5),
        ("segment", "q1", 0.0, 5.0, 1, "r1", 1.0, *[NAN] * 4, 0.7),
        ("full_track_absent", "q1", 0.0, 60.0, 1, "n1", 1.0, *[NAN] * 4, 0.7),
    ]
    pairs = shown_pairs(pd.DataFrame(rows, columns=list(MATCHES)), queries)
    assert pairs["query_id"].tolist() == ["q1", "q1"]
    assert pairs["probability"].tolist() == [0.9, 0.6]
    assert pairs["right"].tolist() == [True, False]


def test_the_re_rankers_probability_is_judged():
    pairs = pd.DataFrame(
        {"query_id": list("aabb"), "probability": [0.95, 0.65, 0.95, 0.65], "right": [1, 0, 1, 1]}
    ).astype({"right": bool})
    table = detailed_metrics(judged(), pairs, "s", SETTINGS, seed=1)
    error = row_of(table, metric="calibration_error")
    assert error["value"] == pytest.approx(0.5 * 0.05 + 0.5 * 0.15)
    assert error["queries"] == 2
    values = quantities(judged(), pairs, "s", SETTINGS, seed=1)
    assert row_of(values, metric="probability_threshold")["value"] == 0.95
    curve = reliability(pairs, "s")
    assert list(curve.columns) == list(RELIABILITY)
    assert curve["pairs"].tolist() == [0] * 6 + [2, 0, 0, 2]
    assert reliability(NO_PAIRS, "s").empty
