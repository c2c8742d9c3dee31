"""Names of files that are written for each query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from neuralsampleid.library.answer import QueryAnswers


def named(queries: Iterable[QueryAnswers], ending: str) -> Iterator[tuple[str, QueryAnswers]]:
    """A file name for each query: its own with another ending, numbered where it is taken.

    Args:
        queries: in any folders.
        ending: of the files, with its dot.
    """
    taken = set()
    for query in queries:
        stem, number = Path(query.path).stem, 1
        name = f"{stem}{ending}"
        while name.casefold() in taken:  # some file systems do not tell A from a
            number += 1
            name = f"{stem} {number}{ending}"
        taken.add(name.casefold())
        yield name, query
