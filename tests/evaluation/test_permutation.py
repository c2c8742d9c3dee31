"""Whether the p-values mean what they say."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralsampleid.evaluation.permutation import holm, sign_flip_p_values


def sign_flip_p_value(values, clusters, permutations, seed):
    (p_value,) = sign_flip_p_values([values], clusters, permutations, seed)
    return p_value


differences = st.lists(st.integers(-4, 4).map(float), min_size=1, max_size=8)


def naive(values, clusters):
    """By trying every sign of every cluster, one after the other."""
    names = sorted(set(clusters))
    extreme = 0
    for signs in itertools.product([1, -1], repeat=len(names)):
        sign = dict(zip(names, signs, strict=True))
        total = sum(v * sign[c] for v, c in zip(values, clusters, strict=True))
        extreme += abs(total) >= abs(sum(values)) - 1e-9
    return extreme / 2 ** len(names)


@given(differences, st.data())
def test_few_clusters_are_tested_exactly(values, data):
    clusters = [data.draw(st.sampled_from("abcde")) for _ in values]
    p_value = sign_flip_p_value(values, clusters, 2**5, seed=0)
    assert p_value == pytest.approx(naive(values, clusters))
    negated = [-value for value in values]
    assert sign_flip_p_value(negated, clusters, 2**5, seed=1) == pytest.approx(p_value)


def test_by_hand():
    assert sign_flip_p_value([1, 1, 1], ["a", "b", "c"], 100, seed=0) == 2 / 8
    # Three queries of one track are one piece of evidence.
    assert sign_flip_p_value([1, 1, 1], ["a", "a", "a"], 100, seed=0) == 1
    assert sign_flip_p_value([0, 0], ["a", "b"], 100, seed=0) == 1
    # Clusters without a difference change nothing, so that this is still exact.
    many = [str(place) for place in range(40)]
    assert sign_flip_p_value([1, 1] + [0] * 38, many, 4, seed=0) == 0.5


def test_many_clusters_are_sampled_close_to_the_exact_value():
    rng = np.random.default_rng(0)
    values, clusters = rng.normal(0.35, 1, 16), [str(place) for place in range(16)]
    exact = sign_flip_p_value(values, clusters, 2**16, seed=0)
    sampled = sign_flip_p_value(values, clusters, 20000, seed=0)
    assert 0.01 < exact < 0.9
    assert sampled == pytest.approx(exact, abs=0.015)
    assert sampled == sign_flip_p_value(values, clusters, 20000, seed=0)
    assert sampled != sign_flip_p_value(values, clusters, 20000, seed=1)
    # A clear difference has the least value that so many draws can give.
    assert sign_flip_p_value([1.0] * 60, list(map(str, range(60))), 999, seed=0) == 1 / 1000


def test_several_pairs_are_tested_as_each_alone():
    rng = np.random.default_rng(2)
    values, clusters = rng.normal(0.2, 1, (3, 40)), [str(place // 2) for place in range(40)]
    values[1, 6:] = 0  # three clusters differ: exact
    together = sign_flip_p_values(values, clusters, 300, seed=0)
    assert together.tolist() == [sign_flip_p_value(row, clusters, 300, 0) for row in values]
    assert together[1] * 2**3 == pytest.approx(round(together[1] * 2**3))


def test_equal_systems_are_called_different_as_rarely_as_promised():
    rng = np.random.default_rng(1)
    clusters = [str(place // 3) for place in range(36)]
    found = [
        sign_flip_p_value(np.repeat(rng.normal(size=12), 3) + rng.normal(size=36), clusters, 500, 0)
        for _ in range(400)
    ]
    assert 0.02 < np.mean(np.array(found) <= 0.05) < 0.085


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]).tolist() == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_lies_between_the_value_and_bonferroni(values):
    corrected = holm(values)
    bonferroni = np.minimum(np.array(values) * len(values), 1)
    assert (corrected >= np.array(values) - 1e-12).all()
    assert (corrected <= bonferroni + 1e-12).all()
    order = np.argsort(values, kind="stable")
    assert (np.diff(corrected[order]) >= -1e-12).all()
