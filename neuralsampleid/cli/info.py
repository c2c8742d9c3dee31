"""``nsid info``: what a library holds."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuralsampleid.cli.options import Commands

_ABOUT = (
    "Print what a library holds: the folder of music, the number and length of its tracks, the "
    "systems that can search it, its size, its versions and when it was last changed."
)


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser("info", help="Print what a library holds.", description=_ABOUT)
    parser.set_defaults(run=run, parser=parser)
    parser.add_argument("library", type=Path, help="This is a folder that nsid index made.")


def run(options: argparse.Namespace) -> int:
    """Print it; returns the exit status."""
    from neuralsampleid.library.joining import contents_of
    from neuralsampleid.report.library import as_lines

    for line in as_lines(contents_of(options.library)):
        print(line)
    return 0
