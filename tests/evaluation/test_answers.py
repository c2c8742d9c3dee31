"""Pairs given at a threshold, by hand and by property."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.tables import row_of
from neuralsampleid.catalogue.formats import ANSWERS, MATCHES, METRICS, QUERIES
from neuralsampleid.config import Evaluation
from neuralsampleid.errors import UserError
from neuralsampleid.evaluation.answers import (
    answer_curve,
    answer_metrics,
    answer_pairs,
    answer_quantities,
    curve,
    recall_at,
    stated_threshold,
)
from neuralsampleid.evaluation.evaluate import per_query

NAN = float("nan")
OWN = ("s", Evaluation(query_seconds=[5.0], cutoffs=[1], resamples=50), 1)
scores = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=30)


def queries():
    """Three tracks; a samples r1 and r2. Each has its counterpart without answers."""
    rows = []
    for query, group, relevant in (("a", "beat", "r1|r2"), ("b", "riff", "r1"), ("c", "", "r2")):
        about = (query, 0.0, 60.0, NAN, group)
        rows.append(("full_track", *about, relevant, "", ""))
        rows.append(("full_track_absent", *about, "", "", relevant))
    rows.append(("segment", "a", 2.0, 7.0, 5.0, "beat", "r1", "", ""))
    return pd.DataFrame(rows, columns=list(QUERIES))


def matches():
    """Best first; the counterparts reach 4, 3 and nothing."""
    ranked = {
        ("full_track", "a"): [("r1", 9.0), ("n1", 6.0), ("r2", 2.0)],
        ("full_track", "b"): [("n1", 5.0), ("r1", 5.0), ("n2", 1.0)],
        ("full_track", "c"): [("n1", 4.0)],
        ("full_track_absent", "a"): [("n1", 4.0)],
        ("full_track_absent", "b"): [("n1", 3.0)],
    }
    rows = [
        (task, query, 0.0, 60.0, rank, track, score, *[NAN] * 5)
        for (task, query), found in ranked.items()
        for rank, (track, score) in enumerate(found, 1)
    ]
    rows.append(("segment", "a", 2.0, 7.0, 1, "r2", 8.0, *[NAN] * 5))
    return pd.DataFrame(rows, columns=list(MATCHES))


@pytest.fixture
def pairs():
    return answer_pairs(matches(), queries())


@pytest.fixture
def judged():
    return per_query(matches(), queries(), [1])


def test_pairs_hold_what_was_ranked_and_what_should_have_been(pairs):
    tracks = pairs[pairs["query"] != 6]
    said = list(zip(tracks["query_id"], tracks["score"], tracks["right"], strict=True))
    assert said == [
        ("a", 9.0, True), ("a", 6.0, False), ("b", 5.0, False), ("b", 5.0, True),
        ("c", 4.0, False), ("a", 2.0, True), ("b", 1.0, False), ("c", -np.inf, True),
    ]  # fmt: skip
    segment = pairs[pairs["query"] == 6]
    assert segment[["score", "right"]].to_numpy().tolist() == [[8.0, False], [-np.inf, True]]


@pytest.mark.parametrize(
    ("absent", "rate", "threshold"),
    [
        ([4.0, 3.0, -np.inf], 0.05, 4.0),  # too few: none may exceed it
        (range(100), 0.05, 94.0),  # 95 to 99 exceed it
        (range(20), 0.05, 18.0),
        ([1.0, 1.0], 0.5, 1.0),
    ],
)
def test_the_stated_threshold_by_hand(absent, rate, threshold):
    assert stated_threshold(np.array(absent, float), rate) == threshold


@given(scores, st.floats(0, 0.99))
def test_few_enough_exceed_the_stated_threshold_and_no_smaller_score_will_do(absent, rate):
    values = np.array(absent)
    threshold = stated_threshold(values, rate)
    assert (values > threshold).mean() <= rate
    below = np.nextafter(threshold, -np.inf)
    assert (values > below).sum() > rate * len(values) - 1e-9


def test_at_the_stated_threshold(pairs, judged):
    """It is 4; given are 9 and 5 rightly, 6 and 5 wrongly, of four right pairs."""
    table = answer_metrics(pairs, judged, *OWN)
    assert list(table) == list(METRICS)
    about = {"task": "full_track", "group": "all"}
    assert row_of(table, metric="answer_precision", **about)["value"] == 0.5
    recall = row_of(table, metric="answer_recall", **about)
    assert (recall["value"], recall["queries"]) == (0.5, 3)
    beat = row_of(table, metric="answer_precision", task="full_track", group="beat")
    assert (beat["value"], beat["queries"]) == (0.5, 1)
    assert "segment" not in set(table["task"])  # it has no counterpart here
    numbers = answer_quantities(pairs, judged, *OWN)
    values = dict(zip(numbers["metric"], numbers["value"], strict=True))
    assert values == {"answer_threshold": 4, "pairs_right": 4, "pairs_given": 4, "pairs_wrong": 2}
    wrong = row_of(numbers, metric="pairs_wrong")
    assert wrong["low"] <= 2 <= wrong["high"]
    assert wrong["queries"] == 3


def test_the_curve_by_hand(pairs, judged):
    """Both pairs at 5 are given together."""
    tracks = pairs[pairs["query"] != 6]
    wrong, found = curve(tracks["score"].to_numpy(), tracks["right"].to_numpy())
    assert wrong.tolist() == [0, 1, 2, 3, 3, 4]
    assert found.tolist() == [1, 1, 2, 2, 3, 3]
    table = answer_curve(pairs, judged, "s")
    assert list(table) == list(ANSWERS)
    assert table["recall"].tolist() == [0.25, 0.5, 0.75]
    assert table["wrong_per_query"].tolist() == pytest.approx([0, 2 / 3, 1], abs=1e-6)
    rows = answer_metrics(pairs, judged, *OWN)
    shares = [row_of(rows, metric=f"answer_recall_at_{x}")["value"] for x in ("0.01", "0.1", "1")]
    assert shares == [0.25, 0.25, 0.75]


@given(
    st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=1, max_size=30), st.randoms()
)
def test_what_holds_for_all_curves(given_pairs, random):
    ordered = sorted(given_pairs, key=lambda pair: -pair[0])
    values = np.array([score for score, _ in ordered], float)
    right = np.array([is_right for _, is_right in ordered])
    wrong, found = curve(values, right)
    assert (np.diff(wrong + found) > 0).all()
    assert (wrong[-1], found[-1]) == ((~right).sum(), right.sum())
    random.shuffle(ordered)  # equal scores may stand in any order
    again = sorted(ordered, key=lambda pair: -pair[0])
    flags = np.array([is_right for _, is_right in again])
    np.testing.assert_array_equal(curve(values, flags), (wrong, found))
    if right.any():
        shares = [recall_at(values, right, most) for most in range(30)]
        assert (np.diff(shares) >= 0).all()
        assert shares[-1] == 1


def test_a_system_that_finds_nothing_gives_nothing(judged):
    pairs = answer_pairs(matches()[:0], queries())
    nothing = per_query(matches()[:0], queries(), [1])
    table = answer_metrics(pairs, nothing, *OWN)
    assert (table["value"] == 0).all()
    assert answer_curve(pairs, nothing, "s").empty
    assert row_of(answer_quantities(pairs, nothing, *OWN), metric="pairs_given")["value"] == 0


def test_mistakes_are_errors():
    with pytest.raises(UserError, match="absent: no score"):
        stated_threshold(np.zeros(0))
    with pytest.raises(UserError, match="rate: 1"):
        stated_threshold(np.zeros(2), 1.0)
