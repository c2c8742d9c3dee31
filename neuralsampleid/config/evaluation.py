"""Queries, metrics, intervals, and the rows of the tables."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, NonNegativeFloat, PositiveInt, Tag

from neuralsampleid.config.base import Cutoffs, Edges, Lengths, Name, Section

DEFAULT_RERANKER = "reranker"  # name of what section reranker describes


class Conditions(Section):
    """Between which values results are told apart; n edges make n + 1 bins."""

    tempo_ratio: Edges = [0.9, 0.98, 1.02, 1.1]  # the query's speed over the reference's
    pitch_semitones: Edges = [-1.5, -0.25, 0.25, 1.5]  # up
    level_db: Edges = [-6.0, -3.0, 0.0]  # the sample over everything else
    occurrence_s: Edges = [3.0, 5.0]  # how long the sample sounds at a time


class Evaluation(Section):
    """Queries, metrics and intervals."""

    query_seconds: Lengths = [5.0, 7.0, 10.0, 15.0, 20.0]
    cutoffs: Cutoffs = [1, 3, 10]
    max_gap_s: NonNegativeFloat = 4.0  # repetitions of a sample closer than this are one passage
    ranks: PositiveInt = 100  # references kept per query
    resamples: PositiveInt = 2000  # of the bootstrap
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95  # of intervals; the rest is a test's α
    permutations: PositiveInt = 10000  # of a paired test; if as many are possible, it is exact
    conditions: Conditions = Conditions()


class System(Section):
    """One row of the tables: an encoder."""

    name: Name
    encoder: Name
    weights: Literal["trained", "untrained"] = "trained"
    reranker: bool | Name = False  # true: section reranker; a name: one of rerankers

    @property
    def reranker_name(self) -> str | None:
        """Name of the system's re-ranker, which is also that of its folder; None without one."""
        return DEFAULT_RERANKER if self.reranker is True else self.reranker or None


# searched: over pitch and tempo; passages: this, and scored by the best run instead of by a count
LandmarkWay = Literal["plain", "searched", "passages"]


class LandmarkSystem(Section):
    """One row of the tables: landmarks."""

    name: Name
    landmarks: LandmarkWay


class FusedSystem(Section):
    """One row of the tables: the rankings of other rows as one; see ``matching/fusion.py``."""

    name: Name
    fuse: Annotated[list[Name], Field(min_length=2)]


def _kind_of_system(row: Any) -> str:  # noqa: ANN401 - whatever the file holds
    keys = row if isinstance(row, dict) else type(row).model_fields
    return next((kind for kind in ("landmarks", "fuse") if kind in keys), "encoder")


AnySystem = Annotated[
    Annotated[System, Tag("encoder")]
    | Annotated[LandmarkSystem, Tag("landmarks")]
    | Annotated[FusedSystem, Tag("fuse")],
    Discriminator(_kind_of_system),
]
