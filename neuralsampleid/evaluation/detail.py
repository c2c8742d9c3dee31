"""Rows of the metrics beyond how often a system is right: where, whether at all, how sure.

Times are judged of hits, rejection by the best score of each query with and without its answers,
calibration by the re-ranker's probability for the pair of segments by which a track is shown. That
pair counts as right if the track is sampled in the query: annotations give one place of a sample in
its reference, but its music often returns in others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from neuralsampleid.catalogue.formats import ABSENT, FULL_TRACK, SEGMENT
from neuralsampleid.config import Evaluation
from neuralsampleid.evaluation import calibration, localisation, rejection
from neuralsampleid.evaluation.bootstrap import bootstrap_statistic
from neuralsampleid.evaluation.metrics import median_rank
from neuralsampleid.evaluation.summary import (
    DECIMALS,
    at_length,
    mean_with_interval,
    metrics_table,
    sample_types,
    written_length,
)

FALSE_ALARM_RATE = 0.01
Numbers = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Measure = Callable[[Numbers, Numbers], float]
_SHARES: dict[str, Measure] = {
    "auroc": rejection.auroc,
    "equal_error_rate": lambda present, absent: rejection.equal_error(present, absent)[0],
    "detection_rate": partial(rejection.detection_rate_at, false_alarm_rate=FALSE_ALARM_RATE),
}
_THRESHOLDS: dict[str, Measure] = {
    "equal_error_threshold": lambda present, absent: rejection.equal_error(present, absent)[1],
    "false_alarm_threshold": partial(rejection.threshold_at, false_alarm_rate=FALSE_ALARM_RATE),
}


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
        Columns ``formats.METRICS``. ``localised_<x>s``: share of hits at k within x seconds, by
        group; queries counts hits whose times are known. ``auroc``, ``equal_error_rate`` and
        ``detection_rate`` (at ``FALSE_ALARM_RATE``) over the queries with and without answers,
        which are both counted. ``calibration_error`` of full tracks where there is a re-ranker.
    """
    rows = [*_localised(judged, evaluation, seed)]
    for about, present, absent in _decisions(judged, evaluation):
        for name, measure in _SHARES.items():
            value = _decided(measure, present, absent, evaluation, seed)
            rows.append((about[0], name, None, about[1], "all", *value))
    if len(pairs):
        rows.append(
            (
                FULL_TRACK,
                "calibration_error",
                None,
                None,
                "all",
                *_calibrated(pairs, evaluation, seed),
            )
        )
    return metrics_table([(system, *row) for row in rows])


def quantities(
    judged: pd.DataFrame, pairs: pd.DataFrame, system: str, evaluation: Evaluation, seed: int
) -> pd.DataFrame:
    """Rows for ``quantities.csv``, which are not proportions; arguments as of ``detailed_metrics``.

    Returns:
        Columns ``formats.METRICS``; thresholds have no interval. ``median_rank`` in ranks, by
        group, infinite where more than half found nothing; ``equal_error_threshold`` and
        ``false_alarm_threshold`` in the system's scores; ``probability_threshold``, from which on
        at most ``FALSE_ALARM_RATE`` of the wrong pairs lie.
    """
    rows: list[tuple[object, ...]] = []
    for task, length, chosen in _asked(judged, evaluation):
        for group, members in _typed(chosen):
            if len(members):
                rows.append(
                    (
                        task,
                        "median_rank",
                        None,
                        length,
                        group,
                        *_median(members, evaluation, seed),
                    )
                )
    for (task, length), present, absent in _decisions(judged, evaluation):
        for name, measure in _THRESHOLDS.items():
            value = round(measure(*decision_scores(present, absent)), DECIMALS)
            counted = (value, np.nan, np.nan, len(present) + len(absent))
            rows.append((task, name, None, length, "all", *counted))
    if pairs["right"].any() and not pairs["right"].all():
        right, said = pairs["right"].to_numpy(bool), pairs["probability"].to_numpy(float)
        threshold = rejection.threshold_at(said[right], said[~right], FALSE_ALARM_RATE)
        counted = (round(threshold, DECIMALS), np.nan, np.nan, pairs["query_id"].nunique())
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
        query: set(ids.split("|"))
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


def _localised(
    judged: pd.DataFrame, evaluation: Evaluation, seed: int
) -> Iterator[tuple[object, ...]]:
    for task, length, chosen in _asked(judged, evaluation):
        for k in sorted(set(evaluation.cutoffs)):
            hits = chosen[(chosen[f"hit_{k}"] == 1) & chosen["time_error_s"].notna()]
            for tolerance in localisation.TOLERANCES_S:
                for group, members in _typed(hits, chosen):
                    within = members["time_error_s"] <= tolerance
                    tracks = members["query_id"].tolist()
                    mean = mean_with_interval(within, tracks, evaluation, seed)
                    yield task, f"localised_{tolerance:g}s", k, length, group, *mean


def _asked(
    judged: pd.DataFrame, evaluation: Evaluation
) -> Iterator[tuple[str, float | None, pd.DataFrame]]:
    """Full tracks, then segments by length: task, length as written, queries."""
    yield FULL_TRACK, None, judged[judged["task"] == FULL_TRACK]
    segments = judged[judged["task"] == SEGMENT]
    for seconds in sorted(set(evaluation.query_seconds)):
        yield SEGMENT, written_length(seconds), segments[at_length(segments, seconds)]


def _typed(
    chosen: pd.DataFrame, queries: pd.DataFrame | None = None
) -> Iterator[tuple[str, pd.DataFrame]]:
    """All, then by the sample types of ``queries``."""
    yield "all", chosen
    for group in sample_types(chosen if queries is None else queries):
        yield group, chosen[chosen["group"] == group]


def _decisions(
    judged: pd.DataFrame, evaluation: Evaluation
) -> Iterator[tuple[tuple[str, float | None], pd.DataFrame, pd.DataFrame]]:
    """Where there are any: (task, length), queries with and without their answers."""
    absent = judged.assign(task=judged["task"].map({v: k for k, v in ABSENT.items()}))
    without = _asked(absent, evaluation)
    for asked, counterpart in zip(_asked(judged, evaluation), without, strict=True):
        if len(asked[2]) and len(counterpart[2]):
            yield asked[:2], asked[2], counterpart[2]


def _decided(
    measure: Measure,
    present: pd.DataFrame,
    absent: pd.DataFrame,
    evaluation: Evaluation,
    seed: int,
) -> tuple[float, float, float, int]:
    scores = np.concatenate(decision_scores(present, absent))
    has_answer = np.arange(len(scores)) < len(present)

    def of_rows(rows: Rows) -> float:
        drawn, answered = scores[rows], has_answer[rows]
        return measure(drawn[answered], drawn[~answered])

    return _with_interval(of_rows, [*present["query_id"], *absent["query_id"]], evaluation, seed)


def _calibrated(
    pairs: pd.DataFrame, evaluation: Evaluation, seed: int
) -> tuple[float, float, float, int]:
    said, right = pairs["probability"].to_numpy(float), pairs["right"].to_numpy(bool)

    def of_rows(rows: Rows) -> float:
        return calibration.expected_calibration_error(said[rows], right[rows])

    value, low, high, _ = _with_interval(of_rows, pairs["query_id"].tolist(), evaluation, seed)
    return value, low, high, pairs["query_id"].nunique()


def _median(
    queries: pd.DataFrame, evaluation: Evaluation, seed: int
) -> tuple[float, float, float, int]:
    ranks = [None if pd.isna(rank) else int(rank) for rank in queries["first_rank"]]

    def of_rows(rows: Rows) -> float:
        return median_rank([ranks[row] for row in rows])

    return _with_interval(of_rows, queries["query_id"].tolist(), evaluation, seed)


def _with_interval(
    statistic: Callable[[Rows], float], tracks: list[str], evaluation: Evaluation, seed: int
) -> tuple[float, float, float, int]:
    value = statistic(np.arange(len(tracks)))
    low, high = bootstrap_statistic(
        statistic, tracks, evaluation.resamples, evaluation.confidence, seed
    )
    return round(value, DECIMALS), round(low, DECIMALS), round(high, DECIMALS), len(tracks)
