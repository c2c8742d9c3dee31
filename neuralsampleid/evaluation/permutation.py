"""Whether a paired difference could be chance: sign flips by cluster, and Holm's correction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

_EQUAL = 1e-9  # relative: sums in another order differ by less


def sign_flip_p_value(
    differences: ArrayLike, clusters: Sequence[str], permutations: int, seed: int
) -> float:
    """Two-sided p-value of "the two systems are alike", by flipping signs of whole clusters.

    If two systems are exchangeable, then for each query track their answers might as well have been
    swapped, which turns the sign of all the track's differences at once. The p-value is the share
    of all such swaps whose total is at least as far from 0 as the observed one (Good 2005, chapter
    3).
    Clusters without a difference change nothing and are left out. If the rest allow at most
    ``permutations`` swaps, all are counted and the value is exact; else so many are drawn and
    the observed one counts as one more, (b + 1) / (m + 1), so that it is never 0.

    Args:
        differences: (queries,) one system's value less the other's.
        clusters: (queries,) the name of each query's cluster, such as its track.
        permutations: swaps at most; ≥ 1.
        seed: of the swaps drawn.

    Returns:
        In (0, 1]; 1 where no query differs.
    """
    _, members = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    totals = np.bincount(members, weights=np.asarray(differences, dtype=np.float64))
    totals = totals[np.abs(totals) > _EQUAL]
    if not len(totals):
        return 1.0
    exact = len(totals) < 63 and 2 ** len(totals) <= permutations
    signs = _all_signs(len(totals)) if exact else _some_signs(len(totals), permutations, seed)
    limit = abs(totals.sum()) * (1 - _EQUAL)
    extreme = int(np.sum(np.abs(signs @ totals) >= limit))
    return extreme / len(signs) if exact else (extreme + 1) / (len(signs) + 1)


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


def _all_signs(count: int) -> npt.NDArray[np.float64]:
    """Every way of choosing signs, (2^count, count)."""
    bits = np.arange(2**count)[:, None] >> np.arange(count) & 1
    return np.asarray(1.0 - 2.0 * bits, dtype=np.float64)


def _some_signs(count: int, permutations: int, seed: int) -> npt.NDArray[np.float64]:
    bits = np.random.default_rng(seed).integers(0, 2, size=(permutations, count))
    return np.asarray(1.0 - 2.0 * bits, dtype=np.float64)
