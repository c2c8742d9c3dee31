"""The page as one HTML file: styles, script, figures and sound within it, nothing from elsewhere.

Titles and file names may hold anything: the template engine escapes every value, and a content
security policy lets nothing run but the page's own script.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from neuralsampleid.report.page.drawing import (
    WORDS,
    in_layers,
    listed,
    row_text,
    span_text,
    tick_times,
)
from neuralsampleid.report.page.views import QueryView
from neuralsampleid.report.text import clock

if TYPE_CHECKING:  # pandas, which answers of nsid do without
    from neuralsampleid.report.tables import Table

_WIDE = 1200  # pixels
OUTCOMES = {
    "first": "Right track first",
    "among": "Right track further down",
    "missed": "Missed",
    "answered": "Found something",
    "nothing": "No sample found",
}


@dataclass(frozen=True)
class ShownFigure:
    """A figure of the report."""

    name: str
    title: str
    caption: str
    png: bytes

    @property
    def is_wide(self) -> bool:
        """Whether it is drawn too wide to be read at half the width of a screen."""
        return int.from_bytes(self.png[16:20], "big") >= _WIDE


@dataclass(frozen=True)
class Page:
    """All that a page shows."""

    title: str
    subtitle: str
    views: Sequence[QueryView]
    about_views: str = ""  # which system the queries are shown for
    table: Table | None = None
    table_caption: str = ""
    figures: Sequence[ShownFigure] = ()
    clips: Mapping[str, bytes] = field(default_factory=dict)  # MP3 files by name


def render_page(page: Page) -> str:
    """The page as HTML; the same content gives the same text."""
    style, script = _own("page.css"), _own("page.js")
    environment = Environment(
        loader=PackageLoader("neuralsampleid.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for drawn in (clock, in_layers, listed, row_text, span_text, tick_times):
        environment.filters[drawn.__name__] = drawn
    outcomes = [name for name in OUTCOMES if any(view.outcome == name for view in page.views)]
    return environment.get_template("page.html").render(
        page=page,
        style=style,
        script=script,
        style_digest=_digest(style),
        script_digest=_digest(script),
        table=_table(page.table),
        figures=[(figure, _data("image/png", figure.png)) for figure in page.figures],
        clips=[(name, _data("audio/mpeg", sound)) for name, sound in page.clips.items()],
        clip_number={name: number for number, name in enumerate(page.clips)},
        outcomes=[(name, OUTCOMES[name]) for name in outcomes],
        outcome_names=OUTCOMES,
        types=sorted({kind for view in page.views for kind in view.types}),
        words=WORDS,
        judged=any(part.right is not None for view in page.views for part in view.references),
    )


def _table(table: Table | None) -> str:
    if table is None:
        return ""
    from neuralsampleid.report.rendering import html_table

    return html_table(table)


def _own(name: str) -> str:
    folder = resources.files("neuralsampleid.report.page") / "templates"
    return (folder / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
