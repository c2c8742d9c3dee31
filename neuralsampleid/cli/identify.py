"""``nsid identify``: which tracks of a library are sampled in files, and where."""

from __future__ import annotations

import argparse
import codecs
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from neuralsampleid.cli.exports import add_exports, check_exports, export
from neuralsampleid.cli.options import Renamed, add_threads, count, positive, share
from neuralsampleid.terminal import complain

if TYPE_CHECKING:
    from neuralsampleid.cli.options import Commands

_LOG = logging.getLogger(__name__)
_ABOUT = (
    "Find out which tracks of a library are sampled in other tracks, and where. The probability of "
    "an answer was measured on music whose samples are known; its false alarms were measured "
    "among the library's own tracks."
)
_INPUT = Path("-")  # standard input


def add(commands: Commands) -> None:
    """Declare the command; see docs/own-music.md."""
    parser = commands.add_parser(
        "identify", help="Find the samples of a library in other tracks.", description=_ABOUT
    )
    parser.set_defaults(run=run, parser=parser)
    asked = parser.add_argument_group("what is searched")
    asked.add_argument(
        "track",
        nargs="*",
        type=Path,
        help="Search these audio files; '-' reads their names from standard input.",
    )
    asked.add_argument(
        "--from-file",
        type=Path,
        metavar="FILE",
        help="Search the audio files that FILE names, one on each line.",
    )
    asked.add_argument(
        "--library-itself",
        action="store_true",
        help="Search the library's own tracks for samples of each other; no file is read.",
    )
    asked.add_argument(
        "--reverse",
        action="store_true",
        help="Find in which tracks of the library the given files are sampled, by landmarks.",
    )
    asked.add_argument(
        "--library",
        required=True,
        action="append",
        type=Path,
        metavar="DIR",
        help="Search this library with all its shards. If the option is given several times, the "
        "libraries are searched as one.",
    )
    asked.add_argument("--catalogue", action=Renamed, const="--library")
    asked.add_argument("--weights", help="Load the library's encoder from this place.")
    add_threads(asked)
    shown = parser.add_argument_group("which answers are shown")
    shown.add_argument(
        "--least-probability",
        type=share,
        default=0.2,
        metavar="P",
        help="Hide answers whose probability is below P, from 0 to 1 (default: 0.2). It does not "
        "apply to weights without calibration.",
    )
    shown.add_argument(
        "--false-alarms",
        type=positive,
        metavar="N",
        help="Hide answers if more than N unrelated tracks are expected to score as high "
        "(default: no limit; without calibration 0.1).",
    )
    shown.add_argument(
        "--least-score",
        type=float,
        default=0.0,
        metavar="S",
        help="Hide answers whose score is below S (default: 0).",
    )
    shown.add_argument(
        "--best",
        type=count,
        default=0,
        metavar="N",
        help="Show the first N answers of each track, whatever the other options say.",
    )
    add_exports(parser)


def run(options: argparse.Namespace) -> int:
    """Search every file, and write what was found; returns 1 if one could not be read."""
    options.track = _tracks(options)
    check_exports(options)
    from neuralsampleid import Library, Thresholds

    library = Library.open(*options.library, weights=options.weights, threads=options.threads)
    for remark in library.remarks:
        _LOG.info("%s", remark)
    thresholds = Thresholds(
        options.least_probability, options.false_alarms, options.least_score, options.best
    )
    if options.library_itself:
        findings = library.identify_itself(thresholds)
    elif options.reverse:
        findings = library.find_uses(options.track, thresholds)
    else:
        findings = library.identify_files(options.track, thresholds)
    if findings.answered or not findings.queries:
        export(options, findings)
    problems = [query.problem for query in findings.queries if query.problem]
    for problem in problems:
        complain(problem)
    return 1 if problems else 0


def _tracks(options: argparse.Namespace) -> list[Path]:
    """The files that are searched, those on lists among them."""
    lists = [path for path in options.track if path == _INPUT]
    if options.from_file is not None:
        lists.append(options.from_file)
    named = [path for path in options.track if path != _INPUT]
    tracks = [*named, *(track for path in lists for track in _listed(path))]
    if options.library_itself:
        if tracks or lists or options.reverse:
            options.parser.error("--library-itself searches no other track, expected it alone")
    elif not tracks:
        empty = f"{lists[0]}: names no track" if lists else "no track"
        options.parser.error(f"{empty}, expected at least one audio file")
    return tracks


def _listed(path: Path) -> list[Path]:
    """The files that a list names, one on each line."""
    text = sys.stdin.buffer.read() if path == _INPUT else path.read_bytes()
    lines = text.removeprefix(codecs.BOM_UTF8).splitlines()  # Windows' editors write the mark
    return [Path(os.fsdecode(line)) for line in lines if line.strip()]
