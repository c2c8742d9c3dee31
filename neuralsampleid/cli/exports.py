"""What ``nsid identify`` writes its answers as: one option each, several at once."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuralsampleid.library.answer import Findings

_LOG = logging.getLogger(__name__)


def add_exports(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    group = parser.add_argument_group("what is printed and written")
    form = group.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="Print a JSON document instead of text.")
    form.add_argument("--csv", action="store_true", help="Print a CSV table with a row per match.")
    group.add_argument(
        "--html",
        type=Path,
        metavar="FILE",
        help="Write a page with time lines and sound.",
    )
    group.add_argument(
        "--no-audio", dest="audio", action="store_false", help="Leave the sound out of the page."
    )
    group.add_argument(
        "--labels",
        type=Path,
        metavar="DIR",
        help="Write a label track for Audacity for each query.",
    )
    group.add_argument(
        "--m3u",
        type=Path,
        metavar="FILE",
        help="Write a playlist for VLC, which plays each match in the query and in the reference.",
    )
    group.add_argument(
        "--tracklist",
        type=Path,
        metavar="FILE",
        help="Write the tracklist of a mix: which track sounds when, for at least 15 s; Markdown, "
        "or a cue sheet if FILE ends in .cue.",
    )
    group.add_argument(
        "--jams",
        type=Path,
        metavar="FILE",
        help="Write JAMS annotations; for several queries, FILE is a folder with a file for each.",
    )


def check_exports(options: argparse.Namespace) -> None:
    """Refuse what cannot be written, before anything is searched."""
    path, tracks = options.tracklist, options.track
    if path is not None and _is_cue(path) and (len(tracks) != 1 or options.reverse):
        found = "the library's" if options.reverse or not tracks else len(tracks)
        options.parser.error(f"--tracklist {path} is of one track, found {found}")


def export(options: argparse.Namespace, findings: Findings) -> None:
    """Print and write what was found.

    Args:
        options: of the command.
        findings: of at least one query that could be searched.
    """
    from neuralsampleid.exports.csv_table import as_csv
    from neuralsampleid.exports.json_document import as_json
    from neuralsampleid.exports.text import as_text

    form = as_json if options.json else as_csv if options.csv else as_text
    sys.stdout.write(form(findings))
    writers = {
        "html": _write_page,
        "labels": _write_labels,
        "m3u": _write_playlist,
        "tracklist": _write_tracklist,
        "jams": _write_jams,
    }
    for name, write in writers.items():
        if getattr(options, name) is not None:
            write(options, findings)


def _write_page(options: argparse.Namespace, findings: Findings) -> None:
    from neuralsampleid.files import write_text
    from neuralsampleid.report.page.answers import answer_page
    from neuralsampleid.report.page.html import render_page

    write_text(options.html, render_page(answer_page(findings, audio=options.audio)))
    _LOG.info("%s: the answers to look at and listen to", options.html)


def _write_labels(options: argparse.Namespace, findings: Findings) -> None:
    from neuralsampleid.exports.labels import as_labels
    from neuralsampleid.exports.names import named
    from neuralsampleid.files import write_text

    for name, query in named(findings.answered, ".txt"):
        write_text(options.labels / name, as_labels(query))
    _LOG.info("%s: label tracks for Audacity", options.labels)


def _write_playlist(options: argparse.Namespace, findings: Findings) -> None:
    from neuralsampleid.exports.m3u import as_m3u
    from neuralsampleid.files import write_text

    write_text(options.m3u, as_m3u(findings))
    _LOG.info("%s: a playlist for VLC", options.m3u)


def _write_tracklist(options: argparse.Namespace, findings: Findings) -> None:
    from neuralsampleid.exports.cue import MOST_TRACKS, as_cue
    from neuralsampleid.exports.tracklist import as_markdown, entries_of
    from neuralsampleid.files import write_text

    out = options.tracklist
    tracklists = {query.path: entries_of(query.answers) for query in findings.answered}
    text = as_markdown(tracklists)
    if _is_cue(out):
        ((query, entries),) = tracklists.items()
        path = Path(query).resolve()
        beside = path.parent == out.resolve().parent
        text = as_cue(path.name if beside else str(path), entries)
        if len(entries) > MOST_TRACKS:
            _LOG.warning(
                "%s: %d tracks, of which some programs read %d", out, len(entries), MOST_TRACKS
            )
    write_text(out, text)
    _LOG.info("%s: which tracks sound when", out)


def _write_jams(options: argparse.Namespace, findings: Findings) -> None:
    from neuralsampleid.exports.jams import as_jams
    from neuralsampleid.exports.names import named
    from neuralsampleid.files import write_text

    if len(findings.queries) == 1:
        write_text(options.jams, as_jams(findings.queries[0]))
    else:
        for name, query in named(findings.answered, ".jams"):
            write_text(options.jams / name, as_jams(query))
    _LOG.info("%s: annotations as JAMS", options.jams)


def _is_cue(path: Path) -> bool:
    return path.suffix.lower() == ".cue"
