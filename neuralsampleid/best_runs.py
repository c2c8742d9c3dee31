"""Runs of evidence on lines, which pay for every place that they go on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def best_runs(
    group: Integers, place: Integers, votes: Floats, cost: float
) -> tuple[Floats, Integers]:
    """For every entry, the best run that ends with it.

    A run's score is the sum of its votes less ``cost`` for each place from its first to its last.

    Args:
        group: (m,) ascending; runs do not cross groups.
        place: (m,) ascending within a group.
        votes: (m,).
        cost: of a place.

    Returns:
        The scores (m,) and the places where the runs begin (m,).
    """
    total = np.cumsum(votes)
    before = total - votes - cost * (place - 1)  # what a run that begins here starts from
    # Each group's values lie below those of all groups before it, so the minimum starts anew.
    number = np.cumsum(np.diff(group, prepend=group[:1]) != 0)
    step = float(np.ptp(before)) + 1.0
    lowered = before - number * step
    lowest = np.minimum.accumulate(lowered)
    begins = np.maximum.accumulate(np.where(lowered == lowest, np.arange(len(group)), 0))
    return total - cost * place - before[begins], place[begins]
