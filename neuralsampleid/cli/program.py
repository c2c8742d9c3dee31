"""Which commands there are, and how one of them is run."""

from __future__ import annotations

import argparse
import atexit
import gc
import logging
import os
import sys
from collections.abc import Sequence

from neuralsampleid import __version__
from neuralsampleid.cli import evaluate, identify, index, info
from neuralsampleid.errors import UserError
from neuralsampleid.processes import wait_passively
from neuralsampleid.terminal import complain, write_anywhere

_COMMANDS = (index, identify, info, evaluate)
_ABOUT = "Find samples in your own music, and evaluate systems that find them."
_ENDING = (
    "The exit status is 0 if every query could be read, 1 if one could not be or something else "
    "failed, and 2 for wrong usage. 'nsid COMMAND --help' describes a command."
)
_STOPPED, _NOT_READ = 130, 141  # exit status after Ctrl-C, and a closed pipe, as of other programs


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has enough, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for Python's own flush
        return _NOT_READ


def _run(arguments: Sequence[str] | None) -> int:
    write_anywhere()
    options = _parser().parse_args(arguments)
    wait_passively()
    atexit.register(gc.freeze)  # else Python takes a third of a second to look through PyTorch
    logging.basicConfig(format="nsid: %(message)s", stream=sys.stderr)
    logging.getLogger("neuralsampleid").setLevel(logging.INFO)  # other libraries' only if serious
    try:
        status: int = options.run(options)
    except BrokenPipeError:
        raise
    except (UserError, OSError) as error:
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        kept = {"index": "; what is finished is kept, and the same command goes on from there"}
        print(f"nsid: stopped{kept.get(options.command, '')}", file=sys.stderr)
        return _STOPPED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nsid", description=_ABOUT, epilog=_ENDING)
    parser.add_argument(
        "--version", action="version", version=f"nsid {__version__}", help="Print the version."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add(commands)
    return parser
