"""The tables of the report, made from the long metrics table; values in percent.

``rendering`` turns them into files. Columns that count: ``Tracks`` are full-track queries,
``Segments`` the segment queries of the length that the hit rates refer to.

Arguments of all: ``metrics`` has the columns ``formats.METRICS``; ``systems`` are names with labels
in the order of the rows; ``seconds`` is the query length of the hit rates (see ``middle_length``);
``winners`` says whose values are bold (see ``winners_of``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from neuralsampleid.config import Evaluation
from neuralsampleid.evaluation.comparison import Compared
from neuralsampleid.evaluation.conditions import SEPARATOR, conditions_of, in_order
from neuralsampleid.evaluation.summary import sample_types
from neuralsampleid.report.labels import Labels, group_label, words


@dataclass(frozen=True)
class Interval:
    """A value with its interval, all in percent; NaN where unknown.

    ``bold`` is set where a difference survives the test; what difference, the table's caption says.
    """

    value: float
    low: float
    high: float
    bold: bool = False


UNKNOWN = Interval(float("nan"), float("nan"), float("nan"))
Cell = str | int | Interval
# (table, group, k, query length in seconds) → system; the last two are None for mAP
Winners = Mapping[tuple[str, str, float | None, float | None], str]
NO_WINNERS: Winners = {}


@dataclass(frozen=True)
class Table:
    """Cells by row; a column holds texts, numbers of things, or intervals."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def compared_cells(
    judged: pd.DataFrame, evaluation: Evaluation, seconds: float
) -> Iterator[Compared]:
    """The cells of the tables ``main``, ``sample_types``, ``grades`` and ``hit_rates``.

    Args:
        judged: the systems' ``evaluate.per_query`` tables, or one that was asked all queries.
        evaluation: lengths and cutoffs.
        seconds: the query length of the first three; see ``middle_length``.
    """
    cutoffs = sorted(set(evaluation.cutoffs))
    for table, groups in (("main", ["all"]), ("sample_types", sample_types(judged))):
        for group in groups:
            yield Compared(table, group)
            for k in cutoffs:
                yield Compared(table, group, k, seconds)
    for group in grades_among(conditions_of(judged)):
        yield Compared("grades", group)
        yield Compared("grades", group, cutoffs[0], seconds)
    for length in sorted(set(evaluation.query_seconds)):
        for k in cutoffs:
            yield Compared("hit_rates", "all", k, length)


def main_table(
    metrics: pd.DataFrame, systems: Labels, seconds: float, winners: Winners = NO_WINNERS
) -> Table:
    """One row per system: mAP over full tracks, and hit rates at one query length."""
    cutoffs = cutoffs_of(metrics)
    rows = [
        (systems[name], *_results(metrics, name, "all", seconds, "main", winners))
        for name in systems
    ]
    return Table(("System", *_result_columns(cutoffs, seconds)), tuple(rows))


def group_table(
    metrics: pd.DataFrame,
    systems: Labels,
    seconds: float,
    groups: Sequence[str],
    winners: Winners = NO_WINNERS,
) -> Table:
    """As ``main_table``, but per group, such as the sample types beat and riff."""
    cutoffs = cutoffs_of(metrics)
    rows = [
        (
            group_label(group),
            systems[name],
            *_results(metrics, name, group, seconds, "sample_types", winners),
        )
        for group in groups
        for name in systems
    ]
    return Table(("Group", "System", *_result_columns(cutoffs, seconds)), tuple(rows))


def sample_types_of(metrics: pd.DataFrame) -> list[str]:
    """The groups that are sample types, sorted."""
    return sorted(
        group for group in set(metrics["group"]) if group != "all" and SEPARATOR not in group
    )


def conditions_among(metrics: pd.DataFrame) -> list[str]:
    """The groups that are conditions, by dimension and value; no dimension with one value only."""
    found = in_order(group for group in set(metrics["group"]) if SEPARATOR in group)
    values = Counter(group.partition(SEPARATOR)[0] for group in found)
    return [group for group in found if values[group.partition(SEPARATOR)[0]] > 1]


def grades_among(groups: Iterable[str]) -> list[str]:
    """The groups that are grades of difficulty, from the easiest."""
    return in_order(group for group in groups if group.startswith(f"grade{SEPARATOR}"))


def grade_table(
    metrics: pd.DataFrame, systems: Labels, seconds: float, winners: Winners = NO_WINNERS
) -> Table:
    """A row per system: of each grade mAP, and the hit rate at the smallest k; a row of counts."""
    k, columns = cutoffs_of(metrics)[0], []
    cells: list[tuple[Any, pd.DataFrame]] = []  # what winners are found by, and the systems' rows
    for group in grades_among(set(metrics["group"])):
        own, grade = select(metrics, group=group), group.partition(SEPARATOR)[2]
        columns += [f"{words(grade)}: mAP (%)", f"{words(grade)}: Hit@{k:g} at {seconds:g} s (%)"]
        cells.append((("grades", group, None, None), select(own, metric="map")))
        rates = select(own, metric="hit_rate", k=k, query_seconds=seconds)
        cells.append((("grades", group, k, seconds), rates))
    rows: list[tuple[Cell, ...]] = [
        (
            systems[name],
            *(interval_of(select(c, system=name), bold=winners.get(w) == name) for w, c in cells),
        )
        for name in systems
    ]
    rows.append(("Queries", *(count_of(part) for _, part in cells)))
    return Table(("System", *columns), tuple(rows))


def length_table(metrics: pd.DataFrame, systems: Labels, winners: Winners = NO_WINNERS) -> Table:
    """Hit rates over all segment queries: a row per system and k, a column per length.

    The last row has the number of queries.
    """
    lengths, cutoffs = numbers_of(metrics, "query_seconds"), cutoffs_of(metrics)
    hit_rates = select(metrics, metric="hit_rate", group="all")
    rows: list[tuple[Cell, ...]] = [
        (
            systems[name],
            int(k),
            *(
                interval_of(
                    select(hit_rates, system=name, k=k, query_seconds=seconds),
                    bold=winners.get(("hit_rates", "all", k, seconds)) == name,
                )
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


def _results(
    metrics: pd.DataFrame, system: str, group: str, seconds: float, table: str, winners: Winners
) -> tuple[Cell, ...]:
    own = select(metrics, system=system, group=group)
    precision = select(own, metric="map")
    hit_rates = select(own, metric="hit_rate", query_seconds=seconds)
    hits = (
        interval_of(select(hit_rates, k=k), bold=winners.get((table, group, k, seconds)) == system)
        for k in cutoffs_of(metrics)
    )
    best = winners.get((table, group, None, None)) == system
    return (count_of(precision), interval_of(precision, bold=best), count_of(hit_rates), *hits)


def winners_of(comparisons: pd.DataFrame, significance: float) -> Winners:
    """The system of each cell that is better than every other by a difference that is significant.

    Args:
        comparisons: columns ``formats.COMPARISONS``.
        significance: the largest corrected p-value that counts.
    """
    keys = ["table", "group", "k", "query_seconds"]
    winners: dict[Any, str] = {}
    for key, rows in comparisons.groupby(keys, dropna=False):
        certain = rows[rows["p_holm"] <= significance]
        better = certain["system"].where(certain["difference"] > 0, certain["other"])
        systems = set(rows["system"]) | set(rows["other"])
        for system, beaten in better.value_counts().items():
            if beaten == len(systems) - 1:
                winners[tuple(None if pd.isna(part) else part for part in key)] = str(system)
    return winners


def select(metrics: pd.DataFrame, **wanted: str | float) -> pd.DataFrame:
    """The rows that have these values in these columns."""
    for column, value in wanted.items():
        metrics = metrics[metrics[column] == value]
    return metrics


def numbers_of(metrics: pd.DataFrame, column: str) -> list[float]:
    """The different numbers of a column, ascending."""
    return sorted({float(number) for number in metrics[column].dropna()})


def cutoffs_of(metrics: pd.DataFrame) -> list[float]:
    """The k of the hit rates, ascending."""
    return numbers_of(select(metrics, metric="hit_rate"), "k")


def interval_of(
    rows: pd.DataFrame,
    columns: Sequence[str] = ("value", "low", "high"),
    *,
    factor: float = 100.0,
    bold: bool = False,
) -> Interval:
    """The one row's value with its interval; unknown if there is none.

    Args:
        rows: one or none.
        columns: of the value, its low and its high end.
        factor: 100 makes percent of fractions.
        bold: see ``Interval``.
    """
    if rows.empty:
        return UNKNOWN
    value, low, high = (factor * float(rows[name].iloc[0]) for name in columns)
    return Interval(value, low, high, bold)


def count_of(rows: pd.DataFrame) -> int:
    """The number of queries behind the rows."""
    return 0 if rows.empty else int(rows["queries"].max())
