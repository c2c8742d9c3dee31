"""Decisions at thresholds, by hand, by property, and against scipy's Mann-Whitney statistic."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from neuralsampleid.errors import UserError
from neuralsampleid.evaluation.rejection import (
    at_false_alarms,
    auroc,
    equal_error,
    evaluate,
    roc,
)

scores = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=20)


def test_a_curve_by_hand():
    curve = roc(present=[3, 1], absent=[2, 1, 0, 0])
    assert curve.thresholds.tolist() == [np.inf, 3, 2, 1, 0]
    assert curve.detections.tolist() == [0, 0.5, 0.5, 1, 1]
    assert curve.false_alarms.tolist() == [0, 0, 0.25, 0.5, 1]


@pytest.mark.parametrize(
    ("present", "absent", "area", "error"),
    [
        ([2, 3], [0, 1], 1.0, 0.0),
        ([0, 1], [2, 3], 0.0, 1.0),
        ([1, 1], [1, 1], 0.5, 0.5),
        ([3, 1], [2, 0], 0.75, 0.5),
        ([3, 1], [2, 1, 0, 0], 6.5 / 8, 1 / 3),  # between (0.25, 0.5) and (0.5, 1)
        ([4, 3, 2], [2.5, 1, 0, 0], 11 / 12, 0.25),  # a vertical step at 0.25
    ],
)
def test_area_and_equal_error_by_hand(present, absent, area, error):
    assert auroc(present, absent) == pytest.approx(area)
    assert equal_error(roc(present, absent))[0] == pytest.approx(error)


def test_the_threshold_keeps_false_alarms_at_the_rate():
    present, absent = [9, 5, 1], np.arange(200) / 50  # up to 3.98
    detected, threshold = at_false_alarms(roc(present, absent), 0.01)
    assert threshold == pytest.approx(3.96)  # two of 200 reach it
    assert detected == pytest.approx(2 / 3)
    # Fewer than 100: no false alarm at all.
    assert at_false_alarms(roc([9, 5], [4.0] * 24), 0.01) == (1, 5)
    assert at_false_alarms(roc([1], [2]), 0.01) == (0, np.inf)
    assert at_false_alarms(roc([1], [2]), 1.0) == (1, 1)


@given(scores, scores)
def test_the_area_is_that_of_the_curve_and_mann_whitney_s(present, absent):
    curve = roc(present, absent)
    assert auroc(present, absent) == pytest.approx(
        np.trapezoid(curve.detections, curve.false_alarms)
    )
    wins = mannwhitneyu(present, absent, method="asymptotic").statistic
    assert auroc(present, absent) == pytest.approx(wins / (len(present) * len(absent)))


@given(scores, scores, st.floats(0, 1))
def test_what_holds_for_all_scores(present, absent, rate):
    curve = roc(present, absent)
    assert (np.diff(curve.false_alarms) >= 0).all()
    assert (np.diff(curve.detections) >= 0).all()
    assert (curve.false_alarms[-1], curve.detections[-1]) == (1, 1)
    assert auroc(present, absent) == pytest.approx(1 - auroc(absent, present))
    assert 0 <= equal_error(roc(present, absent))[0] <= 1
    assert np.mean(np.array(absent) >= at_false_alarms(curve, rate)[1]) <= rate
    stretched = [[3 * score + 1 for score in part] for part in (present, absent)]
    assert evaluate(*stretched) == pytest.approx(evaluate(present, absent))


def test_mistakes_are_errors():
    with pytest.raises(UserError, match="absent: no score"):
        auroc([1.0], [])
    with pytest.raises(UserError, match="present: a score is NaN"):
        roc([np.nan], [1.0])
    with pytest.raises(UserError, match="rate: 2"):
        at_false_alarms(roc([1.0], [1.0]), 2)
