"""Queries, metrics, intervals and comparisons; each section is one rule's."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveInt

from neuralsampleid.config.base import Cutoffs, Edges, Lengths, Section


class Conditions(Section):
    """Between which values results are told apart; n edges make n + 1 bins."""

    tempo_ratio: Edges = [0.9, 0.98, 1.02, 1.1]  # the query's speed over the reference's
    pitch_semitones: Edges = [-1.5, -0.25, 0.25, 1.5]  # up
    level_db: Edges = [0.0, 3.0, 6.0]  # the sample over everything else
    occurrence_s: Edges = [3.0, 5.0]  # how long the sample sounds at a time


class Queries(Section):
    """How queries are derived from a catalogue's occurrences."""

    query_seconds: Lengths = [5.0, 7.0, 10.0, 15.0, 20.0]  # of the task segment
    max_gap_s: NonNegativeFloat = 4.0  # repetitions of a sample closer than this are one passage
    conditions: Conditions = Conditions()


class Metrics(Section):
    """What is measured of a ranking."""

    cutoffs: Cutoffs = [1, 3, 10]  # k of the hit rates


class Intervals(Section):
    """Confidence intervals by a bootstrap over tracks."""

    resamples: PositiveInt = 2000
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95  # the rest is a paired test's α


class Comparisons(Section):
    """Paired tests between systems."""

    permutations: PositiveInt = 10000  # if as many are possible, the test is exact


class Evaluation(Queries, Metrics, Intervals, Comparisons):
    """All of these sections as one, as the library's functions take them."""
