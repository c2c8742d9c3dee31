"""``nsid evaluate``: upstream's evaluation, as released or corrected."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from neuralsampleid.cli.options import add_threads, lengths

if TYPE_CHECKING:
    from neuralsampleid.cli.options import Commands

_LOG = logging.getLogger(__name__)
_ABOUT = (
    "Evaluate fingerprints in upstream's layout, as the release does (mistakes included) or "
    "corrected. The JSON file holds hit_rates (percent; rows top 1, 3, 10; columns the query "
    "segments), map (fraction) and rankings (query → tracks, best first)."
)


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "evaluate", help="Evaluate fingerprints in upstream's layout.", description=_ABOUT
    )
    parser.set_defaults(run=run, parser=parser)
    parser.add_argument(
        "--fingerprints",
        required=True,
        type=Path,
        metavar="DIR",
        help="Read the fingerprints in this folder, which has upstream's layout.",
    )
    parser.add_argument(
        "--ground-truth",
        required=True,
        type=Path,
        metavar="FILE",
        help="Read the ground truth from this file, upstream's gt_dict.json.",
    )
    parser.add_argument(
        "--system",
        required=True,
        choices=("proposed", "proposed_no_reranker", "baseline"),
        help="Evaluate this system.",
    )
    parser.add_argument(
        "--reranker-weights",
        type=Path,
        metavar="FILE",
        help="Re-rank with these weights; 'proposed' needs them.",
    )
    parser.add_argument(
        "--protocol",
        required=True,
        choices=("released", "corrected"),
        help="Evaluate as the release does, or without its mistakes.",
    )
    parser.add_argument(
        "--index",
        required=True,
        choices=("flat", "ivfpq"),
        help="Search exactly (flat), or approximately as the paper does (ivfpq).",
    )
    parser.add_argument(
        "--query-segments",
        type=lengths,
        metavar="N,N,…",
        help="Ask queries of so many segments, such as 1,3,6 (default: those of 5, 7, 10, 15 and "
        "20 s).",
    )
    parser.add_argument(
        "--json", required=True, type=Path, metavar="FILE", help="Write all figures to this file."
    )
    add_threads(parser)


def run(options: argparse.Namespace) -> int:
    """Evaluate, and write the figures; returns the exit status."""
    if options.system == "proposed" and options.reranker_weights is None:
        options.parser.error("--system proposed needs --reranker-weights")
    # Heavy imports stand where they are needed, so that --help is quick.
    from neuralsampleid.files import write_json
    from neuralsampleid.models.weights import load_any_reranker
    from neuralsampleid.upstream.folder import evaluate_folder

    reranker = load_any_reranker(options.reranker_weights) if options.system == "proposed" else None
    judged = evaluate_folder(
        options.fingerprints,
        options.ground_truth,
        options.system,
        options.protocol,
        options.index,
        options.query_segments,
        reranker,
        threads=options.threads,
    )
    about = {"system": options.system, "protocol": options.protocol, "index": options.index}
    write_json(options.json, {**about, **judged.as_json()})
    precision, tracks = 100 * judged.mean_average_precision(), len(judged.track_answers)
    _LOG.info("mAP %.1f %% over %d tracks; all figures in %s", precision, tracks, options.json)
    return 0
