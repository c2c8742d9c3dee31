"""Whether the intervals mean what they say."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from neuralsampleid.evaluation.intervals import Bootstrap

SETTINGS = Bootstrap(resamples=500, confidence=0.95, seed=0)


def interval(values, clusters, bootstrap=SETTINGS):
    estimate = bootstrap.mean(values, clusters)
    return estimate.low, estimate.high


def normal(value):
    return stats.norm.cdf(value)


def naive(values, clusters, bootstrap):
    """BCa step by step (Efron and Tibshirani 1993, section 14.3), from the same draws."""
    names = sorted(set(clusters))
    parts = [[v for v, c in zip(values, clusters, strict=True) if c == name] for name in names]

    def mean(chosen):
        return np.mean([value for place in chosen for value in parts[place]])

    rng = np.random.default_rng(bootstrap.seed)
    drawn = rng.integers(0, len(names), (bootstrap.resamples, len(names)))
    resampled = np.round([mean(chosen) for chosen in drawn], 9)
    value = round(mean(range(len(names))), 9)
    below = ((resampled < value).mean() + (resampled <= value).mean()) / 2
    bias = stats.norm.ppf(below)
    without = [mean([p for p in range(len(names)) if p != left]) for left in range(len(names))]
    skew = np.mean(without) - np.array(without)
    acceleration = (skew**3).sum() / (6 * (skew**2).sum() ** 1.5)
    ends = []
    for tail in (1 - bootstrap.confidence, 1 + bootstrap.confidence):
        z = bias + stats.norm.ppf(tail / 2)
        ends.append(np.quantile(resampled, normal(bias + z / (1 - acceleration * z))))
    return ends


def test_intervals_cover_the_mean_of_clustered_data():
    """Queries of a track succeed together; 95 % of the intervals should hold the true mean."""
    rng = np.random.default_rng(0)
    covered = naively_covered = 0
    trials = 400
    for trial in range(trials):
        sizes = rng.integers(1, 9, size=60)
        clusters = np.repeat([f"t{track}" for track in range(60)], sizes)
        values = np.repeat(rng.random(60), sizes) + 0.1 * rng.standard_normal(sizes.sum())
        bootstrap = Bootstrap(500, 0.95, trial)
        low, high = interval(values, clusters, bootstrap)
        covered += low <= 0.5 <= high
        low, high = interval(values, range(len(values)), bootstrap)
        naively_covered += low <= 0.5 <= high
    assert 0.91 <= covered / trials <= 0.985
    assert naively_covered / trials < 0.85


def test_few_tracks_are_covered_where_percentiles_are_not():
    """Hit rates of 24 tracks with three queries each, near 1: the case of a small benchmark."""
    rng = np.random.default_rng(0)
    chances = np.clip(rng.normal(0.9, 0.2, 10**6), 0, 1)
    clusters = np.repeat(np.arange(24), 3)
    covered = covered_by_percentiles = 0
    for trial in range(400):
        hits = rng.random(72) < np.repeat(rng.choice(chances, 24), 3)
        low, high = interval(hits, clusters, Bootstrap(500, 0.95, trial))
        covered += low <= chances.mean() <= high
        drawn = hits.reshape(24, 3)[rng.integers(0, 24, (500, 24))].mean(axis=(1, 2))
        low, high = np.quantile(drawn, [0.025, 0.975])
        covered_by_percentiles += low <= chances.mean() <= high
    assert covered > covered_by_percentiles
    assert covered / 400 >= 0.9


def test_it_agrees_with_the_normal_approximation():
    values = np.random.default_rng(0).standard_normal(400)
    low, high = interval(values, range(400), Bootstrap(4000, 0.95, 0))
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.01)
    assert high == pytest.approx(values.mean() + half, abs=0.01)


def test_it_is_bca_step_by_step():
    values, clusters = [0, 0.2, 1, 0.7, 0.4, 0.9, 0.1, 0.3], list("dacabefg")
    bootstrap = Bootstrap(300, 0.9, 7)
    assert interval(values, clusters, bootstrap) == pytest.approx(
        naive(values, clusters, bootstrap), abs=1e-6
    )


def test_no_query_one_track_and_equal_values():
    assert [*map(str, SETTINGS.mean([], []))] == ["nan", "nan", "nan", "0"]
    assert all(map(math.isnan, interval([0, 1, 1], ["a"] * 3)))
    assert SETTINGS.mean([0.1] * 4, ["a", "b", "b", "c"]) == (0.1, 0.1, 0.1, 4)


@given(st.lists(st.integers(0, 9), min_size=2, max_size=12), st.integers(0, 99))
def test_systems_are_resampled_alike(values, seed):
    """Adding one to each answer moves the interval by just that, together or apart."""
    clusters = [f"q{place % 5}" for place in range(len(values))]
    bootstrap = Bootstrap(50, 0.9, seed)
    low, high = bootstrap.means(np.array([values, np.add(values, 1)], float), clusters)
    assert interval(values, clusters, bootstrap) == pytest.approx((low[0], high[0]), abs=1e-6)
    assert min(values) <= low[0] <= high[0] <= max(values)
    assert (low[1], high[1]) == pytest.approx((low[0] + 1, high[0] + 1))


def test_the_order_of_queries_does_not_matter_and_the_seed_does():
    values, clusters = [0.0, 0.2, 1.0, 0.7, 0.4], ["d", "a", "c", "a", "b"]
    assert interval(values[::-1], clusters[::-1]) == pytest.approx(interval(values, clusters))
    few = {interval(values, clusters, Bootstrap(10, 0.9, seed)) for seed in range(5)}
    assert len(few) > 1


@given(st.lists(st.integers(0, 8), min_size=2, max_size=12), st.integers(0, 99))
def test_any_statistic_is_resampled_as_the_mean_is(values, seed):
    clusters = [f"q{place % 5}" for place in range(len(values))]
    bootstrap, numbers = Bootstrap(50, 0.9, seed), np.array(values, float)
    found = bootstrap.statistics(
        lambda rows: {"mean": float(numbers[rows].mean()), "sum": 3.0}, clusters
    )
    assert found["mean"] == pytest.approx(bootstrap.mean(values, clusters), nan_ok=True)
    assert found["sum"][0] == 3


def test_without_an_acceleration_the_ends_are_percentiles():
    """Leaving out any one track leaves the median as it is; drawing the last one often does not."""
    values = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 5.0])
    found = SETTINGS.statistics(lambda rows: {"": float(np.median(values[rows]))}, list("abcdef"))
    assert found[""] == (1, 1, 3, 6)


def test_a_statistic_that_cannot_always_be_computed_has_no_interval():
    known = np.array([1.0, np.inf, 2.0])
    found = SETTINGS.statistics(lambda rows: {"": float(known[rows].max())}, list("abc"))[""]
    assert found.value == math.inf
    assert all(map(math.isnan, found[1:3]))
    single = SETTINGS.statistics(lambda _: {"": 1.0}, ["a", "a"])[""]
    assert single.value == 1
    assert all(map(math.isnan, single[1:3]))
