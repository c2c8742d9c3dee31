"""``nsid identify``: which tracks of a library are sampled in files, and where."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from neuralsampleid.cli.exports import add_exports, check_exports, export
from neuralsampleid.cli.options import Renamed, add_threads, count, positive, share
from neuralsampleid.errors import UserError

if TYPE_CHECKING:
    from neuralsampleid.cli.options import Commands

_LOG = logging.getLogger(__name__)
_ABOUT = (
    "Look for samples of a library's tracks. The probability of an answer was measured on music "
    "whose samples are known, its false alarms among the library's own tracks."
)


def add(commands: Commands) -> None:
    """Declare the command; see docs/own-music.md."""
    parser = commands.add_parser(
        "identify", help="tracks → which of a library they sample, and where", description=_ABOUT
    )
    parser.set_defaults(run=run, parser=parser)
    parser.add_argument("track", nargs="+", type=Path, help="audio files")
    parser.add_argument(
        "--library",
        required=True,
        action="append",
        type=Path,
        help="that nsid index made, with all its shards; if it is given several times, all are "
        "searched as one",
    )
    parser.add_argument("--catalogue", action=Renamed, const="--library")
    parser.add_argument("--weights", help="where the weights of the library's encoder are now")
    parser.add_argument(
        "--least-probability",
        type=share,
        default=0.2,
        help="hide answers less likely than this to be right (0–1, default 0.2; needs calibrated "
        "weights)",
    )
    parser.add_argument(
        "--false-alarms",
        type=positive,
        metavar="N",
        help="hide answers if more than N unrelated tracks are expected to score as high (default: "
        "no limit; 0.1 without calibration)",
    )
    parser.add_argument(
        "--least-score", type=float, default=0.0, help="hide answers that score less (default 0)"
    )
    parser.add_argument(
        "--best", type=count, default=0, metavar="N", help="show the first N however unlikely"
    )
    add_exports(parser)
    add_threads(parser)


def run(options: argparse.Namespace) -> None:
    """Look for every file; the others have their answers where one cannot be read."""
    check_exports(options)
    import torch

    from neuralsampleid.library.answer import Findings, QueryAnswers
    from neuralsampleid.library.identify import Identifier, Thresholds

    torch.set_num_threads(options.threads)
    identifier = Identifier.open(*options.library, weights=options.weights)
    for remark in identifier.remarks:
        _LOG.info("%s", remark)
    thresholds = Thresholds(
        options.least_probability, options.false_alarms, options.least_score, options.best
    )
    queries = []
    for path in options.track:
        try:
            query = identifier.identify_file(path, thresholds=thresholds, threads=options.threads)
        except (UserError, OSError) as error:
            query = QueryAnswers(str(path), 0.0, [], problem=" ".join(str(error).split()))
        queries.append(query)
    music, libraries = identifier.library.info.music, [str(folder) for folder in options.library]
    findings = Findings(libraries, music, queries, identifier.remarks)
    if findings.answered:
        export(options, findings)
    problems = [query.problem for query in queries if query.problem]
    if problems:
        raise UserError("; ".join(problems))
