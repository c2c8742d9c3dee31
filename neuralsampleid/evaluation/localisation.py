"""Whether a hit also says *where*: times of a match against annotated occurrences, in seconds.

A match is a pair of times: one in the query, one in the reference (the middles of the two segments
that look most alike). An occurrence is a pair of intervals: where a sample sounds in the query, and
where it was taken from in the reference. In a loop many occurrences share one interval of the
reference; a match may lie at any of them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neuralsampleid.errors import UserError

Occurrences = npt.NDArray[np.float64]
TOLERANCES_S = (0.5, 1.0, 2.0, 5.0)


def validate(occurrences: Occurrences) -> None:
    """Check what every metric takes for granted.

    Args:
        occurrences: (n, 4) query start, query end, reference start, reference end, in seconds.

    Raises:
        UserError: another shape, no row, a time that is not finite, or an end before its start.
    """
    if occurrences.ndim != 2 or occurrences.shape[1] != 4 or not len(occurrences):
        raise UserError(f"occurrences: shape {occurrences.shape}, expected (n ≥ 1, 4)")
    if not np.isfinite(occurrences).all():
        raise UserError("occurrences: a time is not finite, expected known intervals only")
    if (occurrences[:, 1] < occurrences[:, 0]).any() or (
        occurrences[:, 3] < occurrences[:, 2]
    ).any():
        raise UserError("occurrences: an interval ends before it starts")


def time_error(query_s: float, reference_s: float, occurrences: Occurrences) -> float:
    """Seconds by which a match misses the nearest occurrence; 0 inside one.

    The error against one occurrence is the larger of the distances of the two times from its two
    intervals: max(d(t_q, [q₀, q₁]), d(t_r, [r₀, r₁])), with d = 0 inside. Both sides must belong to
    the same occurrence; of all occurrences the least error counts.

    Args:
        query_s: time in the query.
        reference_s: time in the reference.
        occurrences: of this reference in this query; see ``validate``.

    Raises:
        UserError: see ``validate``.
    """
    validate(occurrences)
    starts, ends = occurrences[:, 0::2], occurrences[:, 1::2]  # (n, 2): query, reference
    times = np.array([query_s, reference_s])
    outside = np.maximum(np.maximum(starts - times, times - ends), 0.0)
    return float(outside.max(axis=1).min())
