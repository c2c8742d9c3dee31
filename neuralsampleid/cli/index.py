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
    "Fingerprint what is new or changed in a folder of music (WAV, FLAC, OGG, MP3; M4A with "
    "ffmpeg) and forget what is gone."
)


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "index", help="a folder of music → a library, or what changed in it", description=_ABOUT
    )
    parser.set_defaults(run=run, parser=parser)
    parser.add_argument("folder", type=Path, help="of music, with the folders below it")
    parser.add_argument("--out", required=True, type=Path, help="folder of the library")
    parser.add_argument(
        "--shard",
        type=shard,
        metavar="I/N",
        help="make shard I of N of the library, of the files that fall to it; other machines make "
        "the others (default: all of the library)",
    )
    parser.add_argument(
        "--weights",
        help="of the encoder: shipped, a run's folder or a checkpoint; or landmarks, which need "
        "none (default: what the library was made with; a new one gets the shipped model and "
        "landmarks)",
    )
    parser.add_argument("--encoder", choices=("gnn", "resnet_ibn"), help="of upstream weights")
    parser.add_argument(
        "--graph",
        choices=("bypassed", "connected"),
        help="graph mode of a gnn encoder (default: as trained; upstream weights: bypassed)",
    )
    parser.add_argument(
        "--forget", action="store_true", help="what is gone, however much that is at once"
    )
    add_threads(parser)


def run(options: argparse.Namespace) -> None:
    """Make the library, and say what was done."""
    import torch

    from neuralsampleid.library.update import index_music

    torch.set_num_threads(options.threads)
    summary = index_music(
        options.folder,
        options.out,
        options.weights,
        options.encoder,
        options.graph,
        shard=options.shard,
        forget=options.forget,
        threads=options.threads,
    )
    for line in summary.lines():
        _LOG.info("%s", line)
