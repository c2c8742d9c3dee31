"""``nsid index``: a library of a folder of music, made or brought up to date."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from neuralsampleid.cli.options import add_threads, shard

if TYPE_CHECKING:
    from neuralsampleid.cli.options import Commands

_LOG = logging.getLogger(__name__)
_ABOUT = (
    "Make a library of a folder of music, or bring it up to date: what is new or changed is "
    "fingerprinted, and what is gone is forgotten. WAV, FLAC, OGG, Opus, AIFF and MP3 are read "
    "directly, and M4A and others if ffmpeg is installed."
)


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "index", help="Make a library of a folder of music or update it.", description=_ABOUT
    )
    parser.set_defaults(run=run, parser=parser)
    parser.add_argument("folder", type=Path, help="Index the music in this folder and below it.")
    parser.add_argument(
        "--out", required=True, type=Path, metavar="DIR", help="Keep the library in this folder."
    )
    parser.add_argument(
        "--forget",
        action="store_true",
        help="Forget all files that are gone. Without this option, they are kept if they are more "
        "than ten and a tenth of the library.",
    )
    parser.add_argument(
        "--shard",
        type=shard,
        metavar="I/N",
        help="Make part I of N of the library; other machines make the others.",
    )
    parser.add_argument(
        "--drums",
        action="store_true",
        help="Find samples of drums alone as well. A new library then takes 43 KiB more for each "
        "minute of music, and a search by landmarks takes 1.3 times as long.",
    )
    add_threads(parser)
    encoder = parser.add_argument_group("encoder", "These options only apply to a new library.")
    encoder.add_argument(
        "--weights",
        help="Use these weights: 'shipped', the folder of a run, or a checkpoint; 'landmarks' "
        "makes a library without an encoder (default: the shipped model and landmarks).",
    )
    encoder.add_argument(
        "--encoder",
        choices=("gnn", "resnet_ibn"),
        help="Name the architecture of upstream weights, which do not say it.",
    )
    encoder.add_argument(
        "--graph",
        choices=("bypassed", "connected"),
        help="Use a gnn encoder with this graph mode (default: as it was trained; for upstream "
        "weights: bypassed).",
    )


def run(options: argparse.Namespace) -> int:
    """Make the library, and say what was done; returns the exit status."""
    from neuralsampleid.library.update import index_music

    summary = index_music(
        options.folder,
        options.out,
        options.weights,
        options.encoder,
        options.graph,
        shard=options.shard,
        forget=options.forget,
        drums=options.drums,
        threads=options.threads,
    )
    for line in summary.lines():
        _LOG.info("%s", line)
    return 0
