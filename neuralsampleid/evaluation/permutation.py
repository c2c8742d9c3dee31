"""Whether a paired difference could be chance: sign flips by cluster, and Holm's correction."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

_SIGNS_AT_ONCE = 1_000_000  # bounds the memory


def sign_flip_p_value(
    differences: ArrayLike, clusters: ArrayLike, permutations: int, seed: int
) -> float:
    """Two-sided p-value of "the two systems are alike", by flipping signs of whole clusters.

    If two systems are exchangeable, then for each query track their answers might as well have been
    swapped, which turns the sign of all the track's differences at once. The p-value is the share
    of all such swaps whose total is at least as far from 0 as the observed one (Good 2005, chapter
    3; ``scipy.stats.permutation_test``). Clusters without a difference change nothing and are left
    out. If the rest allow at most ``permutations`` swaps, all are counted and the value is exact;
    else so many are drawn and the observed one counts as one more, (b + 1) / (m + 1), so that it is
    never 0.

    Args:
        differences: (queries,) one system's value less the other's.
        clusters: (queries,) the name of each query's cluster, such as its track.
        permutations: swaps at most; ≥ 1.
        seed: of the swaps drawn.

    Returns:
        In (0, 1]; 1 where fewer than two clusters differ.
    """
    _, members = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    totals = np.bincount(members, weights=np.asarray(differences, dtype=np.float64))
    totals = totals[~np.isclose(totals, 0, atol=1e-9)]
    if len(totals) < 2:  # the one swap is as far from 0
        return 1.0
    from scipy import stats  # slow to load; what shows results does without

    test = stats.permutation_test(
        (totals,), _distance, permutation_type="samples", vectorized=True, alternative="greater",
        n_resamples=permutations, rng=seed,
        batch=max(1, _SIGNS_AT_ONCE // len(totals)),
    )  # fmt: skip
    return float(test.pvalue)


def _distance(totals: npt.NDArray[np.float64], axis: int) -> npt.NDArray[np.float64]:
    return np.asarray(np.abs(totals.sum(axis)))


def holm(p_values: ArrayLike) -> npt.NDArray[np.float64]:
    """P-values corrected for their number (Holm 1979): (m − i + 1) · p₍ᵢ₎, made to never fall.

    To call those at or below α significant errs in any of them with a probability of at most α.

    Args:
        p_values: (tests,) of one family.

    Returns:
        (tests,) in the same order, at most 1.
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    return corrected
