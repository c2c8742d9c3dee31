"""Whether a paired difference could be chance: sign flips by cluster, and Holm's correction."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

_EQUAL = 1e-9  # sums of the same numbers in another order differ by less


def sign_flip_p_values(
    differences: ArrayLike, clusters: ArrayLike, permutations: int, seed: int
) -> npt.NDArray[np.float64]:
    """Two-sided p-values of "the two systems are alike", by flipping signs of whole clusters.

    If two systems are exchangeable, then for each query track their answers might as well have been
    swapped, which turns the sign of all the track's differences at once. The p-value is the share
    of all such swaps whose total is at least as far from 0 as the observed one (Good 2005, chapter
    3). Clusters without a difference change nothing and are left out. If the rest allow at most
    ``permutations`` swaps, all are counted and the value is exact; else so many are drawn, the
    same for all pairs, and the observed one counts as one more, (b + 1) / (m + 1): never 0.

    Args:
        differences: (pairs, queries) one system's value less the other's.
        clusters: (queries,) the name of each query's cluster, such as its track.
        permutations: swaps at most; ≥ 1.
        seed: of the swaps drawn.

    Returns:
        (pairs,) in (0, 1]; 1 where fewer than two clusters differ.
    """
    names, members = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    of_cluster = np.equal.outer(members, np.arange(len(names))).astype(np.float64)
    totals = np.asarray(differences, dtype=np.float64) @ of_cluster
    totals[np.abs(totals) < _EQUAL] = 0.0
    observed = np.abs(totals.sum(axis=1)) - _EQUAL
    few = 2.0 ** np.count_nonzero(totals, axis=1) <= permutations
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], (permutations, len(names)))
    drawn = np.abs(signs @ totals.T) >= observed
    p_values = (drawn.sum(axis=0) + 1) / (permutations + 1)
    for pair in np.flatnonzero(few):
        sums = np.zeros(1)
        for total in totals[pair][totals[pair] != 0]:
            sums = np.concatenate([sums - total, sums + total])
        p_values[pair] = np.mean(np.abs(sums) >= observed[pair])
    return np.asarray(p_values, dtype=np.float64)


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
