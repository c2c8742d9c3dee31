"""Figures of where systems work, where they place a hit, and what their scores are worth.

Arguments of all: ``metrics`` and ``reliability`` have the columns of their ``formats``; ``systems``
are names with labels in the order of the config; ``kinds`` says what each is; ``seconds`` is the
length of the segment queries shown. Of fewer than ``FEWEST`` queries nothing is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from neuralsampleid.catalogue.formats import FULL_TRACK
from neuralsampleid.evaluation.conditions import SEPARATOR
from neuralsampleid.evaluation.localisation import TOLERANCE_S
from neuralsampleid.evaluation.occurrences import SCOPES
from neuralsampleid.report.drawing import (
    FEWEST,
    GREY,
    KIND_COLOURS,
    legend_below,
    panels,
    rows_axis,
    series_style,
)
from neuralsampleid.report.labels import Kinds, Labels, bin_label, words
from neuralsampleid.report.tables import UNKNOWN, count_of, cutoffs_of, interval_of, select


def conditions_figure(
    metrics: pd.DataFrame, systems: Labels, kinds: Kinds, conditions: Sequence[str], seconds: float
) -> Figure:
    """MAP and the hit rate at the largest k by condition: of each kind the best system by mAP.

    Args:
        metrics: see the module.
        systems: see the module.
        kinds: of bounds the random ranking is drawn, as a line.
        conditions: the groups to show, those of a dimension together; a dimension of which fewer
            than two remain is left out.
        seconds: see the module.
    """
    k = cutoffs_of(metrics)[-1]
    shown = {
        "mAP of full tracks (%)": select(metrics, metric="map"),
        f"Hit rate at {k:g}, segments of {seconds:g} s (%)": select(
            metrics, metric="hit_rate", k=k, query_seconds=seconds
        ),
    }
    enough = pd.concat(shown.values())
    enough = enough[enough["queries"] >= FEWEST]
    dimensions: dict[str, list[str]] = {}
    for name in conditions:
        if name in set(enough["group"]):
            dimensions.setdefault(name.partition(SEPARATOR)[0], []).append(name)
    rows = ["all"]
    for dimension, names in dimensions.items():
        rows += [dimension, *names] if len(names) > 1 else []
    best = _best_of_each_kind(metrics, systems, kinds)
    figure, grid = panels(1, 2, 9.0, 1.5 + 0.3 * len(rows), share_y=True)
    for axes, (title, part) in zip(grid[0], shown.items(), strict=True):
        for place, system in enumerate([*best, "random"]):
            own = select(part, system=system).set_index("group").reindex(rows)
            own = own[own["queries"] >= FEWEST]
            heights = np.array([rows.index(name) for name in own.index], float)
            value, low, high = (
                100 * own[name].to_numpy(float) for name in ("value", "low", "high")
            )
            colour = KIND_COLOURS[kinds.get(system, "bound")]
            if system == "random":
                axes.vlines(
                    value, heights - 0.4, heights + 0.4, color=colour, label="Random ranking"
                )
                continue
            heights += 0.17 * (place - (len(best) - 1) / 2)
            axes.hlines(heights, low, high, color=colour, linewidth=1.2)
            axes.plot(value, heights, "osD^"[place % 4], color=colour, markersize=4.5,
                      label=systems[system])  # fmt: skip
        for height, name in enumerate(rows):
            number = count_of(select(part, group=name))
            if number >= FEWEST:
                axes.text(104, height, f"n = {number}", fontsize=7, va="center", color=GREY)
        axes.set_title(title, fontsize=10)
        axes.set_xlim(-2, 102)
        axes.grid(axis="x", color="#e5e5e5")
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
    labels = [bin_label(name.partition(SEPARATOR)[2]) or words(name) for name in rows]
    rows_axis(grid[0, 0], labels)
    for label, name in zip(grid[0, 0].get_yticklabels(), rows, strict=True):
        label.set_fontweight("normal" if SEPARATOR in name else "bold")
        label.set_fontsize(8.5)
    legend_below(figure, grid[0, 0], columns=min(3, len(best) + 1))
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
            colour, marker = series_style(place)
            beside = np.arange(len(systems)) + 0.2 * (place - 1)
            cells = [select(rows, system=name, metric=f"{kind}_f1{scope}") for name in systems]
            found = [interval_of(one) if count_of(one) >= FEWEST else UNKNOWN for one in cells]
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
    curves: pd.DataFrame,
    metrics: pd.DataFrame,
    quantities: pd.DataFrame,
    systems: Labels,
    kinds: Kinds,
) -> Figure:
    """Right pairs given over wrong ones, of full tracks; markers: the stated threshold.

    Of each kind the best system by mAP, and a random ranking.
    """
    figure, grid = panels(1, 1, 7.2, 4.6)
    axes = grid[0, 0]
    shown = [*_best_of_each_kind(metrics, systems, kinds), "random"]
    for place, system in enumerate(name for name in shown if name in systems):
        colour = KIND_COLOURS[kinds[system]]
        own = select(curves, system=system)
        axes.step([0, *own["wrong_per_query"], 1e9], [0, *(100 * own["recall"]), np.nan],
                  where="post", color=colour, linewidth=1.4)  # fmt: skip
        recall, wrong = (
            select(table, system=system, task=FULL_TRACK, group="all", metric=name)
            for table, name in ((metrics, "answer_recall"), (quantities, "pairs_wrong"))
        )
        stated = interval_of(wrong, factor=1).value / max(1, count_of(wrong))
        axes.plot(stated, interval_of(recall).value, "osD^v"[place % 5], color=colour,
                  label=systems[system])  # fmt: skip
    axes.set_xscale("symlog", linthresh=0.01)
    axes.set_xlim(0, 10)
    axes.set_ylim(-2, 102)
    axes.set_xlabel("Wrong pairs given per query", fontsize=9)
    axes.set_ylabel("Right pairs given (%)")
    legend_below(figure, axes, columns=2)
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
        colour, marker = series_style(place)
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


def _best_of_each_kind(metrics: pd.DataFrame, systems: Labels, kinds: Kinds) -> list[str]:
    """Of each kind of system the one with the largest mAP."""
    precision = select(metrics, metric="map", group="all").set_index("system")["value"]
    found: dict[str, str] = {}
    for name in systems:
        best = found.setdefault(kinds[name], name)
        if precision.get(name, np.nan) > precision.get(best, np.nan):
            found[kinds[name]] = name
    return [name for kind, name in found.items() if kind != "bound"]
