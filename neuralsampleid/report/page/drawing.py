"""What a time line shows, in order and in words; the template draws it."""

from __future__ import annotations

from collections.abc import Sequence

from neuralsampleid.report.page.views import Link, Span, is_annotated
from neuralsampleid.report.text import change, span

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


def tick_times(seconds: float) -> list[float]:
    """Round times from 0 to the end, at most nine of them."""
    step = next((step for step in _TICKS if seconds / step <= _MOST_TICKS), seconds / _MOST_TICKS)
    return [step * number for number in range(int(seconds / step) + 1)]


def span_text(part: Span | None) -> str:
    """A part of a track, such as ``0:12–0:18``; unknown: a question mark."""
    return "?" if part is None else span(part.start_s, part.end_s)


def in_layers(links: Sequence[Link]) -> list[Link]:
    """What was missed below what was met, and both below what was found."""
    layers = {"missed": 0, "met": 1}
    return sorted(links, key=lambda link: layers.get(link.verdict, 2))


def listed(links: Sequence[Link]) -> list[list[Link]]:
    """Links that share a row of the list below: what was found, then what was missed.

    What was found has the rows that it names, in their order; without such, a row for each by its
    score. What was missed shares a row with all that misses the same part of the reference. What
    was met has no row: it is there as what met it.
    """
    found: dict[tuple[int, int], list[Link]] = {}
    missed: dict[str, list[Link]] = {}
    for place, link in enumerate(sorted(links, key=lambda one: -one.score)):
        if not is_annotated(link):
            row = (0, place) if link.row is None else (link.row, 0)
            found.setdefault(row, []).append(link)
    for link in links:
        if link.verdict == "missed":
            missed.setdefault(span_text(link.reference), []).append(link)
    return [found[row] for row in sorted(found)] + list(missed.values())


def row_text(links: Sequence[Link]) -> str:
    """A row of the list: where in the query, where in the reference, how it is changed.

    Args:
        links: of the row, the best one first.
    """
    best, spans = links[0], [link.query for link in links if link.query]
    where = ", ".join(span_text(link.query) for link in links)
    if best.row is not None and len(links) > 1:
        ends = min(one.start_s for one in spans), max(one.end_s for one in spans)
        where = f"{span(*ends)}, {len(links)} times"
    changed = change(best.tempo_ratio, best.pitch_semitones)
    return f"{where} ← {span_text(best.reference)}{changed}"
