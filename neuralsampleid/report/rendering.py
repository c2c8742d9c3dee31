"""Tables as CSV, Markdown, LaTeX, a web page, and aligned text for a terminal."""

from __future__ import annotations

import csv
import html
import io
import math
from pathlib import Path

from neuralsampleid.files import write_text
from neuralsampleid.report.tables import Cell, Interval, Table


def write_table(table: Table, stem: Path) -> None:
    """Write ``<stem>.csv``, ``<stem>.md`` and ``<stem>.tex``."""
    for suffix, render in ((".csv", csv_table), (".md", markdown_table), (".tex", latex_table)):
        write_text(stem.with_name(stem.name + suffix), render(table))


def csv_table(table: Table) -> str:
    """An interval takes three columns: the value, and the same name with ``low`` and ``high``."""
    spread = _interval_columns(table)
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
    rule = ["---:" if right else "---" for right in _right_aligned(table)]
    rows = [[_markdown(cell) for cell in row] for row in table.rows]
    header = [_markdown(name) for name in table.columns]
    return "".join(f"| {' | '.join(line)} |\n" for line in [header, rule, *rows])


def latex_table(table: Table) -> str:
    r"""A ``tabular`` that needs ``\usepackage{booktabs}``; intervals in small brackets."""
    alignment = "".join("r" if right else "l" for right in _right_aligned(table))
    rows = [[_latex(cell) for cell in row] for row in table.rows]
    header, *body = (
        " & ".join(line) + r" \\" for line in [[_latex(name) for name in table.columns], *rows]
    )
    lines = [
        rf"\begin{{tabular}}{{{alignment}}}",
        r"\toprule",
        header,
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def html_table(table: Table) -> str:
    """A page of its own, which Snakemake's report shows in place."""
    style = (
        "body{font-family:sans-serif}table{border-collapse:collapse}"
        "th,td{padding:.3em .8em;text-align:left}th{border-bottom:1px solid}"
        ".number{text-align:right;white-space:nowrap}"
    )
    opening = f'<!DOCTYPE html>\n<meta charset="utf-8">\n<style>{style}</style>\n'
    return f"{opening}<table>\n{html_rows(table)}</table>\n"


def html_rows(table: Table) -> str:
    """The rows alone, the header first, to stand within a ``table``; all values are escaped."""
    kinds = [' class="number"' if right else "" for right in _right_aligned(table)]
    head = [html.escape(name) for name in table.columns]
    rows = [("th", head), *(("td", [_html(cell) for cell in row]) for row in table.rows)]
    lines = [
        "".join(f"<{tag}{kind}>{text}</{tag}>" for kind, text in zip(kinds, texts, strict=True))
        for tag, texts in rows
    ]
    return "".join(f"<tr>{line}</tr>\n" for line in lines)


def plain_table(table: Table) -> str:
    """Aligned text for a terminal: texts to the left, numbers to the right."""
    rows = [list(table.columns), *([_plain(cell) for cell in row] for row in table.rows)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(table.columns))]
    right = _right_aligned(table)
    lines = [
        "  ".join(
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in rows
    ]
    rule = "  ".join("-" * width for width in widths)
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"


def _interval_columns(table: Table) -> list[bool]:
    """Whether a column holds intervals (perhaps among other cells)."""
    return [
        any(isinstance(row[place], Interval) for row in table.rows)
        for place in range(len(table.columns))
    ]


def _right_aligned(table: Table) -> list[bool]:
    """Whether a column holds numbers."""
    return [
        bool(table.rows) and not all(isinstance(row[place], str) for row in table.rows)
        for place in range(len(table.columns))
    ]


def _percent(number: float, unknown: str = "–") -> str:
    if math.isinf(number):
        return "∞" if number > 0 else "−∞"
    return unknown if math.isnan(number) else f"{number:.1f}"


def _bounds(cell: Interval) -> str:
    """The interval in brackets; empty where unknown."""
    if math.isnan(cell.low) or math.isnan(cell.high):
        return ""
    return f"[{_percent(cell.low)}–{_percent(cell.high)}]"


def _plain(cell: Cell) -> str:
    if isinstance(cell, Interval):
        mark = "*" if cell.bold else ""  # a terminal's bold
        return f"{_percent(cell.value)}{mark} {_bounds(cell)}".rstrip()
    return str(cell)


def _html(cell: Cell) -> str:
    if isinstance(cell, Interval) and cell.bold:
        return f"<strong>{_percent(cell.value)}</strong> {_bounds(cell)}".rstrip()
    return html.escape(_plain(cell))


def _markdown(cell: Cell) -> str:
    if isinstance(cell, Interval):
        bounds = _bounds(cell)
        value = f"**{_percent(cell.value)}**" if cell.bold else _percent(cell.value)
        return value + (f" <sub>{bounds}</sub>" if bounds else "")
    special = {mark: f"\\{mark}" for mark in "\\|*_`<>"}
    return "".join(special.get(letter, letter) for letter in str(cell))


def _latex(cell: Cell) -> str:
    if isinstance(cell, Interval):
        bounds = _bounds(cell).replace("–", "--")
        value = _percent(cell.value).replace("–", "--").replace("∞", r"$\infty$")
        value = rf"\textbf{{{value}}}" if cell.bold else value
        return value + (rf" {{\scriptsize {bounds}}}" if bounds else "")
    special = {
        **{mark: f"\\{mark}" for mark in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "–": "--",
    }
    return "".join(special.get(letter, letter) for letter in str(cell))
