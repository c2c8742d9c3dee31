"""Lines against occurrences, by hand and by property."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralsampleid.errors import UserError
from neuralsampleid.evaluation.localisation import (
    common_seconds,
    counts,
    end_errors,
    evaluate,
    found_pairs,
    fractions,
    validate,
)

# A loop of 2 s from 40–42 s of the reference, heard at 10–12, 12–14 and 30–32 s of the query.
LOOP = np.array([[10, 12, 40, 42], [12, 14, 40, 42], [30, 32, 40, 42]], float)
NONE = np.zeros((0, 4))
KINDS = ("occurrence", "strict_occurrence", "per_second")
METRICS = {f"{kind}_{metric}" for kind in KINDS for metric in ("precision", "recall", "f1")}


@st.composite
def intervals(draw, least=0):
    """Up to six rows with starts and lengths in tenths of seconds."""
    count = draw(st.integers(least, 6))
    parts = draw(
        st.lists(
            st.tuples(*[st.integers(0, 300), st.integers(1, 50)] * 2),
            min_size=count,
            max_size=count,
        )
    )
    rows = [(a / 10, (a + b) / 10, c / 10, (c + d) / 10) for a, b, c, d in parts]
    return np.array(rows).reshape(-1, 4)


def pairs(lines, occurrences, tolerance_s=None):
    found = found_pairs(np.array(lines, float), np.array(occurrences, float), tolerance_s)
    return sorted(zip(*(places.tolist() for places in found), strict=True))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ((10, 12, 40, 42), True),
        ((9, 11, 40, 42), True),  # half of it in the query
        ((9, 10.9, 40, 42), False),
        ((10, 12, 41, 50), True),  # half of it in the reference
        ((10, 12, 41.1, 50), False),
        ((10, 12, 20, 22), False),  # elsewhere in the reference
        ((0, 60, 0, 60), True),  # all of it, and far more
    ],
)
def test_a_line_finds_what_it_overlaps_to_half_on_both_sides(line, found):
    assert bool(pairs([line], LOOP[:1])) is found


def test_lines_and_occurrences_are_assigned_one_to_one():
    """A line over two repetitions finds one of them; as many as can be are found."""
    assert len(pairs([(10, 14, 40, 44)], LOOP)) == 1
    # The first line could take either repetition, the second one the first repetition only.
    assert pairs([(10, 14, 40, 44), (10, 12, 40, 42)], LOOP) == [(0, 1), (1, 0)]
    # Of several ways, the one whose ends agree best.
    assert pairs([(10.4, 12.4, 40, 42), (10.1, 12.1, 40, 42)], LOOP[:1]) == [(1, 0)]


def test_strictly_all_four_ends_are_within_the_tolerance():
    occurrence = LOOP[:1]
    assert end_errors(np.array([(10.5, 11.8, 40.1, 41.7)]), occurrence) == pytest.approx(0.5)
    assert pairs([(10.5, 11.8, 40.1, 41.7)], occurrence, 0.5) == [(0, 0)]
    assert pairs([(10, 12, 40, 42.51)], occurrence, 0.5) == []
    # A short slice is not found by what lies near it.
    assert pairs([(10.3, 10.55, 40, 40.25)], [(10, 10.25, 40, 40.25)], 0.5) == []


def test_seconds_count_once_and_wherever_in_the_reference():
    lines = np.array([[9, 13, 40, 44], [11, 13, 0, 2], [50, 51, 0, 1]], float)
    # Shown 9–13 and 50–51, annotated 10–14 and 30–32, both 10–13.
    assert common_seconds(lines, LOOP) == (5, 6, 3)
    assert common_seconds(lines, NONE) == (5, 0, 0)


def test_counts_and_fractions_by_hand():
    lines = np.array([[10, 12, 40, 42], [12.6, 14.6, 40.6, 42.6], [20, 22, 5, 7]], float)
    assert counts(lines, LOOP) == {
        "occurrence": (2, 3, 3),
        "strict_occurrence": (1, 3, 3),
        "per_second": pytest.approx((3.4, 6, 6)),
    }
    assert fractions(2, 3, 4) == {"precision": (2, 3), "recall": (2, 4), "f1": (4, 7)}
    found = evaluate(lines, LOOP)
    assert found.keys() == METRICS
    assert found["occurrence_f1"] == pytest.approx(2 / 3)
    assert found["strict_occurrence_recall"] == pytest.approx(1 / 3)
    assert found["per_second_precision"] == pytest.approx(3.4 / 6)


@given(intervals(least=1))
def test_what_is_annotated_finds_all_of_itself(occurrences):
    assert evaluate(occurrences, occurrences) == pytest.approx(dict.fromkeys(METRICS, 1))


@given(intervals())
def test_nothing_finds_nothing(rows):
    assert evaluate(NONE, rows) == evaluate(rows, NONE) == dict.fromkeys(METRICS, 0)


@given(intervals(), intervals(), st.randoms())
def test_order_does_not_matter_and_time_begins_anywhere(lines, occurrences, random):
    found = evaluate(lines, occurrences)
    assert all(0 <= value <= 1 + 1e-9 for value in found.values())
    for kind in KINDS:
        parts = found[f"{kind}_precision"], found[f"{kind}_recall"]
        assert min(parts) - 1e-9 <= found[f"{kind}_f1"] <= max(parts) + 1e-9
    assert found["strict_occurrence_recall"] <= found["occurrence_recall"]
    shuffled = [rows[random.sample(range(len(rows)), len(rows))] for rows in (lines, occurrences)]
    assert evaluate(*shuffled) == pytest.approx(found)
    assert evaluate(lines + 7.5, occurrences + 7.5) == pytest.approx(found)


@given(intervals(), intervals())
def test_swapped_precision_is_recall_where_both_are_measured_alike(lines, occurrences):
    """Per second; half of an occurrence is not half of a line."""
    found, swapped = evaluate(lines, occurrences), evaluate(occurrences, lines)
    assert swapped["per_second_precision"] == pytest.approx(found["per_second_recall"])
    assert swapped["per_second_f1"] == pytest.approx(found["per_second_f1"])


@pytest.mark.parametrize(
    ("lines", "occurrences", "message"),
    [
        (np.zeros((1, 3)), NONE, "lines: shape"),
        (NONE, np.zeros(4), "occurrences: shape"),
        (np.array([[0, 1, np.nan, 2]]), NONE, "lines: a time is not finite"),
        (np.array([[0, 1, 3, 2]]), NONE, "lines: an interval ends before"),
        (NONE, np.array([[0, 1, 2, 2]]), "occurrences: an interval does not end after"),
    ],
)
def test_wrong_intervals_are_errors(lines, occurrences, message):
    with pytest.raises(UserError, match=message):
        validate(lines, occurrences)
