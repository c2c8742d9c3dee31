"""What a time line shows, in order and in words; the template draws it."""

from __future__ import annotations

from collections.abc import Sequence

from neuralsampleid.report.page.views import Link, Span, is_annotated
from neuralsampleid.report.text import span

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
    """Links that share a line of the list below: what was found by its score, then what was missed.

    What was missed shares a line with all that misses the same part of the reference. What was met
    has no line: it is there as what met it.
    """
    found = sorted((one for one in links if not is_annotated(one)), key=lambda one: -one.score)
    missed: dict[str, list[Link]] = {}
    for link in links:
        if link.verdict == "missed":
            missed.setdefault(span_text(link.reference), []).append(link)
    return [[link] for link in found] + list(missed.values())
