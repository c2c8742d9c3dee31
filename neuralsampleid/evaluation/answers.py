"""What a system answers at a threshold: the pairs of query and track whose score exceeds it.

A pair is *right* if the track is relevant to the query. The *stated* threshold is the least score
that at most ``STATED_RATE`` of the queries exceed whose answers were taken out of the catalogue:
who uses the system can find it without knowing any answer. The *curve* gives right pairs over wrong
ones at all thresholds, as the free-response ROC does in detection (Chakraborty 1989).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from neuralsampleid.catalogue.formats import FULL_TRACK, split
from neuralsampleid.config import Evaluation
from neuralsampleid.errors import UserError
from neuralsampleid.evaluation.intervals import (
    DECIMALS,
    Bootstrap,
    Numbers,
    Rows,
    without_interval,
)
from neuralsampleid.evaluation.queries import milliseconds
from neuralsampleid.evaluation.summary import all_groups, decisions, metrics_table

STATED_RATE = 0.05
WRONG_PER_QUERY = (0.01, 0.1, 1.0)  # where the metrics give the curve
_SPARE = 4  # times the wrong pairs that the curve is asked for
_QUERY = ["task", "query_id", "start_ms", "end_ms"]


def stated_threshold(absent: Numbers, rate: float = STATED_RATE) -> float:
    """The least score that at most a share of the queries without an answer exceed.

    Args:
        absent: (queries,) their best scores, −∞ where nothing was found.
        rate: in [0, 1).

    Raises:
        UserError: there is no query, or the rate is no such share.
    """
    if not len(absent):
        raise UserError("absent: no score, expected at least one")
    if not 0 <= rate < 1:
        raise UserError(f"rate: {rate:g}, expected a share in [0, 1)")
    return float(np.sort(absent)[::-1][int(rate * len(absent) + 1e-9)])


def curve(scores: Numbers, right: npt.NDArray[np.bool_]) -> tuple[Numbers, Numbers]:
    """Wrong and right pairs given at each threshold that tells scores apart.

    Args:
        scores: (pairs,) descending; pairs of −∞ are never given.
        right: (pairs,).

    Returns:
        How many of those given are wrong, and how many right, from the strictest threshold on;
        (thresholds,) each.
    """
    given = int(np.searchsorted(-scores, np.inf))
    last = np.flatnonzero(np.diff(scores[:given], append=-np.inf))
    wrong, found = (np.cumsum(part[:given])[last].astype(np.float64) for part in (~right, right))
    return wrong, found


def recall_at(scores: Numbers, right: npt.NDArray[np.bool_], most: float) -> float:
    """Share of the right pairs, in [0, 1], given at the last threshold with few enough wrong ones.

    Args:
        scores: see ``curve``.
        right: (pairs,), at least one.
        most: wrong pairs given.
    """
    wrong, found = curve(scores, right)
    place = int(np.searchsorted(wrong, most, side="right"))
    return float(found[place - 1] / right.sum()) if place else 0.0


def answer_pairs(matches: pd.DataFrame, queries: pd.DataFrame) -> pd.DataFrame:
    """All pairs of a query with a track that it ranked, or that is relevant to it.

    Args:
        matches: one system's, columns ``formats.MATCHES``.
        queries: columns ``formats.QUERIES``. Those that nothing is relevant to are left out.

    Returns:
        ``query`` (its row in ``queries``), ``query_id``, ``score`` (−∞ where the track was not
        ranked) and ``right``; best score first.
    """
    asked = _keyed(queries[queries["relevant"] != ""].rename_axis("query").reset_index())
    wanted = asked.assign(reference_id=asked["relevant"].map(split), right=True)
    wanted = wanted.explode("reference_id")[["query", "reference_id", "right"]]
    ranked = _keyed(matches).merge(asked[["query", *_QUERY]], on=_QUERY)
    pairs = ranked[["query", "reference_id", "score"]].merge(
        wanted, on=["query", "reference_id"], how="outer"
    )
    pairs = pairs.assign(
        score=pairs["score"].fillna(-np.inf),
        right=pairs["right"].notna(),
        query_id=pairs["query"].map(queries["query_id"]),
    )
    order = ["score", "query", "reference_id"]
    return pairs.sort_values(order, ascending=[False, True, True], ignore_index=True)


def answer_metrics(
    pairs: pd.DataFrame, judged: pd.DataFrame, system: str, evaluation: Evaluation, seed: int
) -> pd.DataFrame:
    """Rows for ``metrics.csv``.

    Args:
        pairs: of ``answer_pairs``.
        judged: what ``evaluate.per_query`` returned for the system.
        system: its name in the config.
        evaluation: lengths, and the bootstrap's settings.
        seed: of the bootstrap.

    Returns:
        Columns ``formats.METRICS``. At the stated threshold, which the resamples keep:
        ``answer_precision``, the share of the given pairs that are right, and ``answer_recall``,
        the share of the right pairs that are given; by group. ``answer_recall_at_<x>`` of full
        tracks: the share that is given at the threshold with x wrong pairs per query.
    """
    bootstrap = Bootstrap(evaluation.resamples, evaluation.confidence, seed)
    rows: list[tuple[object, ...]] = []
    for task, length, present, absent in decisions(judged, evaluation.query_seconds):
        counted = _counts(pairs, present, _threshold(absent))
        for group, queries in all_groups(present):
            right, given, found = counted.loc[queries.index].to_numpy(float).T
            tops, bottoms = np.stack([found, found]), np.stack([given, right])
            estimates = bootstrap.ratios(tops, bottoms, queries["query_id"])
            for name, estimate in zip(("precision", "recall"), estimates, strict=True):
                own = estimate._replace(queries=len(queries))
                rows.append((task, f"answer_{name}", None, length, group, *own))
    rows += _curve_rows(pairs, judged, bootstrap)
    return metrics_table([(system, *row) for row in rows])


def answer_quantities(
    pairs: pd.DataFrame, judged: pd.DataFrame, system: str, evaluation: Evaluation, seed: int
) -> pd.DataFrame:
    """Rows for ``quantities.csv``; arguments as of ``answer_metrics``.

    Returns:
        Columns ``formats.METRICS``: ``answer_threshold``, the stated one; how many pairs are right
        (``pairs_right``), given at it (``pairs_given``), and given and wrong (``pairs_wrong``).
    """
    bootstrap = Bootstrap(evaluation.resamples, evaluation.confidence, seed)
    rows: list[tuple[object, ...]] = []
    for task, length, present, absent in decisions(judged, evaluation.query_seconds):
        threshold = _threshold(absent)
        right, given, found = _counts(pairs, present, threshold).to_numpy(float).T
        sums = len(present) * np.stack([given, given - found])
        ends = bootstrap.ratios(sums, np.ones_like(sums), present["query_id"])
        said, wrong = (estimate._replace(queries=len(present)) for estimate in ends)
        values = {
            "answer_threshold": without_interval(threshold, len(absent)),
            "pairs_right": without_interval(float(right.sum()), len(present)),
            "pairs_given": said,
            "pairs_wrong": wrong,
        }
        rows += [(task, name, None, length, "all", *value) for name, value in values.items()]
    return metrics_table([(system, *row) for row in rows])


def answer_curve(pairs: pd.DataFrame, judged: pd.DataFrame, system: str) -> pd.DataFrame:
    """The curve of full tracks: ``formats.ANSWERS``, a row for each number of right pairs."""
    tracks = judged.index[judged["task"] == FULL_TRACK]
    own = pairs[pairs["query"].isin(tracks)]
    right = own["right"].to_numpy(bool)
    wrong, found = curve(own["score"].to_numpy(float), right)
    fewest = np.flatnonzero(np.diff(found, prepend=0))
    columns = {"wrong_per_query": wrong[fewest] / max(1, len(tracks)),
               "recall": found[fewest] / max(1, right.sum())}  # fmt: skip
    return pd.DataFrame({"system": system, **columns}).round(DECIMALS)


def _curve_rows(
    pairs: pd.DataFrame, judged: pd.DataFrame, bootstrap: Bootstrap
) -> Iterator[tuple[object, ...]]:
    tracks = judged.index[judged["task"] == FULL_TRACK]
    own = pairs[pairs["query"].isin(tracks)]
    # No resample draws so few of the clearest wrong pairs that it needs further ones.
    needed = _SPARE * max(WRONG_PER_QUERY) * len(tracks)
    own = own[own["right"] | ((~own["right"]).cumsum() <= needed)]
    if own.empty:
        return
    scores, right = own["score"].to_numpy(float), own["right"].to_numpy(bool)

    def of_rows(rows: Rows) -> dict[str, float]:  # ascending: their scores descend
        drawn = scores[rows], right[rows]
        return {f"{most:g}": recall_at(*drawn, most * len(tracks)) for most in WRONG_PER_QUERY}

    for name, estimate in bootstrap.statistics(of_rows, own["query_id"]).items():
        counted = estimate._replace(queries=len(tracks))
        yield FULL_TRACK, f"answer_recall_at_{name}", None, None, "all", *counted


def _counts(pairs: pd.DataFrame, queries: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Of each query, in their order: how many pairs are right, given, and both."""
    own = pairs[pairs["query"].isin(queries.index)]
    given = own["score"] > threshold
    flags = own[["query", "right"]].assign(given=given, found=given & own["right"])
    return flags.groupby("query").sum().loc[queries.index]


def _threshold(absent: pd.DataFrame) -> float:
    return stated_threshold(absent["best_score"].fillna(-np.inf).to_numpy(float))


def _keyed(table: pd.DataFrame) -> pd.DataFrame:
    starts, ends = milliseconds(table["query_start_s"]), milliseconds(table["query_end_s"])
    return table.assign(start_ms=starts, end_ms=ends)
