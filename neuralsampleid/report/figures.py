"""The figures of the report; each function returns one, ``drawing.save_figure`` writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from neuralsampleid.catalogue.formats import FULL_TRACK
from neuralsampleid.errors import UserError
from neuralsampleid.report.drawing import (
    FEWEST,
    GREY,
    KIND_COLOURS,
    draw_intervals,
    legend_below,
    panels,
    rows_axis,
)
from neuralsampleid.report.labels import Kinds, Labels, words
from neuralsampleid.report.tables import interval_of, select


def hit_rate_figure(
    metrics: pd.DataFrame, systems: Labels, kinds: Kinds, protocols: Sequence[str] = ()
) -> Figure:
    """Hit rate by query length: a panel per system, a line with its interval per k.

    Lengths of fewer than ``FEWEST`` queries are not drawn.

    Args:
        metrics: columns ``formats.METRICS``.
        systems: names with labels, in the order of the config.
        kinds: what each is; bounds have no panel, a random ranking is a dashed line in each.
        protocols: a panel of each system for each; none: one for all that there is.
    """
    rows = metrics[(metrics["metric"] == "hit_rate") & (metrics["group"] == "all")]
    cutoffs, lengths = sorted(set(rows["k"])), sorted(set(rows["query_seconds"]))
    shown = [name for name in systems if kinds[name] != "bound"]
    parts = [(name, protocol) for name in shown for protocol in protocols or ("",)]
    columns = len(protocols) or min(3, len(parts))
    lines = -(-len(parts) // columns)
    width = columns * max(2.9, 0.62 * len(lengths)) + 0.4
    figure, grid = panels(lines, columns, width, 0.4 + 2.2 * lines, share_y=True)
    for axes in grid.flat[len(parts) :]:
        axes.remove()
    for axes, (name, protocol) in zip(grid.flat, parts, strict=False):
        part = rows[rows["protocol"] == protocol] if protocol else rows
        own = select(part, system=name)
        by_k = [_enough(select(own, k=k), lengths) for k in cutoffs]
        for place, (k, values) in enumerate(zip(cutoffs, by_k, strict=True)):
            _line_with_band(axes, values, KIND_COLOURS[kinds[name]], place, f"at {k:g}")
        for k in cutoffs:
            chance = _enough(select(part, k=k, system="random"), lengths)["value"].to_numpy(float)
            if not np.isnan(chance).all():
                axes.plot(100 * chance, "--", color=GREY, linewidth=1, label="random ranking")
        axes.set_title(f"{systems[name]}, {protocol}" if protocol else systems[name], fontsize=9)
        ticks = [f"{seconds:g} s\n{_count_of(own, seconds)}" for seconds in lengths]
        axes.set_xticks(range(len(lengths)), ticks, fontsize=7)
        axes.set_xlim(-0.4, len(lengths) - 0.6)
        axes.set_ylim(-3, 103)
    for line in grid:
        line[0].set_ylabel("Hit rate (%)")
    legend_below(figure, grid[0, 0], columns=len(cutoffs) + 1)
    return figure


def map_figure(
    metrics: pd.DataFrame,
    systems: Labels,
    kinds: Kinds,
    protocols: Sequence[str] = (),
    quoted: Mapping[str, float] | None = None,
) -> Figure:
    """Mean average precision over full tracks per system, with intervals.

    Args:
        metrics: columns ``formats.METRICS``.
        systems: names with labels, in the order of the config.
        kinds: what each is.
        protocols: a line for each of a system's; none: one line per system.
        quoted: system → the paper's figure in percent, marked in the system's lines.
    """
    rows = metrics[(metrics["metric"] == "map") & (metrics["group"] == "all")]
    lines = [(name, protocol) for name in systems for protocol in protocols or ("",)]
    figure, grid = panels(1, 1, 7.0, 1.1 + 0.36 * len(lines))
    axes = grid[0, 0]
    intervals = []
    for name, protocol in lines:
        own = select(rows, system=name)
        intervals.append(interval_of(select(own, protocol=protocol) if protocol else own))
    draw_intervals(axes, intervals, [KIND_COLOURS[kinds[name]] for name, _ in lines])
    for system, figure_said in (quoted or {}).items():
        heights = [height for height, (name, _) in enumerate(lines) if name == system]
        axes.vlines(figure_said, min(heights) - 0.4, max(heights) + 0.4, color=GREY, linestyle="--")
        axes.annotate(
            f"quoted {figure_said:g}", (figure_said, max(heights) + 0.4), (3, 0),
            textcoords="offset points", color=GREY, fontsize=9,
        )  # fmt: skip
    rows_axis(axes, [systems[name] + (f", {part}" if part else "") for name, part in lines])
    axes.set_xlim(0, 104)
    asked = _numbers(rows["queries"]) or "0"
    axes.set_xlabel(f"Mean average precision (%), {asked} full-track queries")
    return figure


def learning_curves_figure(curves: pd.DataFrame) -> Figure:
    """How training went: a row per encoder, a panel per quantity.

    Args:
        curves: columns encoder, epoch, step, metric, value. Metrics ``train_x`` and
            ``validation_x`` share the panel of x; all other metrics have their own. Values without
            a number are left out.

    Raises:
        UserError: there is no row.
    """
    if curves.empty:
        raise UserError("learning curves: no row, expected at least one")
    curves = curves.assign(
        panel=curves["metric"].str.replace("^(train|validation)_", "", regex=True),
        split=curves["metric"].str.extract("^(train|validation)_", expand=False).fillna(""),
    )
    names = {name: list(dict.fromkeys(own["panel"])) for name, own in _parts(curves, "encoder")}
    columns = max(map(len, names.values()))
    figure, grid = panels(len(names), columns, 3.4 * columns, 2.5 * len(names))
    for row, (encoder, quantities) in zip(grid, names.items(), strict=True):
        for axes in row[len(quantities) :]:
            axes.remove()
        for axes, quantity in zip(row, quantities, strict=False):
            own = (curves["encoder"] == encoder) & (curves["panel"] == quantity)
            _curves(axes, curves[own])
            axes.set_title(f"{words(encoder)}: {words(quantity)}", fontsize=10)
    return figure


def ranks_figure(
    judged: Mapping[str, pd.DataFrame], systems: Labels, cutoffs: Sequence[int]
) -> Figure:
    """Shares of full-track queries by the rank of their first right answer, a bar per system.

    Args:
        judged: system → columns ``task`` and ``first_rank`` (NaN: not found) of its
            ``evaluate.per_query`` table.
        systems: names with labels, in the order of the config.
        cutoffs: the last ranks of the bar's parts; what is beyond them is the last but one.
    """
    edges = [0, *sorted(cutoffs), np.inf]
    names = [_ranks_named(low + 1, high) for low, high in pairwise(edges)]
    colours = [*colormaps["Blues"](np.linspace(0.9, 0.25, len(names))), "#dddddd"]
    figure, grid = panels(1, 1, 8.0, 1.4 + 0.34 * len(systems))
    axes = grid[0, 0]
    asked = pd.Series([0])
    for height, name in enumerate(systems):
        ranks = judged[name].loc[judged[name]["task"] == FULL_TRACK, "first_rank"]
        asked[height] = len(ranks)
        if not len(ranks):
            continue
        parts = [ranks.between(low + 1, high).mean() for low, high in pairwise(edges)]
        left = 0.0
        for place, share in enumerate([*parts, ranks.isna().mean()]):
            label = [*names, "not found"][place]
            axes.barh(height, 100 * share, 0.7, left, color=colours[place], label=label)
            if share >= 0.06:
                colour = "white" if place < len(names) / 2 else "black"
                axes.text(left + 50 * share, height, f"{100 * share:.0f}", ha="center", va="center",
                          fontsize=8, color=colour)  # fmt: skip
            left += 100 * share
    rows_axis(axes, list(systems.values()))
    axes.set_xlim(0, 100)
    axes.set_xlabel(
        f"Rank of the first right answer: share of {_numbers(asked) or 0} full tracks (%)"
    )
    legend_below(figure, axes, columns=len(colours))
    return figure


def separation_figure(quality: pd.DataFrame) -> Figure:
    """SI-SDR of the separated stems against the true ones, beside that of the unprocessed mix.

    Args:
        quality: columns ``separation.quality.QUALITY_COLUMNS``, in dB; rows with a value that is
            not finite (a silent stem) are left out, n is what remains.

    Raises:
        UserError: no row remains.
    """
    measures = (("mix_si_sdr_db", "Unprocessed mix", GREY), ("si_sdr_db", "Separated", "#0072B2"))
    finite = quality[np.isfinite(quality[[name for name, *_ in measures]]).all(axis=1)]
    if finite.empty:
        raise UserError("separation quality: no finite SI-SDR, expected at least one")
    stems = dict(_parts(finite, "stem"))
    figure, grid = panels(1, 1, 6.4, 1.5 + 0.8 * len(stems))
    axes = grid[0, 0]
    for place, own in enumerate(stems.values()):
        for (column, label, colour), offset in zip(measures, (-0.2, 0.2), strict=True):
            values = own[column].to_numpy(dtype=float)
            heights = place + offset + 0.11 * _spread(len(values))
            axes.plot(
                values, heights, "o", color=colour, markersize=3.5, alpha=0.5, mec="none",
                label=label if place == 0 else None,
            )  # fmt: skip
            middle = np.median(values)
            ends = [place + offset - 0.18, place + offset + 0.18]
            axes.plot([middle] * 2, ends, color=colour, linewidth=2.5)
    rows_axis(axes, [f"{words(name)} (n = {len(own)})" for name, own in stems.items()])
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.set_xlabel("SI-SDR (dB), higher is better; bar: median")
    legend_below(figure, axes, columns=2)
    return figure


def _enough(rows: pd.DataFrame, lengths: Sequence[float]) -> pd.DataFrame:
    """The row of each length; NaN where it is of too few queries to be drawn."""
    return rows[rows["queries"] >= FEWEST].set_index("query_seconds").reindex(lengths)


def _count_of(rows: pd.DataFrame, seconds: float) -> str:
    """How many queries of a length there are; systems may reach different ones."""
    return f"n = {_numbers(rows.loc[rows['query_seconds'] == seconds, 'queries']) or '0'}"


def _numbers(counts: pd.Series[float]) -> str:
    """The counts that are not 0, as a number or a range; empty if there is none."""
    some = counts[counts > 0]
    return "–".join(f"{count:g}" for count in dict.fromkeys((some.min(), some.max())) if len(some))


def _ranks_named(low: float, high: float) -> str:
    if np.isinf(high):
        return f"from {low:g}"
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _line_with_band(axes: Axes, rows: pd.DataFrame, colour: str, place: int, label: str) -> None:
    """Value, low and high of one system, fractions by row, over the places 0, 1, …."""
    marker = "osD^vP"[place % 6]
    value, low, high = (100 * rows[name].to_numpy(dtype=float) for name in ("value", "low", "high"))
    x = np.arange(len(rows))
    axes.plot(x, value, marker=marker, color=colour, markersize=5, linewidth=1.8, label=label)
    if len(rows) == 1:  # a band has no width there
        axes.vlines(x, low, high, color=colour, linewidth=1.5)
    axes.fill_between(x, low, high, color=colour, alpha=0.12, linewidth=0)


def _curves(axes: Axes, rows: pd.DataFrame) -> None:
    """One line per split over the steps, labelled where there are several."""
    colours = {"": "#000000", "train": GREY, "validation": "#0072B2"}
    splits = [split for split in colours if (rows["split"] == split).any()]
    for split in splits:
        own = rows[rows["split"] == split].sort_values("step").dropna(subset=["value"])
        marker = "o" if len(own) == 1 else ""  # a line through one point is invisible
        axes.plot(own["step"], own["value"], marker=marker, color=colours[split], label=split)
    axes.set_xlabel("Step")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    if splits != [""]:
        axes.legend(frameon=False, fontsize=9)


def _spread(count: int) -> NDArray[np.float64]:
    """Offsets in [−1, 1] that look random and repeat (golden-ratio sequence)."""
    return np.asarray(2 * (np.arange(count) * 0.6180339887498949 % 1) - 1, dtype=np.float64)


def _parts(table: pd.DataFrame, column: str) -> list[tuple[str, pd.DataFrame]]:
    """The table by a column's values, in order of first appearance."""
    return [(str(name), part) for name, part in table.groupby(column, sort=False)]
