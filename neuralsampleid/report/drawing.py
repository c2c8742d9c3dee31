"""What all figures share: panels, colours, and files whose bytes repeat."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neuralsampleid.files import replacing_file
from neuralsampleid.report.tables import Interval

GREY = "#666666"
FEWEST = 10  # queries behind a mark; of fewer none is drawn
# Of Okabe and Ito (2008), told apart by colour-blind readers; by what a system is, in all figures.
KIND_COLOURS = {
    "encoder": "#0072B2",
    "landmarks": "#D55E00",
    "fusion": "#009E73",
    "evidence": "#E69F00",
    "external": "#CC79A7",
    "bound": GREY,
}


def series_style(place: int) -> tuple[str, str]:
    """Colour and marker of one of few series that are of one kind; from the eighth on they return.

    Of the same colours, without the yellow that is too faint on white.
    """
    colours = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
    markers = "osD^vP"
    return colours[place % len(colours)], markers[(place + place // len(colours)) % len(markers)]


def panels(
    rows: int, columns: int, width: float, height: float, share_y: bool = False
) -> tuple[Figure, NDArray[Any]]:
    """A figure with a grid of axes.

    Args:
        rows: of the grid.
        columns: of the grid.
        width: of the figure, in inches.
        height: of the figure, in inches.
        share_y: whether the panels of a row have one vertical scale.

    Returns:
        The figure, and its axes as (rows, columns).
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    grid: NDArray[Any] = figure.subplots(
        rows, columns, squeeze=False, sharey="row" if share_y else "none"
    )
    for axes in grid.flat:
        axes.spines[["top", "right"]].set_visible(False)
    return figure, grid


def rows_axis(axes: Axes, labels: Sequence[str]) -> None:
    """Give the axes one labelled row per item, the first on top."""
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def draw_intervals(axes: Axes, intervals: Sequence[Interval], colours: Sequence[str]) -> None:
    """A row per interval from the top: its line, a dot at its value, and the value in figures."""
    for height, (mean, colour) in enumerate(zip(intervals, colours, strict=True)):
        if np.isnan(mean.value):
            continue
        axes.hlines(height, mean.low, mean.high, color=colour, linewidth=2)
        axes.plot(mean.value, height, "o", color=colour, markersize=6)
        axes.annotate(
            f"{mean.value:.1f}", (mean.value, height), (0, 5), textcoords="offset points",
            ha="center", fontsize=8,
        )  # fmt: skip


def legend_below(figure: Figure, axes: Axes, columns: int) -> None:
    """One legend under the whole figure, for what ``axes`` shows, each label once."""
    handles, labels = axes.get_legend_handles_labels()
    shown = dict(zip(labels, handles, strict=True))
    figure.legend(
        shown.values(), shown, loc="outside lower center", ncols=columns, frameon=False,
        markerscale=1.3,
    )  # fmt: skip


def save_figure(figure: Figure, stem: Path) -> None:
    """Write ``<stem>.png`` (150 dpi) and ``<stem>.pdf`` without a time stamp."""
    with replacing_file(stem.with_name(f"{stem.name}.png")) as path:
        figure.savefig(path, format="png", dpi=150, metadata={"Software": None})
    with replacing_file(stem.with_name(f"{stem.name}.pdf")) as path:
        figure.savefig(path, format="pdf", metadata={"CreationDate": None})
