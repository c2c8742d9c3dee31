"""Where the parts of a time line lie: seconds → percent of its width."""

from __future__ import annotations

from dataclasses import dataclass

from neuralsampleid.report.page.views import Link, QueryView, ReferenceView, Span, is_annotated
from neuralsampleid.report.times import clock

_TICKS = (5, 10, 15, 30, 60, 120, 300, 600, 1800)  # s between marks
_MOST_TICKS = 8
WORDS = {
    "right": "found, at an annotated place",
    "elsewhere": "found in the right track, at another place",
    "false_alarm": "found in a track that is not sampled here",
    "answer": "found",
    "met": "annotated and found",
    "missed": "annotated, not found",
}


@dataclass(frozen=True)
class Bar:
    """A part of one track; percent of the width."""

    kind: str
    x: str
    width: str
    tip: str


@dataclass(frozen=True)
class Band:
    """What joins a part of the query to one of the reference: a polygon, 1000 wide, 100 high."""

    kind: str
    points: str


@dataclass(frozen=True)
class Row:
    """One link as text, with the names of its clips."""

    kind: str
    words: str
    query: str
    reference: str
    tempo: str
    query_clip: str | None
    reference_clip: str | None


@dataclass(frozen=True)
class TimeLine:
    """A query above a reference, drawn to one scale."""

    query_width: str
    reference_width: str
    ticks: list[tuple[str, str]]  # place, mm:ss
    query_bars: list[Bar]
    reference_bars: list[Bar]
    bands: list[Band]
    rows: list[Row]


def time_line(query: QueryView, reference: ReferenceView) -> TimeLine:
    """The time line of a query and one of its references."""
    scale = query.longest_s
    links = drawing_order(reference.links)
    return TimeLine(
        _percent(query.seconds / scale),
        _percent(reference.seconds / scale),
        [(_percent(time / scale), clock(time)) for time in tick_times(scale)],
        [_bar(link, link.query, scale) for link in links if link.query is not None],
        [_bar(link, link.reference, scale) for link in links if link.reference is not None],
        [_band(link.verdict, link.query, link.reference, scale) for link in links
         if link.query is not None and link.reference is not None],
        _rows(reference.links),
    )  # fmt: skip


def tick_times(seconds: float) -> list[float]:
    """Round times from 0 to the end, at most nine of them."""
    step = next((step for step in _TICKS if seconds / step <= _MOST_TICKS), seconds / _MOST_TICKS)
    return [step * number for number in range(int(seconds / step) + 1)]


def link_text(link: Link) -> str:
    """Both ranges of a link, such as ``0:12–0:18 ← 1:02–1:08``."""
    return f"{_range(link.query)} ← {_range(link.reference)}"


def drawing_order(links: tuple[Link, ...]) -> list[Link]:
    """What was missed below what was met, and both below what was found."""
    layers = ("missed", "met")
    return sorted(
        links, key=lambda one: layers.index(one.verdict) if one.verdict in layers else len(layers)
    )


def _rows(links: tuple[Link, ...]) -> list[Row]:
    """What was found by its score, then what was missed, in one line per part of the reference.

    What was met has no line: it is there as what met it.
    """
    found = sorted((one for one in links if not is_annotated(one)), key=lambda one: -one.score)
    missed: dict[str, list[Link]] = {}
    for link in links:
        if link.verdict == "missed":
            missed.setdefault(_range(link.reference), []).append(link)
    return [_row([link]) for link in found] + [_row(alike) for alike in missed.values()]


def _row(links: list[Link]) -> Row:
    first = links[0]
    return Row(
        first.verdict,
        WORDS[first.verdict],
        ", ".join(_range(link.query) for link in links),
        _range(first.reference),
        "" if first.tempo_ratio is None else f"tempo × {first.tempo_ratio:.2f}",
        first.query_clip,
        first.reference_clip,
    )


def _bar(link: Link, span: Span, scale: float) -> Bar:
    tip = f"{WORDS[link.verdict]}: {link_text(link)}"
    width = max(span.end_s - span.start_s, 0.004 * scale)  # visible, however short
    return Bar(link.verdict, _percent(span.start_s / scale), _percent(width / scale), tip)


def _band(kind: str, query: Span, reference: Span, scale: float) -> Band:
    corners = [
        (query.start_s, 0), (query.end_s, 0), (reference.end_s, 100), (reference.start_s, 100)
    ]  # fmt: skip
    return Band(kind, " ".join(f"{1000 * time / scale:.1f},{y}" for time, y in corners))


def _range(span: Span | None) -> str:
    return "?" if span is None else f"{clock(span.start_s)}–{clock(span.end_s)}"


def _percent(share: float) -> str:
    return f"{100 * share:.2f}%"
