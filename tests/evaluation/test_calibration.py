"""Probabilities against outcomes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralsampleid.errors import UserError
from neuralsampleid.evaluation.calibration import expected_calibration_error, reliability_curve

answers = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30)


def test_a_curve_by_hand():
    curve = reliability_curve([0.1, 0.3, 0.5, 0.9, 1.0], [0, 1, 0, 1, 1], bins=2)
    assert curve["pairs"].tolist() == [2, 3]  # 0.5 belongs to the upper half
    assert curve["mean_probability"].tolist() == pytest.approx([0.2, 0.8])
    assert curve["share_right"].tolist() == pytest.approx([0.5, 2 / 3])
    error = expected_calibration_error([0.1, 0.3, 0.5, 0.9, 1.0], [0, 1, 0, 1, 1], bins=2)
    assert error == pytest.approx(2 / 5 * 0.3 + 3 / 5 * (0.8 - 2 / 3))


def test_empty_bins_count_for_nothing():
    curve = reliability_curve([0.95], [True])
    assert curve["share_right"].isna().sum() == 9
    assert expected_calibration_error([0.95], [True]) == pytest.approx(0.05)


def test_honest_probabilities_are_calibrated_and_boasting_ones_are_not():
    rng = np.random.default_rng(0)
    said = rng.random(20000)
    so = rng.random(20000) < said
    assert expected_calibration_error(said, so) < 0.015
    assert expected_calibration_error(np.sqrt(said), so) > 0.1


@given(answers)
def test_the_error_is_a_share_and_says_the_same_of_the_opposite(pairs):
    said, so = map(np.array, zip(*pairs, strict=True))
    error = expected_calibration_error(said, so)
    assert 0 <= error <= 1
    # One bin: no edge to fall on another side of.
    opposite = expected_calibration_error(1 - said, ~so, bins=1)
    assert opposite == pytest.approx(expected_calibration_error(said, so, bins=1), abs=1e-9)
    assert reliability_curve(said, so)["pairs"].sum() == len(pairs)


@pytest.mark.parametrize(
    ("said", "so", "message"),
    [([], [], "0 probabilities"), ([0.5], [1, 0], "2 outcomes"), ([1.5], [1], "outside")],
)
def test_mistakes_are_errors(said, so, message):
    with pytest.raises(UserError, match=message):
        expected_calibration_error(said, so)
