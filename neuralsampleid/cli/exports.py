"""What ``nsid identify`` writes its answers as: one option each."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuralsampleid.library.answer import Answer
    from neuralsampleid.library.identify import Identifier

_LOG = logging.getLogger(__name__)


def add_exports(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--html", type=Path, help="page to write, with time lines and sound")
    parser.add_argument(
        "--no-audio", dest="audio", action="store_false", help="leave the sound out of the page"
    )
    parser.add_argument(
        "--tracklist",
        type=Path,
        metavar="FILE",
        help="tracklist of a mix to write: which track sounds when, for at least 15 s; Markdown, "
        "or a cue sheet where FILE ends in .cue",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="instead of text")
    form.add_argument("--csv", action="store_true", help="one line per match")


def check_exports(options: argparse.Namespace) -> None:
    """Refuse what cannot be written, before anything is searched."""
    path, tracks = options.tracklist, options.track
    if path is not None and _is_cue(path) and len(tracks) > 1:
        options.parser.error(f"--tracklist {path} is of one track, found {len(tracks)}")


def export(
    options: argparse.Namespace,
    answers: Mapping[str, Sequence[Answer]],
    problems: Mapping[str, str],
    identifier: Identifier,
) -> None:
    """Print and write the answers.

    Args:
        options: of the command.
        answers: by query, at least one.
        problems: of the queries that have no answers, by query.
        identifier: that found them.
    """
    from neuralsampleid.report.answers import as_csv, as_json, as_text

    form = as_json if options.json else as_csv if options.csv else as_text
    sys.stdout.write(form(answers, problems))
    if options.html is not None:
        _write_page(options, answers, identifier)
    if options.tracklist is not None:
        _write_tracklist(options.tracklist, answers)


def _write_page(
    options: argparse.Namespace, answers: Mapping[str, Sequence[Answer]], identifier: Identifier
) -> None:
    from neuralsampleid.audio.ffmpeg import audio_seconds
    from neuralsampleid.files import write_text
    from neuralsampleid.report.page.answers import answer_page
    from neuralsampleid.report.page.html import render_page

    seconds = {query: audio_seconds(Path(query)) for query in answers}
    music, remarks = Path(identifier.library.info.music), identifier.remarks
    libraries = ", ".join(map(str, options.library))
    page = answer_page(answers, seconds, libraries, music, remarks, audio=options.audio)
    write_text(options.html, render_page(page))
    _LOG.info("%s: the answers to look at and listen to", options.html)


def _write_tracklist(out: Path, answers: Mapping[str, Sequence[Answer]]) -> None:
    from neuralsampleid.files import write_text
    from neuralsampleid.report.tracklist import CUE_TRACKS, as_cue, as_markdown, entries_of

    tracklists = {query: entries_of(found) for query, found in answers.items()}
    text = as_markdown(tracklists)
    if _is_cue(out):
        ((query, entries),) = tracklists.items()
        path = Path(query).resolve()
        beside = path.parent == out.resolve().parent
        text = as_cue(path.name if beside else str(path), entries)
        if len(entries) > CUE_TRACKS:
            _LOG.warning(
                "%s: %d tracks, of which some programs read %d", out, len(entries), CUE_TRACKS
            )
    write_text(out, text)
    _LOG.info("%s: which tracks sound when", out)


def _is_cue(path: Path) -> bool:
    return path.suffix.lower() == ".cue"
