"""Confidence intervals for what is computed over queries, when queries come in clusters.

Segment queries from one track are not independent, so tracks are drawn with replacement, each with
all its queries (Davison and Hinkley 1997, section 3.8). With one query per cluster this is the
ordinary bootstrap. The draws depend on the number of clusters and the seed alone: systems that
answer the same queries are resampled alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

_UNKNOWN = (float("nan"), float("nan"))


def bootstrap_mean(
    values: ArrayLike, clusters: Sequence[str], resamples: int, confidence: float, seed: int
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean, resampling whole clusters.

    A resample's mean is the sum of its values over their number.

    Args:
        values: (queries,), in any unit.
        clusters: (queries,) the name of each query's cluster, such as its track.
        resamples: number of resamples; ≥ 1.
        confidence: share of the resampled means within the interval; in (0, 1).
        seed: of the draws.

    Returns:
        Low and high end in the unit of ``values``; both NaN for fewer than two clusters, which say
        nothing about how far clusters differ.
    """
    names, members = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    if len(names) < 2:
        return _UNKNOWN
    sums = np.bincount(members, weights=np.asarray(values, dtype=np.float64))
    sizes = np.bincount(members).astype(np.float64)
    drawn = _draws(len(names), resamples, seed)
    return _percentiles((drawn @ sums) / (drawn @ sizes), confidence)


def bootstrap_statistic(
    statistic: Callable[[npt.NDArray[np.int64]], float],
    clusters: Sequence[str],
    resamples: int,
    confidence: float,
    seed: int,
) -> tuple[float, float]:
    """Percentile bootstrap interval of anything that is computed from rows, by whole clusters.

    Args:
        statistic: takes the numbers of the rows drawn, some repeatedly; NaN or an infinite number
            where it cannot be computed from them, which leaves the interval unknown.
        clusters: see ``bootstrap_mean``, as all that follow.
        resamples: see there.
        confidence: see there.
        seed: see there.

    Returns:
        Low and high end in the unit of the statistic; both NaN for fewer than two clusters.
    """
    names, members = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    if len(names) < 2:
        return _UNKNOWN
    rows = np.arange(len(members))
    drawn = _draws(len(names), resamples, seed)
    values = np.array([statistic(np.repeat(rows, times[members])) for times in drawn])
    return _percentiles(values, confidence) if np.isfinite(values).all() else _UNKNOWN


@lru_cache(maxsize=4)  # one table asks for the same draws hundreds of times
def _draws(clusters: int, resamples: int, seed: int) -> npt.NDArray[np.int64]:
    """How often each cluster was drawn, (resamples, clusters); read-only."""
    share = np.full(clusters, 1 / clusters)
    drawn = np.random.default_rng(seed).multinomial(clusters, share, size=resamples)
    drawn.flags.writeable = False
    return drawn


def _percentiles(values: npt.NDArray[np.float64], confidence: float) -> tuple[float, float]:
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
