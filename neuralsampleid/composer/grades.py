"""The grades of queries: ranges and shares that they are drawn with.

The open benchmark has all three. The demo's queries are of the grade ``loops``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

Range = tuple[float, float]

VERSION = "1.0"  # of the open benchmark: the tracks, the recipes and how they are rendered


@dataclass(frozen=True)
class Grade:
    """How a producer works; shares are of the samples."""

    level_db: Range  # of a sample over everything else
    passes: tuple[int, int]
    tempo: Range  # speed in the query over that in the reference
    semitones: float  # up or down, at most
    whole: bool  # whether pitch changes by whole semitones only
    excerpt_s: Range  # of the reference
    chopped: float  # share whose slices are played in another order
    separated: float  # share of percussive and share of harmonic parts
    slices: tuple[int, int] = (4, 8)
    slice_s: float = 0.25  # at least, in reference and query


# How speed and pitch of a sample change, and the share of samples that change in this way.
PROCESSES: Mapping[str, float] = {
    "untouched": 0.1,
    "varispeed": 0.3,  # as on a turntable: both change alike
    "stretch": 0.2,
    "shift": 0.15,
    "stretch_shift": 0.25,
}
_PRODUCER = Grade((-6.0, 6.0), (2, 10), (0.7, 1.45), 6.0, False, (1.0, 8.0), 1 / 3, 1 / 5)
GRADES: Mapping[str, Grade] = {
    "loops": Grade((-3.0, 9.0), (4, 10), (0.8, 1.25), 3.0, True, (2.0, 8.0), 0.0, 0.0),
    "producer": _PRODUCER,
    "buried": replace(_PRODUCER, level_db=(-12.0, 0.0), passes=(1, 4)),
}
