"""The table and the figure of the ablations; values in percent, differences in points."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neuralsampleid.report.drawing import GREY, panels, rows_axis, series_style
from neuralsampleid.report.labels import Labels
from neuralsampleid.report.tables import Cell, Table, cutoffs_of, interval_of, select


def ablation_table(summary: pd.DataFrame, rows: Labels, seconds: float) -> Table:
    """One row per ablation: means over the seeds, in brackets the smallest and the largest.

    Args:
        summary: columns of ``studies.ablations.over_seeds``.
        rows: their names with labels, first the system that the others change.
        seconds: the query length of the hit rates.
    """
    cutoffs = cutoffs_of(summary)
    columns = ["Row", "Seeds", "mAP (%)", "mAP, difference"]
    for k in cutoffs:
        columns += [f"Hit@{k:g} at {seconds:g} s (%)", f"Hit@{k:g}, difference"]
    first = next(iter(rows))
    lines: list[tuple[Cell, ...]] = []
    for name in rows:
        own = select(summary, system=name)
        measures = [select(own, metric="map")]
        measures += [select(own, metric="hit_rate", query_seconds=seconds, k=k) for k in cutoffs]
        cells: list[Cell] = [rows[name], int(own["seeds"].max())]
        for measure in measures:
            value, difference = (
                interval_of(measure, (column, f"{column}_low", f"{column}_high"))
                for column in ("value", "difference")
            )
            cells += [value, "–" if name == first else difference]
        lines.append(tuple(cells))
    return Table(tuple(columns), tuple(lines))


def ablation_figure(values: pd.DataFrame, rows: Labels) -> Figure:
    """The mAP of each row and its difference on the same music: a dot per seed, a line at the mean.

    Args:
        values: columns of ``studies.ablations.by_seed``.
        rows: as of ``ablation_table``.
    """
    figure, grid = panels(1, 2, 10.0, 1.3 + 0.42 * len(rows))
    precision = select(values, metric="map")
    first = next(iter(rows))
    labels = {
        "value": "Mean average precision (%)",
        "difference": f"Difference from “{rows[first]}” (points)",
    }
    for axes, (column, label) in zip(grid[0], labels.items(), strict=True):
        for place, name in enumerate(rows):
            _dots(axes, 100 * select(precision, system=name)[column], place)
        rows_axis(axes, list(rows.values()))
        axes.set_xlabel(f"{label}; a dot per seed")
    grid[0, 1].axvline(0, color=GREY, linestyle=":", linewidth=1)
    grid[0, 1].set_yticklabels([])
    return figure


def _dots(axes: Axes, numbers: pd.Series[float], place: int) -> None:
    colour, _ = series_style(0 if place == 0 else 1)
    axes.plot(numbers, [place] * len(numbers), "o", color=colour, alpha=0.7, mec="none")
    axes.plot([numbers.mean()] * 2, [place - 0.3, place + 0.3], color="black", linewidth=1.5)
