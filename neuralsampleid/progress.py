"""How far a long job is: a bar where a person watches, now and then a line in a log."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from tqdm import tqdm

_LOG = logging.getLogger(__name__)
_Item = TypeVar("_Item")
_Block = TypeVar("_Block", bound=Sized)


class _Lines:
    """A stream whose texts are lines of the log; tqdm writes the last one again as it closes."""

    def __init__(self) -> None:
        self._last = ""

    def write(self, text: str) -> None:
        line = text.strip()
        if line not in ("", self._last):
            _LOG.info("%s", line)
            self._last = line

    def flush(self) -> None:
        """Nothing is kept back."""


def progress(
    items: Iterable[_Item],
    task: str,
    total: int | None = None,
    every_s: float = 10.0,
    *,
    unit: str = "track",
    quiet: bool = False,
) -> Iterable[_Item]:
    """The items, while it is told how many of them are done and how long the rest will take.

    Messages go to a job's log file or to standard error; if that is a terminal there is a bar, else
    a line, or nothing.

    Args:
        items: what is worked on.
        task: what is done with them.
        total: their number; None: their length.
        every_s: seconds between two lines.
        unit: what an item is.
        quiet: whether there are no lines.
    """
    if _watched():
        return tqdm(items, task, total, unit=unit, file=sys.stderr)  # type: ignore[no-any-return]
    if quiet:
        return items
    form = "{desc}: {n_fmt} of {total_fmt}, {remaining} left"
    return tqdm(  # type: ignore[no-any-return]
        items, task, total, file=_Lines(), mininterval=every_s, delay=every_s, bar_format=form
    )


def progress_within(
    blocks: Iterable[_Block], task: str, total: int, shown: bool
) -> Iterator[_Block]:
    """The blocks of one long item, while a bar tells how far it is; without a terminal, nothing.

    Args:
        blocks: what is worked on.
        task: what is done with them.
        total: the sum of their lengths.
        shown: whether it is worth a bar.
    """
    form = "{desc}: {percentage:3.0f}%|{bar}| {remaining} left"
    silent = not (shown and _watched())
    with tqdm(
        desc=task, total=total, file=sys.stderr, leave=False, bar_format=form, disable=silent
    ) as bar:
        for block in blocks:
            yield block
            bar.update(len(block))


def _watched() -> bool:
    """Whether messages go to a terminal."""
    streams = (getattr(handler, "stream", None) for handler in logging.getLogger().handlers)
    return bool(next(filter(None, streams), sys.stderr).isatty())
