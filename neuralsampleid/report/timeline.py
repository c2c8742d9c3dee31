"""The figure of one query: its time line beside those of the tracks found in it."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Polygon, Rectangle
from matplotlib.ticker import FuncFormatter, MultipleLocator

from neuralsampleid.report.drawing import GREY, panels
from neuralsampleid.report.page.drawing import WORDS, drawing_order, tick_times
from neuralsampleid.report.page.views import Link, QueryView, ReferenceView, is_annotated
from neuralsampleid.report.times import clock

COLOURS = {
    "right": "#0072B2",
    "elsewhere": "#CC79A7",
    "false_alarm": "#D55E00",
    "answer": "#0072B2",
    "met": "#009E73",
    "missed": "#009E73",
}
_QUERY, _REFERENCE = (0.72, 1.0), (0.0, 0.28)  # heights of both tracks


def timeline_figure(view: QueryView, references: int = 3) -> Figure:
    """A panel per reference, the query on top of it, with what joins them.

    Args:
        view: the query.
        references: tracks shown at most; those that are sampled come before false alarms.
    """
    chosen = sorted(view.references, key=lambda part: not part.right)[:references]
    shown = [part for part in view.references if part in chosen]
    figure, grid = panels(max(len(shown), 1), 1, 8.0, 1.1 + 1.5 * max(len(shown), 1))
    for axes, reference in zip(grid[:, 0], shown, strict=False):
        _panel(axes, view, reference)
    kinds = [kind for kind in WORDS if any(
        link.verdict == kind for part in shown for link in part.links
    )]  # fmt: skip
    figure.legend(
        handles=[_patch(kind) for kind in kinds],
        loc="outside lower center", ncols=2, frameon=False, fontsize=9,
    )  # fmt: skip
    figure.suptitle(f"{view.title}: {view.note}", fontsize=11)
    return figure


def _panel(axes: Axes, view: QueryView, reference: ReferenceView) -> None:
    for (low, high), seconds in ((_QUERY, view.seconds), (_REFERENCE, reference.seconds)):
        axes.add_patch(Rectangle((0, low), seconds, high - low, color="#EEEEEE", linewidth=0))
    for link in drawing_order(reference.links):
        _draw(axes, link)
    rank = "not found" if reference.rank is None else f"rank {reference.rank}"
    said = {True: "sampled here", False: "false alarm", None: ""}[reference.right]
    label = ", ".join(part for part in (rank, said) if part)
    axes.set_title(f"{reference.title} ({label})", fontsize=10, loc="left")
    axes.set_yticks([sum(_QUERY) / 2, sum(_REFERENCE) / 2], ["query", "reference"], fontsize=9)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-0.04, 1.04)
    axes.set_xlim(0, view.longest_s)
    axes.xaxis.set_major_locator(MultipleLocator(tick_times(view.longest_s)[1]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda time, _: clock(time)))


def _draw(axes: Axes, link: Link) -> None:
    """What is annotated lies at the outer edges, what was found at the inner ones."""
    truth, colour = is_annotated(link), COLOURS[link.verdict]
    face = "white" if link.verdict == "missed" else colour
    heights = ((0.86, 1.0), (0.0, 0.14)) if truth else ((0.72, 0.86), (0.14, 0.28))
    for span, (low, high) in zip((link.query, link.reference), heights, strict=True):
        if span is not None:
            width = max(span.end_s - span.start_s, 0.2)
            corner, height = (span.start_s, low + 0.01), high - low - 0.02
            axes.add_patch(
                Rectangle(corner, width, height, facecolor=face, edgecolor=colour, linewidth=1)
            )
    if link.query is not None and link.reference is not None:
        corners = [
            (link.query.start_s, _QUERY[0]), (link.query.end_s, _QUERY[0]),
            (link.reference.end_s, _REFERENCE[1]), (link.reference.start_s, _REFERENCE[1]),
        ]  # fmt: skip
        alpha = 0.12 if truth else 0.3
        axes.add_patch(Polygon(corners, facecolor=colour, alpha=alpha, linewidth=0))
        if link.verdict == "missed":
            axes.add_patch(
                Polygon(corners, fill=False, edgecolor=colour, linestyle="--", linewidth=0.8)
            )


def _patch(kind: str) -> Patch:
    face = "white" if kind == "missed" else COLOURS[kind]
    return Patch(facecolor=face, edgecolor=COLOURS.get(kind, GREY), label=WORDS[kind])
