"""What an evaluation of released fingerprints returns: each query's answer, and the averages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

CUTOFFS = (1, 3, 10)  # rows of the table of hit rates


@dataclass(frozen=True)
class SegmentAnswer:
    """One occurrence asked about at one length."""

    occurrence: str  # as the lookup names it: <track>_<number>
    track: str
    segments: int  # the length asked for
    first_rank: int | None  # of a right answer; None if none was found


@dataclass(frozen=True)
class TrackAnswer:
    """One whole query track."""

    track: str
    average_precision: float  # in [0, 1]
    ranking: tuple[str, ...]  # best first


@dataclass(frozen=True)
class Judged:
    """All answers of one system under one protocol."""

    query_segments: tuple[int, ...]  # lengths, in the order of the columns
    segment_answers: tuple[SegmentAnswer, ...]
    track_answers: tuple[TrackAnswer, ...]

    def hit_rates(self) -> list[list[float]]:
        """Percent of the queries with a right answer among the first k.

        Returns:
            One row per k of ``CUTOFFS``, one column per length; NaN where there is no query.
        """
        columns = [
            [answer.first_rank for answer in self.segment_answers if answer.segments == length]
            for length in self.query_segments
        ]
        return [[_percent(ranks, k) for ranks in columns] for k in CUTOFFS]

    def queries(self) -> list[int]:
        """Number of queries behind each column of ``hit_rates``."""
        return [
            sum(answer.segments == length for answer in self.segment_answers)
            for length in self.query_segments
        ]

    def mean_average_precision(self) -> float:
        """The mean over the tracks asked about, in [0, 1]; NaN if there is none."""
        if not self.track_answers:
            return math.nan
        return float(np.mean([answer.average_precision for answer in self.track_answers]))

    def rankings(self) -> dict[str, list[str]]:
        """Query track → tracks found, best first."""
        return {answer.track: list(answer.ranking) for answer in self.track_answers}

    def as_json(self) -> dict[str, Any]:
        """Averages and rankings for a JSON file, which knows no NaN: None stands for it."""
        score = self.mean_average_precision()
        return {
            "query_segments": list(self.query_segments),
            "queries": self.queries(),
            "hit_rates": [
                [None if math.isnan(rate) else rate for rate in row] for row in self.hit_rates()
            ],
            "map": None if math.isnan(score) else score,
            "rankings": self.rankings(),
        }


def _percent(ranks: Sequence[int | None], k: int) -> float:
    if not ranks:
        return math.nan
    return 100 * (sum(rank is not None and rank <= k for rank in ranks) / len(ranks))
