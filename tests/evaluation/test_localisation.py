"""Times of matches against occurrences, by hand and by property."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralsampleid.errors import UserError
from neuralsampleid.evaluation.localisation import time_error, validate

# A loop of 2 s from 40–42 s of the reference, heard at 10–12, 12–14 and 30–32 s of the query.
LOOP = np.array([[10, 12, 40, 42], [12, 14, 40, 42], [30, 32, 40, 42]], float)
times = st.floats(0, 100)


@pytest.mark.parametrize(
    ("query_s", "reference_s", "error"),
    [
        (11, 41, 0),  # inside
        (31, 40, 0),  # any repetition will do; an end belongs to its interval
        (9, 41, 1),  # a second early in the query
        (11, 45, 3),  # three late in the reference
        (9, 45, 3),  # the worse side counts
        (15, 41, 1),  # after the second repetition
        (20, 41, 6),  # between the second and the third
    ],
)
def test_errors_by_hand(query_s, reference_s, error):
    assert time_error(query_s, reference_s, LOOP) == pytest.approx(error)


def test_both_sides_must_belong_to_one_occurrence():
    """The query's time fits one sample, the reference's time another one's."""
    two = np.array([[0, 2, 100, 102], [50, 52, 10, 12]], float)
    assert time_error(1, 11, two) == pytest.approx(49)


@given(times, times, st.integers(0, 2))
def test_an_error_is_a_distance_that_further_occurrences_only_reduce(query_s, reference_s, row):
    error = time_error(query_s, reference_s, LOOP)
    assert 0 <= error <= time_error(query_s, reference_s, LOOP[[row]])
    moved = LOOP + 7.5
    assert time_error(query_s + 7.5, reference_s + 7.5, moved) == pytest.approx(error, abs=1e-9)


@pytest.mark.parametrize(
    ("occurrences", "message"),
    [
        (np.zeros((0, 4)), "shape"),
        (np.zeros((1, 3)), "shape"),
        (np.array([[0, 1, np.nan, 2]]), "not finite"),
        (np.array([[0, 1, 3, 2]]), "ends before"),
    ],
)
def test_wrong_occurrences_are_errors(occurrences, message):
    with pytest.raises(UserError, match=message):
        validate(occurrences)
