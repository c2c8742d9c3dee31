"""Tables beyond how often a system is right: where, whether at all, and who is better.

Values are in percent, differences in percentage points, ranks as they are. Arguments are as in
``tables``; ``quantities`` has the columns ``formats.METRICS``, ``comparisons`` those of
``formats.COMPARISONS``, and ``significance`` is the largest corrected p-value that counts.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from neuralsampleid.catalogue.formats import FULL_TRACK, SEGMENT
from neuralsampleid.evaluation.localisation import TOLERANCES_S
from neuralsampleid.report.labels import Labels
from neuralsampleid.report.tables import (
    Cell,
    Table,
    count_of,
    cutoffs_of,
    interval_of,
    numbers_of,
    select,
)


def localisation_table(metrics: pd.DataFrame, systems: Labels, seconds: float) -> Table:
    """Where hits lie: the share of them within each tolerance of an annotated occurrence."""
    k = cutoffs_of(metrics)[-1]
    columns = (f"Hits at {k:g}", *(f"Within {tolerance:g} s (%)" for tolerance in TOLERANCES_S))
    rows: list[tuple[Cell, ...]] = []
    for about, asked in _tasks(metrics, seconds):
        for system in systems:
            own = select(asked, system=system, k=k, group="all")
            within = [select(own, metric=f"localised_{t:g}s") for t in TOLERANCES_S]
            rows.append((about, systems[system], count_of(within[0]), *map(interval_of, within)))
    return Table(("Queries", "System", *columns), tuple(rows))


def rejection_table(
    metrics: pd.DataFrame, quantities: pd.DataFrame, systems: Labels, seconds: float
) -> Table:
    """Whether systems know that a query samples something in the catalogue."""
    shares = {
        "auroc": "AUROC (%)",
        "equal_error_rate": "Equal error (%)",
        "detection_rate": "Detected at 1 % false alarms (%)",
    }
    rows: list[tuple[Cell, ...]] = []
    scores = dict(_tasks(quantities, seconds))
    for about, asked in _tasks(metrics, seconds):
        for system in systems:
            found = [select(asked, system=system, metric=name) for name in shares]
            own = select(scores[about], system=system, metric="false_alarm_threshold")
            score = float(own["value"].iloc[0]) if len(own) else float("nan")
            threshold = f"{score:.3g}" if np.isfinite(score) else "–"
            results = (interval_of(part) for part in found)
            rows.append((about, systems[system], count_of(found[0]), *results, threshold))
    columns = ("Queries", "System", "With and without", *shares.values(), "Score for 1 %")
    return Table(columns, tuple(rows))


def rank_table(quantities: pd.DataFrame, systems: Labels) -> Table:
    """Median rank of the first right answer: full tracks, and segments by length."""
    medians = select(quantities, metric="median_rank", group="all")
    lengths = numbers_of(medians, "query_seconds")
    parts = [select(medians, task=FULL_TRACK)]
    parts += [select(medians, query_seconds=seconds) for seconds in lengths]
    rows: list[tuple[Cell, ...]] = [
        (
            systems[system],
            *(interval_of(select(part, system=system), factor=1) for part in parts),
        )
        for system in systems
    ]
    rows.append(("Queries", *map(count_of, parts)))
    columns = ("System", "Full tracks", *(f"{seconds:g} s" for seconds in lengths))
    return Table(columns, tuple(rows))


def comparison_table(comparisons: pd.DataFrame, systems: Labels, significance: float) -> Table:
    """Differences between the rows of the main table; bold where they survive the correction."""
    main = select(comparisons, table="main")
    names = [
        "mAP" if pd.isna(k) else f"Hit@{k:g} at {seconds:g} s"
        for k, seconds in main[["k", "query_seconds"]].drop_duplicates().itertuples(index=False)
    ]
    columns = [part for name in names for part in (f"{name} (points)", "p")]
    rows = []
    for (system, other), cells in main.groupby(["system", "other"], sort=False):
        row: list[Cell] = [systems[system], systems[other]]
        for place, p_holm in enumerate(cells["p_holm"]):
            survives = bool(p_holm <= significance)
            row += [
                interval_of(cells[place:], ("difference", "low", "high"), bold=survives),
                f"{p_holm:.3f}",
            ]
        rows.append(tuple(row))
    return Table(("System", "Less", *columns), tuple(rows))


def _tasks(metrics: pd.DataFrame, seconds: float) -> list[tuple[str, pd.DataFrame]]:
    return [
        ("Full tracks", select(metrics, task=FULL_TRACK)),
        (f"Segments of {seconds:g} s", select(metrics, task=SEGMENT, query_seconds=seconds)),
    ]
