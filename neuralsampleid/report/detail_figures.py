"""Figures of where systems work, where they place a hit, and what their scores are worth.

Arguments of all: ``metrics`` and ``reliability`` have the columns of their ``formats``; ``judged``
holds each system's ``evaluate.per_query`` table; ``systems`` are names with labels in the order of
the config; ``seconds`` is the length of the segment queries shown, ``k`` the rank of their hits;
``conditions`` are the groups to show, those of a dimension together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neuralsampleid.catalogue.formats import FULL_TRACK, SEGMENT
from neuralsampleid.evaluation.conditions import SEPARATOR, conditions_of, has_condition
from neuralsampleid.evaluation.localisation import TOLERANCE_S
from neuralsampleid.evaluation.occurrences import SCOPES
from neuralsampleid.evaluation.summary import at_length
from neuralsampleid.report.drawing import GREY, legend_below, panels, rows_axis, system_style
from neuralsampleid.report.labels import Labels, bin_label, words
from neuralsampleid.report.tables import count_of, cutoffs_of, interval_of, select

COLOURS = "viridis"


def conditions_figure(
    metrics: pd.DataFrame, systems: Labels, conditions: Sequence[str], seconds: float
) -> Figure:
    """Heat maps of mAP and of the hit rate at the largest k: systems by condition."""
    k = cutoffs_of(metrics)[-1]
    shown = {
        "Mean average precision (%), full tracks": select(metrics, metric="map"),
        f"Hit rate at {k:g} (%), segments of {seconds:g} s": select(
            metrics, metric="hit_rate", k=k, query_seconds=seconds
        ),
    }
    columns = max(1, len(conditions))
    width, height = 2.4 + 0.62 * columns, 2 * (1.5 + 0.34 * len(systems))
    figure, grid = panels(2, 1, width, height)
    for axes, (title, rows) in zip(grid[:, 0], shown.items(), strict=True):
        pivot = rows.pivot(index="system", columns="group", values=["value", "queries"])
        values, counts = (
            pivot[name].reindex(index=list(systems), columns=conditions).to_numpy(float)
            for name in ("value", "queries")
        )
        number = np.nan_to_num(counts.max(axis=0, initial=0)).astype(int)
        _heat_map(axes, 100 * values)
        labels = [f"{_broken(name)}\nn = {n}" for name, n in zip(conditions, number, strict=True)]
        axes.set_xticks(range(len(conditions)), labels, fontsize=7)
        axes.set_yticks(range(len(systems)), list(systems.values()), fontsize=9)
        axes.set_title(title, fontsize=10, pad=18, loc="left")
        _name_dimensions(axes, conditions)
    return figure


def changes_figure(
    judged: Mapping[str, pd.DataFrame], systems: Labels, k: int, seconds: float
) -> Figure:
    """Heat maps of the hit rate by tempo ratio and pitch shift, a panel per system."""
    first = judged[next(iter(systems))]
    found = conditions_of(first)
    tempi, pitches = (
        [name for name in found if name.startswith(f"{dimension}{SEPARATOR}")]
        for dimension in ("tempo_ratio", "pitch_semitones")
    )
    columns = min(len(systems), 2)
    lines = -(-len(systems) // columns)
    width = max(1.3 + 0.75 * len(tempi), 3.0) * columns
    figure, grid = panels(lines, columns, width, lines * (1.5 + 0.5 * len(pitches)))
    for axes in grid.flat[len(systems) :]:
        axes.remove()
    for place, (axes, system) in enumerate(zip(grid.flat, systems, strict=False)):
        table = judged[system]
        segments = table[(table["task"] == SEGMENT) & at_length(table, seconds)]
        values, counts = _rates(segments, f"hit_{k}", pitches, tempi)
        _heat_map(axes, 100 * values, counts)
        beside = pitches if place % columns == 0 else []
        axes.set_xticks(range(len(tempi)), [_broken(name) for name in tempi], fontsize=7)
        axes.set_yticks(range(len(beside)), [_broken(name) for name in beside], fontsize=7)
        axes.set_title(systems[system], fontsize=10)
        axes.set_xlabel("Tempo ratio", fontsize=9)
        if place % columns == 0:
            axes.set_ylabel("Pitch (semitones)", fontsize=9)
    figure.suptitle(
        f"Hit rate at {k} (%), segments of {seconds:g} s; in brackets: queries", fontsize=10
    )
    return figure


def localisation_figure(metrics: pd.DataFrame, systems: Labels) -> Figure:
    """F1 of occurrences, of these within the tolerance, and per second, with intervals."""
    kinds = {
        "occurrence": "Occurrences",
        "strict_occurrence": f"All ends within {TOLERANCE_S:g} s",
        "per_second": "Per second",
    }
    rows = select(metrics, group="all")
    figure, grid = panels(1, len(SCOPES), 9.0, 1.4 + 0.42 * len(systems), share_y=True)
    titles = ("All occurrences", "In right answers")
    for axes, scope, title in zip(grid[0], SCOPES, titles, strict=True):
        for place, (kind, label) in enumerate(kinds.items()):
            colour, marker = system_style(place)
            beside = np.arange(len(systems)) + 0.2 * (place - 1)
            found = [
                interval_of(select(rows, system=system, metric=f"{kind}_f1{scope}"))
                for system in systems
            ]
            low, high = ([getattr(one, end) for one in found] for end in ("low", "high"))
            axes.hlines(beside, low, high, color=colour, linewidth=1.5)
            values = [one.value for one in found]
            axes.plot(values, beside, marker, color=colour, markersize=6, label=label)
        tracks = count_of(select(rows, metric=f"occurrence_f1{scope}"))
        axes.set_title(f"{title}, up to {tracks} query tracks" if scope else title, fontsize=10)
        axes.set_xlabel("F1 (%)", fontsize=9)
        axes.set_xlim(-2, 102)
    rows_axis(grid[0, 0], list(systems.values()))
    legend_below(figure, grid[0, 0], columns=len(kinds))
    return figure


def answer_figure(
    curves: pd.DataFrame, metrics: pd.DataFrame, quantities: pd.DataFrame, systems: Labels
) -> Figure:
    """Right pairs given over wrong ones, of full tracks; markers: the stated threshold."""
    figure, grid = panels(1, 1, 7.2, 4.6)
    axes = grid[0, 0]
    for place, (system, label) in enumerate(systems.items()):
        colour, marker = system_style(place)
        own = select(curves, system=system)
        axes.step([0, *own["wrong_per_query"], 1e9], [0, *(100 * own["recall"]), np.nan],
                  where="post", color=colour, linewidth=1.4)  # fmt: skip
        recall, wrong = (
            select(table, system=system, task=FULL_TRACK, group="all", metric=name)
            for table, name in ((metrics, "answer_recall"), (quantities, "pairs_wrong"))
        )
        stated = interval_of(wrong, factor=1).value / max(1, count_of(wrong))
        axes.plot(stated, interval_of(recall).value, marker, color=colour, label=label)
    axes.set_xscale("symlog", linthresh=0.01)
    axes.set_xlim(0, 10)
    axes.set_ylim(-2, 102)
    axes.set_xlabel("Wrong pairs given per query", fontsize=9)
    axes.set_ylabel("Right pairs given (%)")
    legend_below(figure, axes, columns=min(3, len(systems)))
    return figure


def calibration_figure(reliability: pd.DataFrame, systems: Labels) -> Figure:
    """Reliability curves of the re-ranker, above how many pairs have such a probability."""
    figure, grid = panels(2, 1, 5.4, 5.6)
    curve, counts = grid[:, 0]
    curve.plot([0, 100], [0, 100], color=GREY, linestyle=":", linewidth=1, label="Calibrated")
    for place, system in enumerate(systems):
        own = select(reliability, system=system)
        if own.empty:
            continue
        colour, marker = system_style(place)
        said = own.dropna(subset=["share_right"])
        curve.plot(100 * said["mean_probability"], 100 * said["share_right"], marker=marker,
                   color=colour, label=systems[system])  # fmt: skip
        counts.stairs(own["pairs"], [*(100 * own["low"]), 100], color=colour, linewidth=1.5)
    curve.set_ylabel("Right (%)")
    curve.set_ylim(-3, 103)
    curve.legend(frameon=False, fontsize=9)
    counts.set_ylabel("Pairs")
    counts.set_xlabel("Probability that the re-ranker gives (%)")
    for axes in (curve, counts):
        axes.set_xlim(-2, 102)
    return figure


def _rates(
    queries: pd.DataFrame, column: str, down: Sequence[str], across: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Means of a column and numbers of queries by two dimensions' conditions."""
    values, counts = (
        np.full((len(down), len(across)), np.nan),
        np.zeros((len(down), len(across)), int),
    )
    for row, first in enumerate(down):
        for place, second in enumerate(across):
            chosen = queries[has_condition(queries, first) & has_condition(queries, second)]
            counts[row, place] = len(chosen)
            values[row, place] = chosen[column].mean() if len(chosen) else np.nan
    return values, counts


def _broken(condition: str) -> str:
    """A condition's value, a range in two lines."""
    return bin_label(condition.partition(SEPARATOR)[2]).replace(" to ", "\nto ")


def _heat_map(
    axes: Axes, percent: NDArray[np.float64], counts: NDArray[np.int64] | None = None
) -> None:
    """Cells coloured from 0 to 100 with their value, and their count where given."""
    if percent.size:
        axes.imshow(percent, cmap=COLOURS, vmin=0, vmax=100, aspect="auto")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    for (row, column), value in np.ndenumerate(percent):
        if np.isnan(value):
            continue
        text = f"{value:.0f}" + ("" if counts is None else f"\n({counts[row, column]})")
        colour = "black" if value > 60 else "white"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)


def _name_dimensions(axes: Axes, conditions: Sequence[str]) -> None:
    """Names above the columns of each dimension, and gaps between dimensions."""
    dimensions = [name.partition(SEPARATOR)[0] for name in conditions]
    for dimension in dict.fromkeys(dimensions):
        places = [place for place, name in enumerate(dimensions) if name == dimension]
        axes.text(places[0] - 0.48, -0.62, words(dimension), fontsize=8, va="bottom")
        if places[0]:  # not before the first
            axes.axvline(places[0] - 0.5, color="white", linewidth=4)
