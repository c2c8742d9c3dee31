"""The straight line through landmarks that lie near a line of the search's grid.

The grid's tempo ratios are 4 % apart, so its lines leave the true one after some seconds. A fit to
the landmarks' own times tells the ratio, and the whole length can be followed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from neuralsampleid.best_runs import best_runs
from neuralsampleid.landmarks.pairs import Floats, Integers

_ROUNDS = 4  # each fits what the last one reached
_FEWEST = 8  # landmarks of a fit


@dataclass(frozen=True)
class Straight:
    """A part of a query and where it lies in a track, in frames."""

    first: int  # of the query
    last: int
    slope: float  # the query's speed over the track's
    lag: float  # where the query's frame 0 lies in the track

    def at(self, times: Integers) -> Floats:
        """Frames of the track for frames of the query."""
        return np.asarray(self.slope * times + self.lag, np.float64)


def straightened(
    line: Straight,
    equal: Callable[[float], tuple[Integers, Integers]],
    bounds: tuple[int, int],
    reach: int,
    steepest: float,
    frame_cost: float,
) -> Straight:
    """A line that is fitted to the landmarks near it, as far as they go on.

    Args:
        line: of the grid.
        equal: of a slope → frames in the query and in the track of equal landmarks.
        bounds: frames of the query beyond which it must not go.
        reach: frames of the track by which a landmark may lie off.
        steepest: the most by which the slope may be multiplied or divided.
        frame_cost: landmarks that a frame of the query costs.
    """
    grid = line.slope
    for _ in range(_ROUNDS):
        times, there = equal(line.slope)
        near = (np.abs(there - line.at(times)) <= reach) & (times >= line.first)
        near &= times <= line.last
        if near.sum() < _FEWEST:
            return line
        centre = times[near].mean()
        slope = float(np.polyfit(times[near] - centre, there[near], 1)[0])
        slope = min(max(slope, grid / steepest), grid * steepest)
        line = replace(line, slope=slope, lag=float(there[near].mean() - slope * centre))
        on = (np.abs(there - line.at(times)) <= reach) & (times >= bounds[0]) & (times <= bounds[1])
        own = np.sort(times[on])
        if not len(own):
            return line
        scores, begins = best_runs(np.zeros_like(own), own, np.ones(len(own)), frame_cost)
        end = int(scores.argmax())
        line = replace(line, first=int(begins[end]), last=int(own[end]))
    return line
