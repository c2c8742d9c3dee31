"""What every kind of run does to get from values per query to rows of the metrics table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from neuralsampleid.catalogue.formats import METRICS
from neuralsampleid.config import Evaluation, UpstreamEvaluation
from neuralsampleid.evaluation.bootstrap import bootstrap_mean
from neuralsampleid.evaluation.queries import milliseconds

DECIMALS = 6  # more would differ between machines


def mean_with_interval(
    values: ArrayLike,
    tracks: Sequence[str],
    evaluation: Evaluation | UpstreamEvaluation,
    seed: int,
) -> tuple[float, float, float, int]:
    """Value, low, high and number of queries; the first three are NaN where there is no query.

    Args:
        values: (queries,) fractions.
        tracks: (queries,) the query track of each, which the bootstrap draws as a whole.
        evaluation: the bootstrap's resamples and confidence.
        seed: of the bootstrap.
    """
    numbers = np.asarray(values, dtype=float)
    if not len(numbers):
        return float("nan"), float("nan"), float("nan"), 0
    low, high = bootstrap_mean(numbers, tracks, evaluation.resamples, evaluation.confidence, seed)
    value = round(float(numbers.mean()), DECIMALS)
    return value, round(low, DECIMALS), round(high, DECIMALS), len(numbers)


def metrics_table(rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    """Rows of ``formats.METRICS`` as a table with its types."""
    table = pd.DataFrame(rows, columns=list(METRICS), dtype=object)
    numbers = dict.fromkeys(("value", "low", "high"), "float64")
    texts = dict.fromkeys(("system", "task", "metric", "group"), "str")
    return table.astype({**texts, **numbers, "k": "Int64", "queries": "int64"})


def written_length(seconds: float) -> float:
    """A query length for the table: whole seconds as integers, so that the CSV says 5, not 5.0."""
    return int(seconds) if seconds == int(seconds) else seconds


def sample_types(judged: pd.DataFrame) -> list[str]:
    """The groups among queries: the sample types that are known, sorted."""
    return sorted(set(judged["group"]) - {""})


def at_length(judged: pd.DataFrame, seconds: float) -> pd.Series[bool]:
    """Which queries have a length, to the millisecond."""
    return milliseconds(judged["query_seconds"]) == round(1000 * seconds)
