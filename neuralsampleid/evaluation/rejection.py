"""Whether a system knows when to answer: scores of queries with and without an answer.

The decision is "this query contains a sample of something in the catalogue", taken where a query's
best score reaches a threshold. *Present* are the scores of queries whose references are in the
catalogue, *absent* those of queries whose references were removed from it. Scores have the unit of
the system; a query that found nothing has the score −∞ or whatever is least.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

from neuralsampleid.errors import UserError

Scores = npt.NDArray[np.float64]


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
    """The false-alarm rate and the detection rate at every threshold that tells scores apart.

    Raises:
        UserError: see ``validate``.
    """
    positive, negative = validate(present, absent)
    observed = np.unique(np.concatenate([positive, negative]))[::-1]
    thresholds = np.concatenate([[np.inf], observed[observed < np.inf]])
    return Roc(thresholds, _share_from(negative, thresholds), _share_from(positive, thresholds))


def auroc(present: ArrayLike, absent: ArrayLike) -> float:
    """Area under the ROC in [0, 1]: P(present > absent) + ½ P(present = absent).

    Raises:
        UserError: see ``validate``.
    """
    positive, negative = validate(present, absent)
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, side="left")
    not_above = np.searchsorted(ordered, positive, side="right")
    return float((below + not_above).mean() / (2 * len(ordered)))


def equal_error(present: ArrayLike, absent: ArrayLike) -> tuple[float, float]:
    """The point where as large a share is missed as falsely reported.

    Between two points of the ROC a straight line is drawn.

    Returns:
        The error rate in [0, 1], and the score from which on a query counts as present: that of the
        first point of the ROC with at least as many false alarms as misses (shares).

    Raises:
        UserError: see ``validate``.
    """
    curve = roc(present, absent)
    surplus = curve.false_alarms - (1 - curve.detections)  # −1 … 1, never falls
    place = int(np.argmax(surplus >= 0))
    before, after = surplus[place - 1], surplus[place]
    share = -before / (after - before)
    false_alarms = curve.false_alarms[place - 1 : place + 1]
    rate = false_alarms[0] + share * (false_alarms[1] - false_alarms[0])
    return float(rate), float(curve.thresholds[place])


def threshold_at(present: ArrayLike, absent: ArrayLike, false_alarm_rate: float) -> float:
    """The least observed score that keeps the share of false alarms at or below a rate.

    With fewer than 1 / ``false_alarm_rate`` absent queries this allows no false alarm at all. +∞
    where no observed score will do.

    Args:
        present: see ``validate``.
        absent: see ``validate``.
        false_alarm_rate: in [0, 1].

    Raises:
        UserError: see ``validate``; or the rate is no share.
    """
    if not 0 <= false_alarm_rate <= 1:
        raise UserError(f"false_alarm_rate: {false_alarm_rate:g}, expected a share in [0, 1]")
    curve = roc(present, absent)
    allowed = curve.false_alarms <= false_alarm_rate
    return float(curve.thresholds[np.flatnonzero(allowed)[-1]])


def detection_rate_at(present: ArrayLike, absent: ArrayLike, false_alarm_rate: float) -> float:
    """Share of the present, in [0, 1], that ``threshold_at`` lets through.

    Raises:
        UserError: see ``threshold_at``.
    """
    threshold = threshold_at(present, absent, false_alarm_rate)
    positive, _ = validate(present, absent)
    return float((positive >= threshold).mean())


def evaluate(
    present: ArrayLike, absent: ArrayLike, false_alarm_rate: float = 0.01
) -> dict[str, float]:
    """The shares among the metrics by their names in ``metrics.csv``.

    Raises:
        UserError: see ``threshold_at``.
    """
    return {
        "auroc": auroc(present, absent),
        "equal_error_rate": equal_error(present, absent)[0],
        "detection_rate": detection_rate_at(present, absent, false_alarm_rate),
    }


def _share_from(scores: Scores, thresholds: Scores) -> Scores:
    """Share of the scores that are at least each threshold."""
    below = np.searchsorted(np.sort(scores), thresholds, side="left")
    return np.asarray((len(scores) - below) / len(scores), dtype=np.float64)
