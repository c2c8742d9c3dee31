"""Shards of a library: libraries of their own, each of the files that fall to it.

Several machines make one each over a shared file system. They have no file in common, not even a
lock; ``joining`` searches all of them as one.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePath
from typing import NamedTuple
from zlib import crc32

from neuralsampleid.errors import UserError
from neuralsampleid.library.database import FILE, is_library

_FOLDER = re.compile(r"shard-([1-9]\d*)-of-([1-9]\d*)")


class Shard(NamedTuple):
    """One of the parts of a library; which files are its own depends on their names alone."""

    number: int  # from 1
    total: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Of a text such as ``2/8``.

        Raises:
            ValueError: it is none.
        """
        number, total = map(int, text.split("/"))
        if not 1 <= number <= total:
            raise ValueError(f"'{text}', expected a number from 1 to {total}")
        return cls(number, total)

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"

    @property
    def folder(self) -> str:
        """Its name in the library."""
        return f"shard-{self.number}-of-{self.total}"

    def holds(self, path: PurePath) -> bool:
        """Whether a file falls to it: files that come and go move no other.

        Args:
            path: relative to the folder of music.
        """
        return crc32(os.fsencode(path.as_posix())) % self.total == self.number - 1


def folder_of(library: Path, shard: Shard | None) -> Path:
    """Where a shard of a library is, or is to be made; None: a library without shards.

    Raises:
        UserError: the folder holds a library of another division, or something else.
    """
    held = _shards_in(library)
    if shard is None:
        if held:
            raise UserError(
                f"{library}: a library of {held[0].total} shards, expected --shard "
                f"1/{held[0].total} and so on, or another --out"
            )
        return library
    if is_library(library):
        raise UserError(f"{library}: a library without shards, expected another --out for shards")
    for other in held:
        if other.total != shard.total:
            raise UserError(
                f"{library}: holds shard {other}, found --shard {shard}, expected one of "
                f"{other.total}, or another --out"
            )
    if not held and library.exists() and not _is_empty(library):
        raise UserError(f"{library}: exists and is no library, expected a new folder")
    return library / shard.folder


def folders_of(library: Path) -> list[Path]:
    """The libraries of which one consists: all its shards, or itself.

    Raises:
        UserError: a shard is missing, or there are some of several divisions.
    """
    held = _shards_in(library)
    if is_library(library) or not held:
        return [library]
    totals = sorted({shard.total for shard in held})
    if len(totals) > 1:
        raise UserError(
            f"{library}: holds shards of {' and of '.join(map(str, totals))}, expected those of "
            "one division: delete the others"
        )
    every = [Shard(number, totals[0]) for number in range(1, totals[0] + 1)]
    missing = [str(shard) for shard in every if shard not in held]
    if missing:
        raise UserError(
            f"{library}: shard {', '.join(missing)} is missing, expected all {totals[0]}: make it "
            f"with nsid index --shard {missing[0]}"
        )
    return [library / shard.folder for shard in every]


def _shards_in(library: Path) -> list[Shard]:
    found = [_FOLDER.fullmatch(path.parent.name) for path in library.glob("shard-*/" + FILE)]
    return sorted(Shard(int(each[1]), int(each[2])) for each in found if each)


def _is_empty(library: Path) -> bool:
    """Whether there is nothing but shards that are being made."""
    if not library.is_dir():
        return False
    return all(_FOLDER.fullmatch(path.name) for path in library.iterdir())
