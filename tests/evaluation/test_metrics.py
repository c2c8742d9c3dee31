"""Metrics against values computed by hand, and properties that hold for every ranking."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from neuralsampleid.errors import UserError
from neuralsampleid.evaluation.metrics import (
    average_precision,
    average_precision_of_retrieved,
    evaluate,
    first_rank,
    hit_at_k,
    median_rank,
    validate,
)

rankings = st.lists(st.sampled_from("abcdefghij"), unique=True)
relevants = st.sets(st.sampled_from("abcdefghij"), min_size=1)


@pytest.mark.parametrize(
    ("ranking", "relevant", "expected"),
    [
        ("", "a", 0),
        ("bc", "a", 0),
        ("a", "a", 1),
        ("ba", "a", 1 / 2),
        ("abc", "ac", (1 / 1 + 2 / 3) / 2),
        ("xaxb", "ab", (1 / 2 + 2 / 4) / 2),
        ("a", "ab", 1 / 2),  # b was missed; the released code would say 1
        ("xxxa".replace("xxx", "xyz"), "abcd", (1 / 4) / 4),
    ],
)
def test_average_precision_by_hand(ranking, relevant, expected):
    ranking = [
        f"{letter}{place}" if letter == "x" else letter for place, letter in enumerate(ranking)
    ]
    assert math.isclose(average_precision(ranking, set(relevant)), expected)


@pytest.mark.parametrize(
    ("ranking", "rank", "hits"),
    [
        ("axyz", 1, (1, 1, 1)),
        ("xyaz", 3, (0, 0, 1)),
        ("xyz", None, (0, 0, 0)),
        ("", None, (0, 0, 0)),
    ],
)
def test_ranks_and_hits_by_hand(ranking, rank, hits):
    assert first_rank(ranking, {"a", "b"}) == rank
    assert tuple(hit_at_k(ranking, {"a", "b"}, k) for k in (1, 2, 3)) == hits


@given(rankings, relevants)
def test_average_precision_is_a_share_and_one_only_for_a_perfect_ranking(ranking, relevant):
    precision = average_precision(ranking, relevant)
    assert 0 <= precision <= 1 + 1e-12
    assert math.isclose(precision, 1) == (set(ranking[: len(relevant)]) == relevant)


@given(rankings, relevants)
def test_average_precision_ignores_what_follows_the_last_relevant(ranking, relevant):
    wrong = [f"noise{place}" for place in range(5)]
    assert average_precision(ranking + wrong, relevant) == average_precision(ranking, relevant)


@given(rankings, relevants, st.data())
def test_moving_a_relevant_id_up_never_harms(ranking, relevant, data):
    movable = [place for place, found in enumerate(ranking) if place and found in relevant]
    assume(movable)
    place = data.draw(st.sampled_from(movable))
    better = [*ranking]
    better[place - 1 : place + 1] = [ranking[place], ranking[place - 1]]
    assert average_precision(better, relevant) >= average_precision(ranking, relevant) - 1e-12
    assert first_rank(better, relevant) <= first_rank(ranking, relevant)


@given(rankings, relevants, st.integers(1, 12))
def test_hits_follow_from_the_first_rank_and_grow_with_k(ranking, relevant, k):
    rank = first_rank(ranking, relevant)
    assert hit_at_k(ranking, relevant, k) == (rank is not None and rank <= k)
    assert hit_at_k(ranking, relevant, k) <= hit_at_k(ranking, relevant, k + 1)


def test_mistakes_are_errors():
    with pytest.raises(UserError, match="'a' at ranks 1 and 3"):
        validate(["a", "b", "a"], {"b"})
    with pytest.raises(UserError, match="relevant"):
        average_precision(["a"], set())
    with pytest.raises(UserError, match="k: 0"):
        hit_at_k(["a"], {"a"}, 0)


def test_precision_of_the_retrieved_forgives_what_was_missed():
    assert average_precision_of_retrieved(["a"], {"a", "b"}) == 1
    assert average_precision_of_retrieved(["x", "a"], {"a", "b"}) == 0.5
    assert average_precision_of_retrieved(["x"], {"a"}) == 0


@given(rankings, relevants)
def test_the_two_precisions_differ_only_by_what_was_missed(ranking, relevant):
    over_all = average_precision(ranking, relevant)
    forgiving = average_precision_of_retrieved(ranking, relevant)
    assert over_all <= forgiving + 1e-12
    if relevant <= set(ranking):
        assert math.isclose(over_all, forgiving)


@pytest.mark.parametrize(
    ("ranks", "median"),
    [([3], 3), ([4, 1, 2], 2), ([4, 1, 2, 10], 3), ([1, None, 2], 2), ([1, None], math.inf)],
)
def test_median_ranks_by_hand(ranks, median):
    assert median_rank(ranks) == median


def test_all_metrics_of_one_ranking():
    assert evaluate(["x", "a"], {"a", "b"}, [1, 3]) == {
        "first_rank": 2, "ap": 0.25, "ap_retrieved": 0.5, "hit_1": 0, "hit_3": 1
    }  # fmt: skip


def test_medians_of_nothing_and_ranks_below_one_are_errors():
    with pytest.raises(UserError, match="no query"):
        median_rank([])
    with pytest.raises(UserError, match="first_ranks: 0"):
        median_rank([0, 2])
