"""The tables of the report, made from the long metrics table; values in percent.

``rendering`` turns them into files. Columns that count: ``Tracks`` are full-track queries,
``Segments`` the segment queries of the length that the hit rates refer to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from neuralsampleid.report.names import human_name


@dataclass(frozen=True)
class Interval:
    """A value with its interval, all in percent; NaN where unknown."""

    value: float
    low: float
    high: float


Cell = str | int | Interval


@dataclass(frozen=True)
class Table:
    """Cells by row; a column holds texts, numbers of things, or intervals."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def main_table(metrics: pd.DataFrame, systems: Sequence[str], seconds: float) -> Table:
    """One row per system: mAP over full tracks, and hit rates at one query length.

    Args:
        metrics: columns ``formats.METRICS``.
        systems: names in the order of the rows.
        seconds: the query length of the hit rates; see ``middle_length``.
    """
    cutoffs = numbers_of(metrics, "k")
    rows = [(human_name(name), *_results(metrics, name, "all", seconds)) for name in systems]
    return Table(("System", *_result_columns(cutoffs, seconds)), tuple(rows))


def group_table(metrics: pd.DataFrame, systems: Sequence[str], seconds: float) -> Table:
    """As ``main_table``, but per sample type, such as beat and riff."""
    cutoffs = numbers_of(metrics, "k")
    rows = [
        (human_name(group), human_name(name), *_results(metrics, name, group, seconds))
        for group in sorted(set(metrics["group"]) - {"all"})
        for name in systems
    ]
    return Table(("Group", "System", *_result_columns(cutoffs, seconds)), tuple(rows))


def length_table(metrics: pd.DataFrame, systems: Sequence[str]) -> Table:
    """Hit rates over all segment queries: a row per system and k, a column per length.

    The last row has the number of queries.
    """
    lengths, cutoffs = numbers_of(metrics, "query_seconds"), numbers_of(metrics, "k")
    hit_rates = select(metrics, metric="hit_rate", group="all")
    rows: list[tuple[Cell, ...]] = [
        (
            human_name(name),
            int(k),
            *(
                interval_of(select(hit_rates, system=name, k=k, query_seconds=seconds))
                for seconds in lengths
            ),
        )
        for name in systems
        for k in cutoffs
    ]
    counts = [count_of(select(hit_rates, query_seconds=seconds)) for seconds in lengths]
    columns = ("System", "k", *(f"{seconds:g} s (%)" for seconds in lengths))
    return Table(columns, (*rows, ("Queries", "", *counts)))


def middle_length(metrics: pd.DataFrame) -> float:
    """The middle of the query lengths, in seconds, that some query reaches; else of all."""
    hit_rates = select(metrics, metric="hit_rate")
    reached = numbers_of(hit_rates[hit_rates["queries"] > 0], "query_seconds")
    lengths = reached or numbers_of(hit_rates, "query_seconds")
    return lengths[(len(lengths) - 1) // 2]


def _result_columns(cutoffs: Sequence[float], seconds: float) -> tuple[str, ...]:
    hits = (f"Hit@{k:g} at {seconds:g} s (%)" for k in cutoffs)
    return ("Tracks", "mAP (%)", "Segments", *hits)


def _results(metrics: pd.DataFrame, system: str, group: str, seconds: float) -> tuple[Cell, ...]:
    own = select(metrics, system=system, group=group)
    precision = select(own, metric="map")
    hit_rates = select(own, metric="hit_rate", query_seconds=seconds)
    hits = (interval_of(select(hit_rates, k=k)) for k in numbers_of(metrics, "k"))
    return (count_of(precision), interval_of(precision), count_of(hit_rates), *hits)


def select(metrics: pd.DataFrame, **wanted: str | float) -> pd.DataFrame:
    """The rows that have these values in these columns."""
    for column, value in wanted.items():
        metrics = metrics[metrics[column] == value]
    return metrics


def numbers_of(metrics: pd.DataFrame, column: str) -> list[float]:
    """The different numbers of a column, ascending."""
    return sorted({float(number) for number in metrics[column].dropna()})


def interval_of(rows: pd.DataFrame) -> Interval:
    """The one row as percent; unknown if there is none."""
    if rows.empty:
        return Interval(float("nan"), float("nan"), float("nan"))
    value, low, high = (100 * float(rows[name].iloc[0]) for name in ("value", "low", "high"))
    return Interval(value, low, high)


def count_of(rows: pd.DataFrame) -> int:
    """The number of queries behind the rows."""
    return 0 if rows.empty else int(rows["queries"].max())
