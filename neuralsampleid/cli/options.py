"""Values of options and how they are read; options that several commands have."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from neuralsampleid.processes import cores

if TYPE_CHECKING:
    from neuralsampleid.library.shards import Shard

    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]

_Number = TypeVar("_Number", int, float)


def add_threads(parser: argparse._ActionsContainer) -> None:
    """``--threads``."""
    parser.add_argument(
        "--threads",
        type=count,
        default=cores(),
        metavar="N",
        help="Use N threads of the CPU (default: %(default)s, all of this machine).",
    )


def _number(
    kind: type[_Number], is_accepted: Callable[[_Number], bool], expected: str
) -> Callable[[str], _Number]:
    """A reader of an option's value that says what it expects."""

    def read(text: str) -> _Number:
        with suppress(ValueError):
            value = kind(text)
            if is_accepted(value):
                return value
        raise argparse.ArgumentTypeError(f"'{text}', expected a number {expected}")

    return read


count = _number(int, lambda value: value >= 1, "of at least 1")
positive = _number(float, lambda value: 0 < value < float("inf"), "above 0")
share = _number(float, lambda value: 0 <= value <= 1, "from 0 to 1")


def shard(text: str) -> Shard:
    """One of the shards of a library, such as 2/8."""
    from neuralsampleid.library.shards import Shard

    with suppress(ValueError):
        return Shard.parse(text)
    raise argparse.ArgumentTypeError(f"'{text}', expected I/N with I from 1 to N, such as 2/8")


def lengths(text: str) -> list[int]:
    """Lengths with commas between them, such as 1,3,6."""
    return [count(part.strip()) for part in text.split(",")]


class Renamed(argparse.Action):
    """An option's former name, which says the new one."""

    def __init__(self, option_strings: Sequence[str], dest: str, const: str) -> None:
        super().__init__(option_strings, dest, nargs="?", const=const, help=argparse.SUPPRESS)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        parser.error(f"{self.option_strings[0]} is now called {self.const}")
