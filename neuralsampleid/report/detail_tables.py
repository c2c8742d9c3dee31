"""Tables beyond how often a system is right: where, whether at all, and who is better.

Values are in percent, differences in percentage points, ranks as they are. Arguments are as in
``tables``; ``quantities`` has the columns ``formats.METRICS``, ``comparisons`` those of
``formats.COMPARISONS``, and ``significance`` is the largest corrected p-value that counts.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from neuralsampleid.catalogue.formats import FULL_TRACK, SEGMENT
from neuralsampleid.evaluation.localisation import TOLERANCE_S
from neuralsampleid.evaluation.occurrences import SCOPES
from neuralsampleid.report.labels import Labels
from neuralsampleid.report.tables import (
    Cell,
    Table,
    count_of,
    interval_of,
    numbers_of,
    select,
)


def localisation_table(metrics: pd.DataFrame, quantities: pd.DataFrame, systems: Labels) -> Table:
    """How well the lines of the first tracks agree with the annotated occurrences."""
    shares = {
        "occurrence_precision": "Precision (%)",
        "occurrence_recall": "Recall (%)",
        "occurrence_f1": "F1 (%)",
        "strict_occurrence_f1": f"F1 within {TOLERANCE_S:g} s (%)",
        "per_second_f1": "Per-second F1 (%)",
    }
    errors = {
        "end_error_s": "Ends (s)",
        "tempo_error_percent": "Tempo (%)",
        "pitch_error_semitones": "Pitch (semitones)",
    }
    rows: list[tuple[Cell, ...]] = []
    for scope, about in zip(SCOPES, ("All occurrences", "In right answers"), strict=True):
        for system, label in systems.items():
            found, off = (
                [
                    select(table, system=system, group="all", metric=f"{name}{scope}")
                    for name in names
                ]
                for table, names in ((metrics, shares), (quantities, errors))
            )
            apart = (interval_of(part, factor=1) for part in off)
            rows.append((about, label, count_of(found[0]), *map(interval_of, found), *apart))
    columns = ("Scope", "System", "Tracks", *shares.values(), *errors.values())
    return Table(columns, tuple(rows))


def answer_table(
    metrics: pd.DataFrame, quantities: pd.DataFrame, systems: Labels, seconds: float
) -> Table:
    """What systems answer at the stated threshold, and how well scores tell answers from none."""
    rows: list[tuple[Cell, ...]] = []
    numbers = dict(_tasks(quantities, seconds))
    for about, asked in _tasks(metrics, seconds):
        for system, label in systems.items():
            own, counted = (
                select(table, system=system, group="all") for table in (asked, numbers[about])
            )
            threshold, wanted, given, wrong = (
                interval_of(select(counted, metric=name), factor=1)
                for name in ("answer_threshold", "pairs_right", "pairs_given", "pairs_wrong")
            )
            recall, area = (select(own, metric=name) for name in ("answer_recall", "auroc"))
            known = not np.isnan(wanted.value)
            rows.append(
                (
                    about, label, count_of(recall), int(wanted.value) if known else 0, given, wrong,
                    interval_of(recall), interval_of(area),
                    f"{threshold.value:.3g}" if np.isfinite(threshold.value) else "–",
                )
            )  # fmt: skip
    columns = (
        "Queries", "System", "Asked", "Right pairs", "Given", "Of them wrong",
        "Right pairs given (%)", "AUROC (%)", "Score above",
    )  # fmt: skip
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
    cells = list(dict.fromkeys(main[["k", "query_seconds"]].fillna(0).itertuples(index=False)))
    names = [f"Hit@{k:g} at {seconds:g} s" if k else "mAP" for k, seconds in cells]
    columns = [part for name in names for part in (f"{name} (points)", "p")]
    rows = []
    for (system, other), tested in main.fillna({"k": 0}).groupby(["system", "other"], sort=False):
        row: list[Cell] = [systems[system], systems[other]]
        for k, _ in cells:
            own = select(tested, k=k)  # none where one of the two was not asked
            p_holm = own["p_holm"].iloc[0] if len(own) else np.nan
            survives = bool(p_holm <= significance)
            difference = interval_of(own, ("difference", "low", "high"), bold=survives)
            row += [difference, "–" if np.isnan(p_holm) else f"{p_holm:.3f}"]
        rows.append(tuple(row))
    return Table(("System", "Less", *columns), tuple(rows))


def _tasks(metrics: pd.DataFrame, seconds: float) -> list[tuple[str, pd.DataFrame]]:
    return [
        ("Full tracks", select(metrics, task=FULL_TRACK)),
        (f"Segments of {seconds:g} s", select(metrics, task=SEGMENT, query_seconds=seconds)),
    ]
