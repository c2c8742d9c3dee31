"""Whether probabilities mean what they say: of all that are told 0.8, are 80 % right?

Both metrics raise what ``validate`` raises.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.typing import ArrayLike

from neuralsampleid.errors import UserError

BINS = 10
RELIABILITY_COLUMNS = ("low", "high", "pairs", "mean_probability", "share_right")


def validate(
    probabilities: ArrayLike, right: ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Both as vectors.

    Args:
        probabilities: (n,) in [0, 1].
        right: (n,) whether what was said to be so probable was so.

    Raises:
        UserError: there is none, the lengths differ, or a value is no probability.
    """
    said = np.asarray(probabilities, dtype=np.float64).reshape(-1)
    so = np.asarray(right, dtype=bool).reshape(-1)
    if not len(said) or len(said) != len(so):
        raise UserError(f"{len(said)} probabilities and {len(so)} outcomes, expected as many, ≥ 1")
    if not ((said >= 0) & (said <= 1)).all():
        raise UserError("probabilities: a value is outside [0, 1]")
    return said, so


def reliability_curve(probabilities: ArrayLike, right: ArrayLike, bins: int = BINS) -> pd.DataFrame:
    """What was said against what was so, by bins of equal width.

    Args:
        probabilities: see ``validate``.
        right: see ``validate``.
        bins: from 0 to 1; the upper end belongs to a bin only in the last.

    Returns:
        ``RELIABILITY_COLUMNS``: a row per bin; the last two are NaN where nothing lies in it.
    """
    counts, said, so = _binned(probabilities, right, bins)
    filled = np.where(counts, counts, np.nan)
    edges = np.linspace(0, 1, bins + 1)
    columns = (edges[:-1], edges[1:], counts, said / filled, so / filled)
    return pd.DataFrame(dict(zip(RELIABILITY_COLUMNS, columns, strict=True)))


def expected_calibration_error(
    probabilities: ArrayLike, right: ArrayLike, bins: int = BINS
) -> float:
    """Mean distance, in [0, 1], between what was said and what was so.

    ECE = Σ over bins of n_b / n · |share right − mean probability| (Naeini, Cooper and Hauskrecht
    2015; Guo et al. 2017).
    """
    counts, said, so = _binned(probabilities, right, bins)
    # n_b · |so / n_b − said / n_b| = |so − said|
    return float(np.abs(so - said).sum() / counts.sum())


def _binned(
    probabilities: ArrayLike, right: ArrayLike, bins: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Per bin: how many there are, the sum of what was said, and how many are right."""
    said, so = validate(probabilities, right)
    places = np.minimum((said * bins).astype(int), bins - 1)
    counts = np.bincount(places, minlength=bins)
    sums = [np.bincount(places, weights=part, minlength=bins) for part in (said, so)]
    total_said, total_right = (np.asarray(total, dtype=np.float64) for total in sums)
    return counts, total_said, total_right
