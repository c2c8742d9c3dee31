"""Values with confidence intervals, when queries come in clusters.

Queries from one track are not independent, so tracks are drawn with replacement, each with all its
queries (Davison and Hinkley 1997, section 3.8). The intervals are bias-corrected and accelerated
(BCa; Efron 1987), which cover better than percentiles where tracks are few or a share is near 0 or
1. The draws depend on the number of tracks and the seed alone: systems that answer the same queries
are resampled alike.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

DECIMALS = 6  # more would differ between machines
_EQUAL_DECIMALS = 9
_DRAWN_AT_ONCE = 1_000_000  # tracks; bounds the memory
Numbers = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


class Estimate(NamedTuple):
    """A value with its interval, rounded; NaN where unknown. The last columns of ``METRICS``."""

    value: float
    low: float
    high: float
    queries: int


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made.

    Attributes:
        resamples: number of resamples; ≥ 1.
        confidence: how often an interval shall hold the true value; in (0, 1).
        seed: of the draws.
    """

    resamples: int
    confidence: float
    seed: int

    def mean(self, values: ArrayLike, tracks: ArrayLike) -> Estimate:
        """The mean over queries; unknown where there is none.

        Args:
            values: (queries,), in any unit.
            tracks: (queries,) the track of each query.
        """
        numbers = np.asarray(values, dtype=np.float64)
        if not len(numbers):
            return Estimate(np.nan, np.nan, np.nan, 0)
        (low,), (high,) = self.means(numbers[None], tracks)
        return _rounded(float(numbers.mean()), low, high, len(numbers))

    def means(self, values: Numbers, tracks: ArrayLike) -> tuple[Numbers, Numbers]:
        """Intervals of several means over the same queries, which are resampled alike.

        Args:
            values: (means, queries), in any unit.
            tracks: (queries,) the track of each query.

        Returns:
            Low and high ends, (means,); NaN for fewer than two tracks, which say nothing about how
            far tracks differ.
        """
        return self._ratio_ends(values, np.ones((1, values.shape[1])), tracks)

    def ratios(self, above: Numbers, below: Numbers, tracks: ArrayLike) -> list[Estimate]:
        """Ratios of sums, such as a share of things of which a query has any number.

        Args:
            above: (ratios, rows) what is summed in the numerator.
            below: (ratios, rows) and in the denominator; 0 / 0 is 0.
            tracks: (rows,) the track of each row.
        """
        count = len(np.unique(np.asarray(tracks, dtype=str)))
        if not count:
            return [Estimate(np.nan, np.nan, np.nan, 0)] * len(above)
        values = _ratio(above.sum(axis=1), below.sum(axis=1))
        ends = zip(values, *self._ratio_ends(above, below, tracks), strict=True)
        return [_rounded(float(value), low, high, count) for value, low, high in ends]

    def _ratio_ends(
        self, above: Numbers, below: Numbers, tracks: ArrayLike
    ) -> tuple[Numbers, Numbers]:
        """Low and high ends of sums over sums."""
        names, members = np.unique(np.asarray(tracks, dtype=str), return_inverse=True)
        tops, bottoms = (
            np.stack([np.bincount(members, row, len(names)) for row in part])
            for part in (above, below)
        )

        def ratio(drawn: Rows, axis: int = -1) -> Numbers:
            return _ratio(tops[:, drawn].sum(axis), bottoms[:, drawn].sum(axis))

        return self._interval(ratio, len(names))

    def median(self, values: ArrayLike, tracks: ArrayLike) -> Estimate:
        """The median of values, at least one, of which a track has any number; as of ``mean``."""
        numbers = np.asarray(values, dtype=np.float64)
        found = self.statistics(lambda rows: {"": float(np.median(numbers[rows]))}, tracks)
        return found[""]

    def statistics(
        self, of_rows: Callable[[Rows], dict[str, float]], tracks: ArrayLike
    ) -> dict[str, Estimate]:
        """Anything that is computed from rows, by name.

        Args:
            of_rows: takes the numbers of the rows drawn, some repeatedly. A value that is NaN or
                infinite, because it cannot be computed from them, leaves its interval unknown.
            tracks: (rows,) the track of each row.
        """
        names, members = np.unique(np.asarray(tracks, dtype=str), return_inverse=True)
        rows = np.arange(len(members))

        def of_tracks(drawn: Rows, axis: int = -1) -> Numbers:
            flat = drawn.reshape(-1, drawn.shape[axis])
            times = (np.bincount(tracks, minlength=len(names)) for tracks in flat)
            found = [[*of_rows(np.repeat(rows, each[members])).values()] for each in times]
            return np.array(found).T.reshape(-1, *drawn.shape[:-1])

        ends = self._interval(of_tracks, len(names))
        return {
            name: _rounded(value, low, high, len(rows))
            for (name, value), low, high in zip(of_rows(rows).items(), *ends, strict=True)
        }

    def _interval(self, statistic: Callable[..., Numbers], count: int) -> tuple[Numbers, Numbers]:
        """Low and high ends of statistics of the tracks 0 … count − 1."""
        from scipy import stats  # slow to load; what shows results does without

        if count < 2:
            unknown = np.full(np.shape(statistic(np.arange(count))), np.nan)
            return unknown, unknown

        def rounded(drawn: Rows, axis: int = -1) -> Numbers:
            # The bias counts resamples equal to the value: they must not differ by rounding.
            return np.round(statistic(drawn, axis), _EQUAL_DECIMALS)

        tail = (1 - self.confidence) / 2
        with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
            warnings.simplefilter("ignore", stats.DegenerateDataWarning)
            found = stats.bootstrap(
                (np.arange(count),), rounded, n_resamples=self.resamples, vectorized=True,
                confidence_level=self.confidence, method="BCa", rng=self.seed,
                batch=max(1, _DRAWN_AT_ONCE // count),
            )  # fmt: skip
            drawn = found.bootstrap_distribution
            percentiles = np.quantile(drawn, [tail, 1 - tail], axis=-1)
        known = np.isfinite(drawn).all(axis=-1)
        low, high = (
            # Without an acceleration (no single track moves the value) they are percentiles, and
            # of equal values, such as an oracle's, the value.
            np.where(known, np.where(np.isnan(end), percentile, end), np.nan)
            for end, percentile in zip(found.confidence_interval, percentiles, strict=True)
        )
        return low, high


def _ratio(above: Numbers, below: Numbers) -> Numbers:
    """Quotients; 0 / 0 is 0."""
    return np.divide(above, below, out=np.zeros(np.shape(above)), where=below != 0)


def without_interval(value: float, queries: int) -> Estimate:
    """A value of which no interval is known."""
    return Estimate(round(value, DECIMALS), np.nan, np.nan, queries)


def _rounded(value: float, low: float, high: float, queries: int) -> Estimate:
    value, low, high = (round(float(part), DECIMALS) for part in (value, low, high))
    return Estimate(value, low, high, queries)
