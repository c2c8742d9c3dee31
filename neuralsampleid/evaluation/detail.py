"""Rows of the metrics beyond how often a system is right: whether at all, how sure, how far.

Rejection is judged by the best score of each query with and without its answers, calibration by
the re-ranker's probability for the pair of segments by which a track is shown. That pair counts as
right if the track is sampled in the query: annotations give one place of a sample in its reference,
but its music often returns in others.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from neuralsampleid.catalogue.formats import FULL_TRACK, split
from neuralsampleid.config import Evaluation
from neuralsampleid.evaluation import calibration, rejection
from neuralsampleid.evaluation.intervals import (
    DECIMALS,
    Bootstrap,
    Estimate,
    Numbers,
    Rows,
    without_interval,
)
from neuralsampleid.evaluation.metrics import median_rank
from neuralsampleid.evaluation.summary import asked, by_type, decisions, metrics_table


def detailed_metrics(
    judged: pd.DataFrame, pairs: pd.DataFrame, system: str, evaluation: Evaluation, seed: int
) -> pd.DataFrame:
    """What is a fraction: rows for ``metrics.csv``.

    Args:
        judged: what ``evaluate.per_query`` returned for the system.
        pairs: what ``shown_pairs`` returned for the system.
        system: its name in the config.
        evaluation: lengths, cutoffs, and the bootstrap's settings.
        seed: of the bootstrap.

    Returns:
        Columns ``formats.METRICS``. ``auroc`` and ``equal_error_rate`` over the queries with and
        without answers, which are both counted. ``calibration_error`` of full tracks where there is
        a re-ranker.
    """
    bootstrap = Bootstrap(evaluation.resamples, evaluation.confidence, seed)
    rows: list[tuple[object, ...]] = []
    for task, length, present, absent in decisions(judged, evaluation.query_seconds):
        for name, share in _decided(present, absent, bootstrap).items():
            rows.append((task, name, None, length, "all", *share))
    if len(pairs):
        error = _calibration_error(pairs, bootstrap)
        rows.append((FULL_TRACK, "calibration_error", None, None, "all", *error))
    return metrics_table([(system, *row) for row in rows])


def quantities(
    judged: pd.DataFrame, pairs: pd.DataFrame, system: str, evaluation: Evaluation, seed: int
) -> pd.DataFrame:
    """Rows for ``quantities.csv``, which are not proportions; arguments as of ``detailed_metrics``.

    Returns:
        Columns ``formats.METRICS``; thresholds have no interval. ``median_rank`` in ranks, by
        group, infinite where more than half found nothing; ``equal_error_threshold`` in the
        system's scores; ``probability_threshold``, from which on at most
        ``rejection.FALSE_ALARM_RATE`` of the wrong pairs lie.
    """
    bootstrap = Bootstrap(evaluation.resamples, evaluation.confidence, seed)
    rows: list[tuple[object, ...]] = []
    for task, length, chosen in asked(judged, evaluation.query_seconds):
        for group, members in by_type(chosen):
            if len(members):
                median = _median_rank(members, bootstrap)
                rows.append((task, "median_rank", None, length, group, *median))
    for task, length, present, absent in decisions(judged, evaluation.query_seconds):
        _, threshold = rejection.equal_error(rejection.roc(*decision_scores(present, absent)))
        counted = without_interval(threshold, len(present) + len(absent))
        rows.append((task, "equal_error_threshold", None, length, "all", *counted))
    if pairs["right"].any() and not pairs["right"].all():
        right, said = pairs["right"].to_numpy(bool), pairs["probability"].to_numpy(float)
        curve = rejection.roc(said[right], said[~right])
        _, threshold = rejection.at_false_alarms(curve)
        counted = without_interval(threshold, pairs["query_id"].nunique())
        rows.append((FULL_TRACK, "probability_threshold", None, None, "all", *counted))
    return metrics_table([(system, *row) for row in rows])


def shown_pairs(matches: pd.DataFrame, queries: pd.DataFrame) -> pd.DataFrame:
    """The pairs of segments by which tracks are shown to full-track queries, as far as re-ranked.

    Args:
        matches: columns ``formats.MATCHES``.
        queries: columns ``formats.QUERIES``.

    Returns:
        query_id, probability, and ``right``: whether the track is relevant.
    """
    shown = matches[(matches["task"] == FULL_TRACK) & matches["probability"].notna()]
    whole = queries[queries["task"] == FULL_TRACK]
    relevant = {
        query: set(split(ids))
        for query, ids in zip(whole["query_id"], whole["relevant"], strict=True)
    }
    right = [
        track in relevant[query]
        for query, track in zip(shown["query_id"], shown["reference_id"], strict=True)
    ]
    return shown[["query_id", "probability"]].assign(right=right).reset_index(drop=True)


def reliability(pairs: pd.DataFrame, system: str) -> pd.DataFrame:
    """The re-ranker's reliability curve: ``formats.RELIABILITY``; no row without a re-ranker."""
    if pairs.empty:
        return pd.DataFrame(columns=["system", *calibration.RELIABILITY_COLUMNS])
    curve = calibration.reliability_curve(pairs["probability"], pairs["right"]).round(DECIMALS)
    curve.insert(0, "system", system)
    return curve


def decision_scores(present: pd.DataFrame, absent: pd.DataFrame) -> tuple[Numbers, Numbers]:
    """Best scores of queries with and without an answer; −∞ where nothing was found."""
    first, second = (
        rows["best_score"].fillna(-np.inf).to_numpy(float) for rows in (present, absent)
    )
    return first, second


def _decided(
    present: pd.DataFrame, absent: pd.DataFrame, bootstrap: Bootstrap
) -> dict[str, Estimate]:
    """``rejection.evaluate``, with intervals."""
    scores = np.concatenate(decision_scores(present, absent))
    has_answer = np.arange(len(scores)) < len(present)

    def of_rows(rows: Rows) -> dict[str, float]:
        drawn, answered = scores[rows], has_answer[rows]
        return rejection.evaluate(drawn[answered], drawn[~answered])

    return bootstrap.statistics(of_rows, [*present["query_id"], *absent["query_id"]])


def _calibration_error(pairs: pd.DataFrame, bootstrap: Bootstrap) -> Estimate:
    said, right = pairs["probability"].to_numpy(float), pairs["right"].to_numpy(bool)
    found = bootstrap.statistics(
        lambda rows: {"": calibration.expected_calibration_error(said[rows], right[rows])},
        pairs["query_id"],
    )
    return found[""]._replace(queries=pairs["query_id"].nunique())


def _median_rank(queries: pd.DataFrame, bootstrap: Bootstrap) -> Estimate:
    ranks = [None if pd.isna(rank) else int(rank) for rank in queries["first_rank"]]
    found = bootstrap.statistics(
        lambda rows: {"": median_rank([ranks[row] for row in rows])}, queries["query_id"]
    )
    return found[""]
