"""Tables as CSV, Markdown, LaTeX, a web page, and aligned text for a terminal."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from tabulate import tabulate

from neuralsampleid.files import write_text
from neuralsampleid.report.tables import Cell, Interval, Table

_STYLE = (
    "body{font-family:sans-serif}table{border-collapse:collapse}"
    "th,td{padding:.3em .8em;text-align:left}th{border-bottom:1px solid}"
    ".number{text-align:right;white-space:nowrap}"
)
# Stand for markup, which follows when tabulate has escaped the texts.
_BOLD, _SMALL, _END = "\ue000", "\ue001", "\ue002"


def write_table(table: Table, stem: Path, suffixes: Collection[str] = ()) -> None:
    """Write ``<stem><suffix>`` for some of ``RENDERINGS``; for none given, all."""
    for suffix in suffixes or RENDERINGS:
        write_text(stem.with_name(stem.name + suffix), RENDERINGS[suffix](table))


def csv_table(table: Table) -> str:
    """An interval takes three columns: the value, and the same name with ``low`` and ``high``."""
    columns = [*zip(*table.rows, strict=True)] or [()] * len(table.columns)
    spread = [any(isinstance(cell, Interval) for cell in column) for column in columns]
    header: list[str] = []
    for name, three in zip(table.columns, spread, strict=True):
        header += [name, f"{name} low", f"{name} high"] if three else [name]
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(header)
    for row in table.rows:
        line: list[str] = []
        for cell, three in zip(row, spread, strict=True):
            if isinstance(cell, Interval):
                line += [_percent(part, "") for part in (cell.value, cell.low, cell.high)]
            else:
                line += [str(cell), "", ""] if three else [str(cell)]
        writer.writerow(line)
    return lines.getvalue()


def markdown_table(table: Table) -> str:
    """A pipe table; intervals in small brackets."""
    return _tabulate(table, "pipe", "**{}**", "<sub>{}</sub>", _markdown)


def latex_table(table: Table) -> str:
    r"""A ``tabular`` that needs ``\usepackage{booktabs}``; intervals in small brackets."""
    text = _tabulate(table, "latex_booktabs", f"{_BOLD}{{}}{_END}", f"{_SMALL}{{}}{_END}")
    return _replaced(
        text,
        {_BOLD: r"\textbf{", _SMALL: r"{\scriptsize ", _END: "}", "–": "--", "∞": r"$\infty$"},
    )


def html_table(table: Table) -> str:
    """A ``table`` of HTML whose numbers are of a class; the values are escaped."""
    text = _tabulate(table, "html", f"{_BOLD}{{}}{_END}", "{}")
    # The report's page forbids styles within the text.
    number = {' style="text-align: right;"': ' class="number"'}
    return _replaced(text, {**number, _BOLD: "<strong>", _END: "</strong>"})


def html_page(table: Table) -> str:
    """A page of its own, which Snakemake's report shows in place."""
    return f'<!DOCTYPE html>\n<meta charset="utf-8">\n<style>{_STYLE}</style>\n{html_table(table)}'


def plain_table(table: Table) -> str:
    """Aligned text for a terminal; an asterisk stands for bold."""
    return _tabulate(table, "simple", "{}*", "{}")


RENDERINGS: dict[str, Callable[[Table], str]] = {
    ".csv": csv_table,
    ".md": markdown_table,
    ".tex": latex_table,
    ".html": html_page,
    ".txt": plain_table,
}


def _tabulate(
    table: Table, form: str, bold: str, small: str, escape: Callable[[str], str] = str
) -> str:
    """The table in one of tabulate's formats; columns with a number are aligned to the right."""

    def shown(cell: Cell) -> str:
        if not isinstance(cell, Interval):
            return escape(str(cell))
        value = _percent(cell.value)
        known = not (math.isnan(cell.low) or math.isnan(cell.high))
        bounds = small.format(f"[{_percent(cell.low)}–{_percent(cell.high)}]") if known else ""
        return f"{bold.format(value) if cell.bold else value} {bounds}".rstrip()

    columns = zip(*table.rows, strict=True)
    sides = ["left" if all(isinstance(c, str) for c in column) else "right" for column in columns]
    text: str = tabulate(
        [[shown(cell) for cell in row] for row in table.rows],
        [escape(name) for name in table.columns],
        tablefmt=form,
        colalign=sides or None,
        disable_numparse=True,
    )
    return f"{text}\n"


def _replaced(text: str, replacements: Mapping[str, str]) -> str:
    for old, new in replacements.items():
        text = text.replace(old, new)
    return text


def _percent(number: float, unknown: str = "–") -> str:
    if math.isinf(number):
        return "∞" if number > 0 else "−∞"
    return unknown if math.isnan(number) else f"{number:.1f}"


def _markdown(text: str) -> str:
    return re.sub(r"([\\|*_`<>])", r"\\\1", text)
