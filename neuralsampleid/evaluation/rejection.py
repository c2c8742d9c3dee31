"""Whether a system knows when to answer: scores of queries with and without an answer.

The decision is "this query contains a sample of something in the catalogue", taken where a query's
best score reaches a threshold. *Present* are the scores of queries whose references are in the
catalogue, *absent* those of queries whose references were removed from it. Scores have the unit of
the system; a query that found nothing has the score −∞ or whatever is least. Functions of both
raise what ``validate`` raises.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

from neuralsampleid.errors import UserError

Scores = npt.NDArray[np.float64]
FALSE_ALARM_RATE = 0.01


@dataclass(frozen=True)
class Roc:
    """Points of the receiver operating characteristic, from the strictest threshold on.

    All three are (points,). Point 0 says "absent" to all (threshold +∞), the last one "present".
    """

    thresholds: Scores  # present where the score is at least this
    false_alarms: Scores  # share of the absent that are called present
    detections: Scores  # share of the present that are called present


def validate(present: ArrayLike, absent: ArrayLike) -> tuple[Scores, Scores]:
    """Both as vectors.

    Raises:
        UserError: one is empty or holds NaN.
    """
    vectors = []
    for name, scores in (("present", present), ("absent", absent)):
        vector = np.asarray(scores, dtype=np.float64).reshape(-1)
        if not len(vector):
            raise UserError(f"{name}: no score, expected at least one")
        if np.isnan(vector).any():
            raise UserError(f"{name}: a score is NaN, expected numbers")
        vectors.append(vector)
    return vectors[0], vectors[1]


def roc(present: ArrayLike, absent: ArrayLike) -> Roc:
    """The false-alarm rate and the detection rate at every threshold that tells scores apart."""
    positive, negative = validate(present, absent)
    observed = np.unique(np.concatenate([positive, negative]))[::-1]
    thresholds = np.concatenate([[np.inf], observed[observed < np.inf]])
    return Roc(thresholds, _share_from(negative, thresholds), _share_from(positive, thresholds))


def auroc(present: ArrayLike, absent: ArrayLike) -> float:
    """Area under the ROC in [0, 1]: P(present > absent) + ½ P(present = absent)."""
    positive, negative = validate(present, absent)
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, side="left")
    not_above = np.searchsorted(ordered, positive, side="right")
    return float((below + not_above).mean() / (2 * len(ordered)))


def equal_error(curve: Roc) -> tuple[float, float]:
    """The point where as large a share is missed as falsely reported.

    Between two points of the ROC a straight line is drawn.

    Returns:
        The error rate in [0, 1], and the score from which on a query counts as present: that of the
        first point of the ROC with at least as many false alarms as misses (shares).
    """
    surplus = curve.false_alarms - (1 - curve.detections)  # −1 … 1, never falls
    place = int(np.argmax(surplus >= 0))
    before, after = surplus[place - 1], surplus[place]
    share = -before / (after - before)
    false_alarms = curve.false_alarms[place - 1 : place + 1]
    rate = false_alarms[0] + share * (false_alarms[1] - false_alarms[0])
    return float(rate), float(curve.thresholds[place])


def at_false_alarms(curve: Roc, rate: float = FALSE_ALARM_RATE) -> tuple[float, float]:
    """The last point of the ROC that keeps the share of false alarms at or below a rate.

    With fewer than 1 / ``rate`` absent queries this allows no false alarm at all.

    Args:
        curve: of ``roc``.
        rate: in [0, 1].

    Returns:
        The share of the present, in [0, 1], that are detected, and the score from which on a query
        counts as present: +∞ where no observed score will do.

    Raises:
        UserError: the rate is no share.
    """
    if not 0 <= rate <= 1:
        raise UserError(f"rate: {rate:g}, expected a share in [0, 1]")
    place = np.flatnonzero(curve.false_alarms <= rate)[-1]
    return float(curve.detections[place]), float(curve.thresholds[place])


def evaluate(present: ArrayLike, absent: ArrayLike) -> dict[str, float]:
    """The shares among the metrics by their names in ``metrics.csv``."""
    error, _ = equal_error(roc(present, absent))
    return {"auroc": auroc(present, absent), "equal_error_rate": error}


def _share_from(scores: Scores, thresholds: Scores) -> Scores:
    """Share of the scores that are at least each threshold."""
    below = np.searchsorted(np.sort(scores), thresholds, side="left")
    return np.asarray((len(scores) - below) / len(scores), dtype=np.float64)
