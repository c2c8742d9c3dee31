"""BestLines: evidence by hand, and the best run beside a search of all runs."""

from itertools import pairwise

import numpy as np
import pytest

from neuralsampleid.matching.reading_lines import (
    COST,
    SLIP,
    best_lines,
    compared,
    evidence_of,
)


def slow_best(evidence: np.ndarray) -> float:
    """The best sum over all runs that go on by one row, and by none, one or two columns."""
    rows, columns = evidence.shape
    ending = np.full((rows, columns), -np.inf)
    for row in range(rows):
        for column in range(columns):
            before = [0.0]
            if row > 0:
                for step, cost in ((1, 0.0), (2, SLIP), (0, SLIP)):
                    if column - step >= 0:
                        before.append(ending[row - 1, column - step] - cost)
            ending[row, column] = evidence[row, column] + max(before)
    return max(0.0, float(ending.max()))


def test_a_diagonal_is_found_with_its_ends():
    evidence = np.full((6, 9), -2, np.float32)
    for step in range(4):
        evidence[1 + step, 3 + step] = 3
    found = best_lines(evidence, np.array([0, 9]))
    assert found.scores.tolist() == [12]
    assert (found.first_query[0], found.last_query[0]) == (1, 4)
    assert (found.first_reference[0], found.last_reference[0]) == (3, 6)


def test_a_gap_is_bridged_where_what_follows_is_worth_it():
    evidence = np.full((5, 5), -9, np.float32)
    np.fill_diagonal(evidence, [5, 5, -4, 5, 5])
    assert best_lines(evidence, np.array([0, 5])).scores[0] == 16
    evidence[2, 2] = -11
    assert best_lines(evidence, np.array([0, 5])).scores[0] == 10


@pytest.mark.parametrize("step", [0, 2])
def test_the_reference_may_stay_or_go_two_segments(step):
    evidence = np.full((4, 8), -9, np.float32)
    for row, column in enumerate((1, 2, 2 + step, 3 + step)):
        evidence[row, column] = 3
    found = best_lines(evidence, np.array([0, 8]))
    assert found.scores[0] == 12 - np.float32(SLIP)
    assert found.last_reference[0] == 3 + step


def test_tracks_do_not_know_of_each_other():
    rng = np.random.default_rng(1)
    evidence = rng.normal(-0.5, 1.5, (12, 40)).astype(np.float32)
    bounds = np.array([0, 7, 7, 30, 40])
    found = best_lines(evidence, bounds)
    for track, (first, last) in enumerate(pairwise(bounds.tolist())):
        alone = best_lines(evidence[:, first:last], np.array([0, last - first]))
        assert [values[track] for values in found] == [values[0] for values in alone]
        expected = slow_best(evidence[:, first:last]) if last > first else 0.0
        assert found.scores[track] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("seed", range(10))
def test_the_best_run_is_that_of_a_search_of_all(seed):
    rng = np.random.default_rng(seed)
    evidence = rng.normal(-0.3, 1, rng.integers(1, 15, 2)).astype(np.float32)
    found = best_lines(evidence, np.array([0, evidence.shape[1]]))
    assert found.scores[0] == pytest.approx(slow_best(evidence), abs=1e-4)


def test_there_is_no_line_where_nothing_speaks_for_it():
    found = best_lines(np.full((3, 4), -1, np.float32), np.array([0, 2, 4]))
    assert found.scores.tolist() == [0, 0]


def test_evidence_is_in_deviations_from_the_median():
    usual = np.array([[0.0, 0.1, 0.2, 0.3, 0.9]], np.float32)
    found = evidence_of(np.array([[0.2, 0.2 + 4 * usual.std()]], np.float32), usual)
    np.testing.assert_allclose(found, [[-COST, 4 - COST]], rtol=1e-5)


def test_a_segment_that_is_like_everything_has_finite_evidence():
    usual = np.full((1, 5), 0.5, np.float32)
    assert np.isfinite(evidence_of(usual, usual)).all()


def test_what_is_usual_is_told_by_some_rows_of_many():
    assert compared(np.arange(10)).tolist() == list(range(10))
    assert 2000 <= len(compared(np.arange(100_001))) <= 2100
