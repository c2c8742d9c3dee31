"""The probability of an answer: by hand, recovered from draws, never less for more evidence."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralsampleid.errors import UserError
from neuralsampleid.library.probability import FILE, Calibration, fit, read_calibration


def test_by_hand():
    calibration = Calibration(1.0, 0.5, 2.0)
    found = calibration.probabilities(np.array([np.e - 1, 0.0]), np.array([np.e**2 - 1, -3.0]), 10)
    # logits 1 + 0.5 · 2 + 2 · 1 − log 10, and 1 − log 10
    np.testing.assert_allclose(found, [1 / (1 + 10 * np.exp(-4)), 1 / (1 + 10 * np.exp(-1))])


def test_scores_that_are_log_likelihoods_by_hand():
    """Each nat counts, so that a large library needs but few more."""
    calibration = Calibration(-1.0, 0.0, 0.0, linear=0.25)
    found = calibration.probabilities(np.array([40.0, 60.0, 1e6]), np.zeros(3), 10_000)
    logits = np.array([-1 + 10, -1 + 15]) - np.log(10_000)
    np.testing.assert_allclose(found, [*(1 / (1 + np.exp(-logits))), 1.0])
    few = calibration.probabilities(np.array([40.0]), np.zeros(1), 10)
    assert few == calibration.probabilities(np.array([40.0]), np.zeros(1), 150)
    drawn = np.random.default_rng(0)
    scores, tracks = drawn.exponential(30, 20_000), drawn.integers(1000, 3000, 20_000)
    excess = drawn.exponential(3, 20_000)
    right = drawn.random(20_000) < [
        calibration.probabilities(scores[[i]], excess[[i]], int(tracks[i]))[0]
        for i in range(20_000)
    ]
    fitted = fit(scores, excess, tracks, right)
    assert fitted.linear == pytest.approx(0.25, abs=0.03)
    assert fitted.probabilities(np.array([60.0]), np.zeros(1), 10_000)[0] == pytest.approx(
        found[1], abs=0.05
    )


def test_the_function_that_drew_the_truth_is_found():
    rng = np.random.default_rng(0)
    scores, excess = rng.exponential(4, 20_000), rng.exponential(3, 20_000)
    tracks = rng.integers(10, 300, 20_000)
    true = Calibration(-1.0, 1.5, 1.0)
    probability = [
        true.probabilities(scores[[i]], excess[[i]], int(tracks[i]))[0] for i in range(20_000)
    ]
    fitted = fit(scores, excess, tracks, rng.random(20_000) < probability)
    assert (fitted.intercept, fitted.excess, fitted.score) == pytest.approx((-1, 1.5, 1), abs=0.2)


def test_evidence_against_is_no_evidence():
    """Where what stands out less is right more often, the slopes stay at 0."""
    scores = np.linspace(0, 10, 200)
    fitted = fit(scores, scores, np.full(200, 5), scores < 5)
    assert (fitted.excess, fitted.score, fitted.linear) == (0, 0, 0)
    assert fitted.probabilities(np.zeros(1), np.zeros(1), 5)[0] == pytest.approx(0.5, abs=0.01)


def test_a_fit_stays_finite_where_right_and_wrong_do_not_overlap():
    scores = np.concatenate([np.full(20, 1.0), np.full(20, 30.0)])
    fitted = fit(scores, scores, np.full(40, 100), scores > 10)
    assert np.isfinite([fitted.intercept, fitted.excess, fitted.score]).all()
    assert fitted.probabilities(np.array([30.0]), np.array([30.0]), 100)[0] > 0.95


@pytest.mark.parametrize("right", [np.zeros(3, bool), np.ones(3, bool)])
def test_one_kind_of_truth_is_not_enough(right):
    with pytest.raises(UserError, match=f"{right.sum()} of 3 tracks found are right"):
        fit(np.ones(3), np.ones(3), np.full(3, 9), right)


@given(
    st.floats(-20, 5), st.floats(0, 5), st.floats(0, 5), st.floats(0, 50), st.floats(-5, 50),
    st.floats(0, 9), st.integers(1, 10**6),
)  # fmt: skip
def test_more_evidence_is_never_less_probable(a, b, c, score, excess, more, tracks):
    calibration = Calibration(a, b, c)
    less = calibration.probabilities(np.array([score]), np.array([excess]), tracks)[0]
    both = np.array([score + more]), np.array([excess + more])
    assert 0 <= less <= calibration.probabilities(*both, tracks)[0] <= 1
    assert calibration.probabilities(np.array([score]), np.array([excess]), tracks + 1)[0] <= less


def test_files(tmp_path):
    path = tmp_path / FILE
    assert read_calibration(path) is None
    calibration = Calibration(-1.0, 0.5, 2.0, 40, 0.03, 0.02, 0.05)
    path.write_text(json.dumps(calibration.as_json()))
    assert read_calibration(path) == calibration
    path.write_text(json.dumps({**calibration.as_json(), "score": "much"}))
    with pytest.raises(UserError, match=r"calibration\.json: no calibration"):
        read_calibration(path)
