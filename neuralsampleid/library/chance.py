"""What unrelated tracks reach: false alarms measured in the library itself.

A track's score is set against the other scores for the same query: its excess is how far it
lies above their median, in units of what the upper quartile does; the scores with the query's time
reversed count among them, so that a small library has some. How large an excess chance brings is
measured, since music of one tempo lines up more than any formula from the noise predicts: up to
``ASKED`` of the library's own tracks are asked about, each without itself. Copies, remixes and
samples inside the library count as chance there, so the estimate is conservative.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ASKED = 50  # tracks of the library, at most
FEWEST = 10  # tracks in a library, before chance can be measured
KEPT = 20  # largest excesses of each
_SMALLEST_SPREAD = 0.25  # votes; where nearly all tracks score alike

Floats = npt.NDArray[np.float64]


def excesses(forwards: Floats, backwards: Floats) -> Floats:
    """How far each track stands out from the others, (tracks,).

    Args:
        forwards: (tracks,) scores of all tracks but the query itself, at least one.
        backwards: (tracks,) the same with the query's time reversed; (0,) where not known.
    """
    median, quartile = np.quantile(np.concatenate([forwards, backwards]), [0.5, 0.75])
    excess: Floats = (forwards - median) / max(float(quartile - median), _SMALLEST_SPREAD)
    return excess


def excesses_without(
    forwards: Floats, without: Set[int], backwards: Floats | None = None
) -> Floats:
    """``excesses`` of all tracks but some, whose own are 0; (tracks,) as are the scores."""
    others = np.setdiff1d(np.arange(len(forwards)), list(without))
    excess = np.zeros(len(forwards))
    if len(others):
        reversed_scores = np.zeros(0) if backwards is None else backwards[others]
        excess[others] = excesses(forwards[others], reversed_scores)
    return excess


@dataclass(frozen=True)
class Chance:
    """The largest excesses that tracks of the library found among each other."""

    asked: float  # tracks, each about all others
    found: tuple[float, ...]  # ascending

    @classmethod
    def of(cls, measured: list[Floats]) -> Chance:
        """From the excesses that each track found."""
        largest = np.sort(np.concatenate([np.sort(values)[-KEPT:] for values in measured]))
        return cls(len(measured), tuple(np.round(largest, 6).tolist()))

    @classmethod
    def together(cls, parts: Sequence[tuple[Chance | None, int]]) -> Chance | None:
        """Of several libraries that are searched as one; None if none was measured.

        False alarms add up: each library's tracks were asked about its own tracks only, so what
        they found counts as if so many fewer had been asked about all. A library that was not
        measured counts as the others do.

        Args:
            parts: what was measured in each, and how many tracks it has.
        """
        measured = [(chance, tracks) for chance, tracks in parts if chance is not None]
        if not measured:
            return None
        pairs = sum(chance.asked * tracks for chance, tracks in measured)
        found = sorted(value for chance, _ in measured for value in chance.found)
        return cls(pairs / sum(tracks for _, tracks in parts), tuple(found))

    def false_alarms(self, excess: float) -> float:
        """How many unrelated tracks per query reach this: one more than were seen, per query."""
        return (len(self.found) - bisect_left(self.found, excess) + 1) / self.asked
