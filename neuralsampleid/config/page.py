"""What the report's page shows of single queries."""

from __future__ import annotations

from pydantic import PositiveInt

from neuralsampleid.config.base import Name, Section


class Page(Section):
    """The time lines of the queries in ``report/index.html``."""

    system: Name | None = None  # whose findings are shown; None: the first that has an encoder
    tracks: PositiveInt = 5  # of its ranking
    audio: bool = True  # whether excerpts of the tracks are put into the page
