"""Whether the intervals mean what they say."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralsampleid.evaluation.bootstrap import bootstrap_mean, bootstrap_statistic

SETTINGS = {"resamples": 500, "confidence": 0.95}


def test_intervals_cover_the_mean_of_clustered_data():
    """Queries of a track succeed together; 95 % of the intervals should hold the true mean."""
    rng = np.random.default_rng(0)
    covered = naively_covered = 0
    trials = 400
    for trial in range(trials):
        sizes = rng.integers(1, 9, size=60)
        clusters = np.repeat([f"t{track}" for track in range(60)], sizes)
        values = np.repeat(rng.random(60), sizes) + 0.1 * rng.standard_normal(sizes.sum())
        low, high = bootstrap_mean(values, clusters, seed=trial, **SETTINGS)
        covered += low <= 0.5 <= high
        single = [str(place) for place in range(len(values))]
        low, high = bootstrap_mean(values, single, seed=trial, **SETTINGS)
        naively_covered += low <= 0.5 <= high
    assert 0.91 <= covered / trials <= 0.985
    assert naively_covered / trials < 0.85


def test_it_agrees_with_the_normal_approximation():
    values = np.random.default_rng(0).standard_normal(400)
    low, high = bootstrap_mean(values, [str(place) for place in range(400)], 4000, 0.95, seed=0)
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.01)
    assert high == pytest.approx(values.mean() + half, abs=0.01)


def test_one_cluster_says_nothing_and_equal_values_leave_no_doubt():
    assert all(map(math.isnan, bootstrap_mean([0, 1, 1], ["a"] * 3, seed=0, **SETTINGS)))
    assert bootstrap_mean([0.25] * 4, ["a", "b", "b", "c"], seed=0, **SETTINGS) == (0.25, 0.25)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12), st.integers(0, 99))
def test_systems_are_resampled_alike(values, seed):
    """Adding one hundredth to each answer moves the interval by just that."""
    clusters = [f"q{place % 5}" for place in range(len(values))]
    low, high = bootstrap_mean(values, clusters, 50, 0.9, seed)
    moved = bootstrap_mean(np.add(values, 0.01), clusters, 50, 0.9, seed)
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9
    assert moved == pytest.approx((low + 0.01, high + 0.01))


def test_the_order_of_queries_does_not_matter_and_the_seed_does():
    values, clusters = [0.0, 0.2, 1.0, 0.7, 0.4], ["d", "a", "c", "a", "b"]
    first = bootstrap_mean(values, clusters, seed=1, **SETTINGS)
    assert bootstrap_mean(values[::-1], clusters[::-1], seed=1, **SETTINGS) == pytest.approx(first)
    few = {bootstrap_mean(values, clusters, 10, 0.9, seed) for seed in range(5)}
    assert len(few) > 1


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12), st.integers(0, 99))
def test_any_statistic_is_resampled_as_the_mean_is(values, seed):
    clusters = [f"q{place % 5}" for place in range(len(values))]
    numbers = np.array(values)
    general = bootstrap_statistic(lambda rows: float(numbers[rows].mean()), clusters, 50, 0.9, seed)
    assert general == pytest.approx(bootstrap_mean(values, clusters, 50, 0.9, seed))


def test_a_statistic_that_cannot_always_be_computed_has_no_interval():
    known = np.array([1.0, np.inf, 2.0])
    found = bootstrap_statistic(lambda rows: float(known[rows].max()), list("abc"), 50, 0.9, 0)
    assert all(map(math.isnan, found))
    assert all(map(math.isnan, bootstrap_statistic(lambda _: 1.0, ["a", "a"], 50, 0.9, 0)))
