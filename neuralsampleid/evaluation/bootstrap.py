"""Confidence intervals for a mean over queries, when queries come in clusters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def bootstrap_mean(
    values: ArrayLike, clusters: Sequence[str], resamples: int, confidence: float, seed: int
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean, resampling whole clusters.

    Segment queries from one track are not independent, so tracks are drawn with replacement, each
    with all its queries (Davison and Hinkley 1997, section 3.8). A resample's mean is the sum of
    its values over their number. With one query per cluster this is the ordinary bootstrap. The
    draws depend on the number of clusters and the seed alone: systems that answer the same queries
    are resampled alike.

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
        return float("nan"), float("nan")
    sums = np.bincount(members, weights=np.asarray(values, dtype=np.float64))
    sizes = np.bincount(members).astype(np.float64)
    share = np.full(len(names), 1 / len(names))
    # (resamples, clusters): how often each cluster was drawn
    drawn = np.random.default_rng(seed).multinomial(len(names), share, size=resamples)
    means = (drawn @ sums) / (drawn @ sizes)
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)
