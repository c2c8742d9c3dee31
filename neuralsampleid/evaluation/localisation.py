"""Where a sample is: lines that a system shows against annotated occurrences of one reference.

Lines and occurrences are alike: an interval of the query that is an interval of the reference, a
row of (query start, query end, reference start, reference end) in seconds. A line *finds* an
occurrence if it overlaps at least half of it in the query and in the reference. Lines and
occurrences are assigned one to one, as many as can be; of several such assignments, the one whose
ends agree best (as ``mir_eval.transcription`` matches notes, which takes any).

*Per second* counts how long the query sounds like the reference, wherever in the reference that is
(Cortès et al. 2022, "BAF: an audio fingerprinting dataset for broadcast monitoring", ISMIR; without
duplicates: what several lines cover counts once).

Every metric raises what ``validate`` raises.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from neuralsampleid.errors import UserError

Intervals = npt.NDArray[np.float64]  # (n, 4)
Number = TypeVar("Number", float, npt.NDArray[np.float64])
Pairs = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]  # places of lines and of occurrences
LEAST_OVERLAP = 0.5  # of an occurrence, on either side
TOLERANCE_S = 0.5  # of all four ends
_DECIMALS = 6  # beyond which differences are those of floating point


def validate(lines: Intervals, occurrences: Intervals) -> None:
    """Check what every metric takes for granted.

    Raises:
        UserError: another shape, a time that is not finite, a line that ends before it starts, or
            an occurrence that does not end after it starts.
    """
    for name, rows in (("lines", lines), ("occurrences", occurrences)):
        if rows.ndim != 2 or rows.shape[1] != 4:
            raise UserError(f"{name}: shape {rows.shape}, expected (n, 4)")
        if not np.isfinite(rows).all():
            raise UserError(f"{name}: a time is not finite, expected known intervals only")
    if (_lasting(lines) < 0).any():
        raise UserError("lines: an interval ends before it starts")
    if (_lasting(occurrences) <= 0).any():
        raise UserError("occurrences: an interval does not end after it starts")


def end_errors(lines: Intervals, occurrences: Intervals) -> npt.NDArray[np.float64]:
    """Seconds between the ends of every line and every occurrence, (lines, occurrences).

    The largest of four distances counts: of the starts and of the ends, in the query and in the
    reference.
    """
    validate(lines, occurrences)
    apart = np.abs(lines[:, None] - occurrences[None]).max(axis=2)
    return np.asarray(apart.round(_DECIMALS), dtype=np.float64)


def found_pairs(
    lines: Intervals, occurrences: Intervals, tolerance_s: float | None = None
) -> Pairs:
    """Which line finds which occurrence, each at most once.

    Args:
        lines: of one reference in one query.
        occurrences: of the same.
        tolerance_s: largest ``end_errors`` besides; None: any.

    Returns:
        Places of lines and of the occurrences that they find, (found,) each.
    """
    from scipy.optimize import linear_sum_assignment  # slow to load

    errors = end_errors(lines, occurrences)
    starts = np.maximum(lines[:, None, 0::2], occurrences[None, :, 0::2])
    ends = np.minimum(lines[:, None, 1::2], occurrences[None, :, 1::2])
    share = (ends - starts) / _lasting(occurrences)
    finds = np.all(share.round(_DECIMALS) >= LEAST_OVERLAP, axis=2)
    if tolerance_s is not None:
        finds &= errors <= tolerance_s
    # Another pair weighs more than how well all others agree.
    weights = finds * (1 + 1 / ((1 + errors) * (1 + min(errors.shape))))
    rows, columns = linear_sum_assignment(weights, maximize=True)
    found = finds[rows, columns]
    return rows[found], columns[found]


def common_seconds(lines: Intervals, occurrences: Intervals) -> tuple[float, float, float]:
    """Seconds of the query that lines cover, that occurrences cover, and that both cover."""
    validate(lines, occurrences)
    shown, annotated, either = (
        _covered(rows[:, :2]) for rows in (lines, occurrences, np.concatenate([lines, occurrences]))
    )
    return shown, annotated, max(0.0, shown + annotated - either)  # may round to below 0


def counts(lines: Intervals, occurrences: Intervals) -> dict[str, tuple[float, float, float]]:
    """What of one reference in one query is found, shown and annotated.

    Returns:
        In numbers of lines and occurrences: ``occurrence``, and ``strict_occurrence`` with all ends
        within ``TOLERANCE_S``; in seconds of the query: ``per_second``.
    """
    shown_s, annotated_s, common_s = common_seconds(lines, occurrences)
    found, strictly = (
        len(found_pairs(lines, occurrences, tolerance_s)[0]) for tolerance_s in (None, TOLERANCE_S)
    )
    return {
        "occurrence": (found, len(lines), len(occurrences)),
        "strict_occurrence": (strictly, len(lines), len(occurrences)),
        "per_second": (common_s, shown_s, annotated_s),
    }


def fractions(found: Number, shown: Number, annotated: Number) -> dict[str, tuple[Number, Number]]:
    """Numerators and denominators of the metrics, of ``counts`` or of sums of them.

    - ``precision`` = found / shown
    - ``recall`` = found / annotated
    - ``f1`` = 2 · found / (shown + annotated), their harmonic mean

    All are in [0, 1]; nothing of nothing is 0.
    """
    return {
        "precision": (found, shown),
        "recall": (found, annotated),
        "f1": (2 * found, shown + annotated),
    }


def evaluate(lines: Intervals, occurrences: Intervals) -> dict[str, float]:
    """All fractions of one reference in one query by their names in ``metrics.csv``."""
    return {
        f"{kind}_{metric}": above / below if below else 0.0
        for kind, counted in counts(lines, occurrences).items()
        for metric, (above, below) in fractions(*counted).items()
    }


def _lasting(rows: Intervals) -> npt.NDArray[np.float64]:
    """Seconds in the query and in the reference, (n, 2)."""
    return np.asarray(rows[:, 1::2] - rows[:, 0::2])


def _covered(intervals: npt.NDArray[np.float64]) -> float:
    """Seconds that intervals (n, 2) cover together, overlaps once."""
    ordered = intervals[np.argsort(intervals[:, 0])]
    before = np.maximum.accumulate(np.concatenate([[-np.inf], ordered[:-1, 1]]))
    return float((ordered[:, 1] - np.maximum(ordered[:, 0], before)).clip(min=0).sum())
