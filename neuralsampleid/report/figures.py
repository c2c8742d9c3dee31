"""The figures of the report; each function returns one, ``drawing.save_figure`` writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import NDArray

from neuralsampleid.catalogue.formats import FULL_TRACK
from neuralsampleid.errors import UserError
from neuralsampleid.report.drawing import GREY, legend_below, panels, rows_axis, system_style
from neuralsampleid.report.labels import Labels, words
from neuralsampleid.report.tables import interval_of


def hit_rate_figure(
    metrics: pd.DataFrame, systems: Labels, protocols: Sequence[str] = ()
) -> Figure:
    """Hit rate by query length: a panel per k, a line with its interval per system.

    Args:
        metrics: columns ``formats.METRICS``.
        systems: names with labels, in the order of the config, which fixes the colours.
        protocols: a row of panels for each; none: one row for all that there is.
    """
    rows = metrics[(metrics["metric"] == "hit_rate") & (metrics["group"] == "all")]
    cutoffs, lengths = sorted(set(rows["k"])), sorted(set(rows["query_seconds"]))
    parts = {f", {name}": rows[rows["protocol"] == name] for name in protocols} or {"": rows}
    width = max(5.0, len(cutoffs) * max(2.4, 0.62 * len(lengths)) + 0.6)
    figure, grid = panels(len(parts), len(cutoffs), width, 0.4 + 3.2 * len(parts), share_y=True)
    for line, (name, part) in zip(grid, parts.items(), strict=True):
        ticks = [f"{seconds:g} s\n{_count_of(part, seconds)}" for seconds in lengths]
        for axes, k in zip(line, cutoffs, strict=True):
            for place, system in enumerate(systems):
                own = part[(part["k"] == k) & (part["system"] == system)]
                own = own.set_index("query_seconds").reindex(lengths)
                _line_with_band(axes, own, place, systems[system])
            axes.set_title(f"Hit rate at {k:g}{name}", fontsize=11)
            axes.set_xlabel("Query length, number of queries", fontsize=9)
            axes.set_xticks(range(len(lengths)), ticks, fontsize=8)
            axes.set_xlim(-0.4, len(lengths) - 0.6)
            axes.set_ylim(-3, 103)
        line[0].set_ylabel("Hit rate (%)")
    legend_below(figure, grid[0, 0], columns=min(3, len(systems)))
    return figure


def map_figure(
    metrics: pd.DataFrame,
    systems: Labels,
    protocols: Sequence[str] = (),
    quoted: Mapping[str, float] | None = None,
) -> Figure:
    """Mean average precision over full tracks per system, with intervals.

    Args:
        metrics: columns ``formats.METRICS``.
        systems: names with labels, in the order of the config.
        protocols: a line for each of a system's; none: one line per system.
        quoted: system → the paper's figure in percent, marked in the system's lines.
    """
    rows = metrics[(metrics["metric"] == "map") & (metrics["group"] == "all")]
    names = list(systems)
    lines = [(place, name) for place in range(len(names)) for name in protocols or ("",)]
    figure, grid = panels(1, 1, 6.4, 1.3 + 0.42 * len(lines))
    axes = grid[0, 0]
    for height, (place, protocol) in enumerate(lines):
        own = rows[rows["system"] == names[place]]
        own = own[own["protocol"] == protocol] if protocol else own
        mean = interval_of(own)
        colour, marker = system_style(place)
        axes.hlines(height, mean.low, mean.high, color=colour, linewidth=2)
        axes.plot(mean.value, height, marker, color=colour, markersize=7)
        if not np.isnan(mean.value):
            axes.annotate(
                f"{mean.value:.1f}", (mean.value, height), (0, 6), textcoords="offset points",
                ha="center", fontsize=9,
            )  # fmt: skip
    for system, figure_said in (quoted or {}).items():
        heights = [height for height, (place, _) in enumerate(lines) if names[place] == system]
        axes.vlines(figure_said, min(heights) - 0.4, max(heights) + 0.4, color=GREY, linestyle="--")
        axes.annotate(
            f"quoted {figure_said:g}", (figure_said, max(heights) + 0.4), (3, 0),
            textcoords="offset points", color=GREY, fontsize=9,
        )  # fmt: skip
    labels = [systems[names[place]] + (f", {name}" if name else "") for place, name in lines]
    rows_axis(axes, labels)
    axes.set_xlim(0, 102)
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


def ranks_figure(judged: Mapping[str, pd.DataFrame], systems: Labels) -> Figure:
    """Rank of the first correct reference of every full-track query, and the median.

    Args:
        judged: system → columns ``task`` and ``first_rank`` (NaN: not found) of its
            ``evaluate.per_query`` table.
        systems: names with labels, in the order of the config.
    """
    tracks = {name: judged[name][judged[name]["task"] == FULL_TRACK] for name in systems}
    ranks = {name: rows["first_rank"].to_numpy(dtype=float) for name, rows in tracks.items()}
    worst = max((float(np.nanmax(r)) for r in ranks.values() if np.isfinite(r).any()), default=1.0)
    missing = 2 * max(worst, 10.0)  # where "not found" stands on the axis
    figure, grid = panels(1, 1, 7.0, 1.2 + 0.75 * len(systems))
    axes = grid[0, 0]
    for place, name in enumerate(systems):
        colour, _ = system_style(place)
        shown = np.where(np.isnan(ranks[name]), missing, ranks[name])
        aside, above = _piled(shown)
        x, y = shown * 10 ** (0.025 * aside), place + 0.09 * above  # a dot's width and height
        axes.plot(x, y, "o", color=colour, markersize=4.5, alpha=0.75, mec="none")
        if len(shown):
            middle = np.median(shown)
            axes.plot([middle] * 2, [place - 0.44, place + 0.44], color="black", linewidth=1.5)
    axes.set_xscale("log")
    axes.axvline(missing / 1.4, color=GREY, linestyle=":", linewidth=1)
    ticks = [tick for tick in (1, 2, 3, 5, 10, 20, 50, 100, 200, 500) if tick < missing / 1.6]
    axes.set_xticks([*ticks, missing], [*map(str, ticks), "not\nfound"])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(0.75, missing * 1.4)
    rows_axis(axes, list(systems.values()))
    axes.set_xlabel("Rank of the first correct reference; bar: median")
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


def _count_of(rows: pd.DataFrame, seconds: float) -> str:
    """How many queries of a length there are; systems may reach different ones."""
    return f"n = {_numbers(rows.loc[rows['query_seconds'] == seconds, 'queries']) or '0'}"


def _numbers(counts: pd.Series[float]) -> str:
    """The counts that are not 0, as a number or a range; empty if there is none."""
    some = counts[counts > 0]
    return "–".join(f"{count:g}" for count in dict.fromkeys((some.min(), some.max())) if len(some))


def _line_with_band(axes: Axes, rows: pd.DataFrame, place: int, label: str) -> None:
    """Value, low and high of one system, fractions by row, over the places 0, 1, …."""
    colour, marker = system_style(place)
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


def _piled(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Offsets, in dots, that pile up equal values around their place, nine in a column."""
    aside, above = np.zeros(len(values)), np.zeros(len(values))
    for value in np.unique(values):
        same = np.flatnonzero(values == value)
        columns = np.array_split(same, -(-len(same) // 9))
        for place, column in enumerate(columns):
            aside[column] = place - (len(columns) - 1) / 2
            above[column] = np.arange(len(column)) - (len(column) - 1) / 2
    return aside, above


def _spread(count: int) -> NDArray[np.float64]:
    """Offsets in [−1, 1] that look random and repeat (golden-ratio sequence)."""
    return np.asarray(2 * (np.arange(count) * 0.6180339887498949 % 1) - 1, dtype=np.float64)


def _parts(table: pd.DataFrame, column: str) -> list[tuple[str, pd.DataFrame]]:
    """The table by a column's values, in order of first appearance."""
    return [(str(name), part) for name, part in table.groupby(column, sort=False)]
