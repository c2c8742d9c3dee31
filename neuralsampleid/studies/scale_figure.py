"""The figure of the scale study: cost against what is kept, and how alike distractors are."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neuralsampleid.report.drawing import GREY, legend_below, panels, series_style
from neuralsampleid.report.labels import words

_MARKERS = "os^Dv"


def scale_figure(indexes: pd.DataFrame, distances: pd.DataFrame) -> Figure:
    """Cost against what is kept, for each kind of index and size of the catalogue.

    Args:
        indexes: columns ``scale.COLUMNS``; a row per kind and size, ``flat`` at every size.
        distances: columns ``scale.DISTANCE_COLUMNS``.
    """
    figure, grid = panels(1, 4, 15.0, 4.2)
    costs = {
        "ms_one_thread": "Search, one thread (ms per fingerprint)",
        "bytes_per_segment": "Index (bytes per segment)",
    }
    for axes, (column, label) in zip(grid[0], costs.items(), strict=False):
        _kept_against(axes, indexes, column)
        axes.set_xlabel(label)
    grid[0, 0].set_ylabel("Of the exact candidates, kept (%)")
    _hit_rates(grid[0, 2], indexes)
    _distances(grid[0, 3], distances)
    legend_below(figure, grid[0, 0], columns=5)
    return figure


def _kept_against(axes: Axes, indexes: pd.DataFrame, cost: str) -> None:
    """A line per kind from the smallest catalogue (small marker) to the largest."""
    sizes = sorted(set(indexes["segments"]))
    for place, (kind, rows) in enumerate(indexes.groupby("kind", sort=False)):
        ordered = rows.sort_values("segments")
        colour, _ = series_style(place)
        axes.plot(
            ordered[cost], 100 * ordered["kept"], color=colour, linewidth=1,
            marker=_MARKERS[place], markersize=5, label=words(str(kind)),
        )  # fmt: skip
        for row in ordered.itertuples(index=False):
            axes.plot(
                getattr(row, cost), 100 * row.kept, _MARKERS[place], color=colour,
                markersize=4 + 2 * sizes.index(row.segments),
            )  # fmt: skip
    if cost == "bytes_per_segment":
        axes.set_xlim(0, 1.1 * indexes[cost].max())
    else:
        axes.set_xscale("log")
    lowest = 100 * indexes["kept"].min()
    axes.set_ylim(max(0, 10 * int(lowest / 10) - 10), 102)
    axes.set_title("Growing: " + ", ".join(f"{size:,}" for size in sizes), fontsize=9)


def _hit_rates(axes: Axes, indexes: pd.DataFrame) -> None:
    for place, (kind, rows) in enumerate(indexes.groupby("kind", sort=False)):
        ordered = rows.sort_values("segments")
        colour, _ = series_style(place)
        axes.plot(
            ordered["segments"], 100 * ordered["hit_10"], color=colour, linewidth=1,
            marker=_MARKERS[place], markersize=5, label=words(str(kind)),
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_ylim(-2, 102)
    axes.set_xlabel("Segments in the catalogue")
    axes.set_ylabel(f"Hit rate at 10 (%), n = {indexes['queries'].max()}")


def _distances(axes: Axes, distances: pd.DataFrame) -> None:
    """Distribution functions; the nearest segment solid, the 20th dashed."""
    colours = {"distractors": series_style(1)[0], "held-out noise": "#000000"}
    for (name, neighbour), rows in distances.groupby(["catalogue", "neighbour"], sort=False):
        nearest = neighbour == 1
        axes.plot(
            rows["distance"], 100 * rows["share"], "-" if nearest else "--",
            color=colours.get(str(name), GREY), linewidth=1.3,
            label=str(name).capitalize() if nearest else None,
        )  # fmt: skip
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    axes.set_xlabel("Distance of a query's nearest (–) and\n20th nearest (- -) segment")
    axes.set_ylabel("Query fingerprints (%)")
