"""Ranking tracks by a query's readings, each compared with every track.

Evidence of a reading holds for its tempo and pitch alone, so no other tempo need be looked for: a
line goes on by one segment in both tracks. A track's score is that of its best line over all
readings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from neuralsampleid.catalogue.formats import MATCHES, split
from neuralsampleid.fingerprints.segments import Integers, Segments
from neuralsampleid.line import Line
from neuralsampleid.matching.locating import Locator
from neuralsampleid.matching.reading_lines import (
    BestLines,
    best_lines,
    compared,
    evidence_of,
)
from neuralsampleid.models.reading_cnn import SEMITONES

_SILENT = np.float32(-5.0)  # evidence of a silent segment
_LEAST_SCORE = 1e-6  # of a line at all


Readings = Mapping[float, Segments]  # a query's, or queries', by tempo


class Reading(NamedTuple):
    """How a query is read, to be compared with references at their own speed and pitch."""

    tempo: float  # the query's speed over the reference's
    semitones: float  # how much higher the query is


@dataclass(frozen=True)
class _Asked:
    """One reading of a query track, against all that is searched."""

    reading: Reading
    segments: Segments
    similarities: npt.NDArray[np.float32]  # (segments, m)

    def evidence(
        self, rows: slice | Integers, columns: slice, usual: Integers, silent: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.float32]:
        """Of some segments, with some that are searched.

        Args:
            rows: of the query.
            columns: of what is searched.
            usual: rows of what is searched that tell what is usual.
            silent: (m,) of what is searched.
        """
        own = self.similarities[rows]
        found = evidence_of(own[:, columns], own[:, usual])
        found[self.segments.silent[rows]] = _SILENT
        found[:, silent[columns]] = _SILENT
        return found


def _asked_readings(readings: Readings, query_id: str, searched: Segments) -> Iterator[_Asked]:
    """All readings of one query track, one after another: their similarities fill memory.

    Args:
        readings: embeddings are (n, pitches · d).
        query_id: the track.
        searched: all that is searched.
    """
    everything = np.ascontiguousarray(searched.embeddings)
    for tempo, queries in readings.items():
        segments = queries.track(query_id)
        embeddings = segments.embeddings.reshape(len(segments), len(SEMITONES), -1)
        for place, semitones in enumerate(SEMITONES):
            own = np.ascontiguousarray(embeddings[:, place])
            yield _Asked(Reading(tempo, semitones), segments, own @ everything.T)


@dataclass
class _Best:
    """The best line of each track with one query so far."""

    scores: npt.NDArray[np.float32]
    times: npt.NDArray[np.float64]  # (tracks, 4): reference's start and end, the query's

    def improve(
        self, found: BestLines, starts_s: Integers, own: Segments, searched: Segments
    ) -> None:
        better = np.flatnonzero(found.scores > self.scores)
        self.scores[better] = found.scores[better]
        self.times[better] = _times(found, better, starts_s, own, searched)


def rank_by_readings(
    queries: pd.DataFrame,
    readings: Readings,
    searched: Segments,
    *,
    ranks: int,
) -> pd.DataFrame:
    """Rank tracks for every query.

    Args:
        queries: columns of ``formats.QUERIES``.
        readings: segments of the query tracks at each tempo.
        searched: segments of noise and references.
        ranks: tracks kept per query.

    Returns:
        Columns of ``formats.MATCHES``, as of ``rank_by_fingerprints``; the pair is the best
        line's. Tracks without a line have no row.
    """
    rows: list[tuple[object, ...]] = []
    firsts = _firsts(searched)
    for query_id, own_queries in queries.groupby("query_id", sort=False):
        asked = list(own_queries.itertuples())
        best = [
            _Best(np.zeros(len(firsts) - 1, np.float32), np.zeros((len(firsts) - 1, 4)))
            for _ in asked
        ]
        usual = {
            excluded: compared(_allowed(searched, excluded))
            for excluded in {str(query.excluded or "") for query in asked}
        }
        for one in _asked_readings(readings, str(query_id), searched):
            for query, so_far in zip(asked, best, strict=True):
                span = (str(query_id), query.query_start_s, query.query_end_s)
                own = one.segments.sounding_within(*span)
                if not len(own):
                    continue
                chosen = slice(int(own[0]), int(own[-1]) + 1)
                excluded = usual[str(query.excluded or "")]
                evidence = one.evidence(chosen, slice(None), excluded, searched.silent)
                found = best_lines(evidence, firsts)
                so_far.improve(found, own[:1], one.segments, searched)
        for query, so_far in zip(asked, best, strict=True):
            head = (query.Index, query.task, query_id, query.query_start_s, query.query_end_s)
            barred = split(str(query.excluded or ""))
            rows += [(*head, *hit) for hit in _ranked(so_far, barred, searched, ranks)]
    table = pd.DataFrame(rows, columns=["query", *MATCHES])
    in_order = table.sort_values(["query", "rank"], ignore_index=True)
    return in_order[list(MATCHES)].astype({"rank": int})


def lines_by_readings(readings: Readings, searched: Segments) -> Locator:
    """Lines of an encoder that reads queries: lines, best first.

    Args:
        readings: see ``rank_by_readings``.
        searched: segments of noise and references.
    """
    firsts = _firsts(searched)
    usual = compared(np.arange(len(searched)))

    def lines_in(query_id: str) -> Callable[[str], Iterator[Line]]:
        def lines_of(track_id: str) -> Iterator[Line]:
            number = searched.number_of(track_id)
            columns = slice(int(firsts[number]), int(firsts[number + 1]))
            few = _Part(searched, columns, usual)
            pieces = [
                (one, few.evidence(one)) for one in _asked_readings(readings, query_id, few.all)
            ]
            yield from _lines(pieces, few.own, float(searched.seconds[number]))

        return lines_of

    return lines_in


class _Part:
    """One track, and what is usual, of all that is searched: similarities to these are enough."""

    def __init__(self, searched: Segments, columns: slice, usual: Integers) -> None:
        self._size = columns.stop - columns.start
        rows = np.concatenate([np.arange(columns.start, columns.stop), usual])
        self.own = searched.rows(columns)
        self.all = Segments.of(
            {"": len(rows)}, searched.embeddings[rows], silent=searched.silent[rows]
        )

    def evidence(self, one: _Asked) -> npt.NDArray[np.float32]:
        usual = np.arange(self._size, len(self.all))
        return one.evidence(slice(None), slice(0, self._size), usual, self.all.silent)


def _lines(
    pieces: list[tuple[_Asked, npt.NDArray[np.float32]]], reference: Segments, seconds: float
) -> Iterator[Line]:
    """BestLines of one track, best first; a moment of the query is explained once.

    Evidence that was used is taken out of ``pieces``.
    """
    bounds = np.array([0, len(reference)])
    while True:
        found = [best_lines(evidence, bounds) for _, evidence in pieces]
        place = int(np.argmax([one.scores[0] for one in found]))
        best, (one, _) = found[place], pieces[place]
        score = float(best.scores[0])
        if score < _LEAST_SCORE:
            return
        reference_s, reference_e, start, end = _times(
            best, np.array([0]), np.array([0]), one.segments, reference
        )[0]
        tempo = (reference_e - reference_s) / (end - start)
        line = Line(start, end, reference_s, reference_e, tempo, score, one.reading.semitones)
        yield line.within(float(one.segments.seconds[0]), seconds)
        for other, evidence in pieces:
            middles = other.segments.middles_s
            evidence[(middles >= start) & (middles <= end)] = _SILENT


def _times(
    found: BestLines, tracks: Integers, first: Integers, own: Segments, searched: Segments
) -> npt.NDArray[np.float64]:
    """(tracks, 4) seconds of the reference's start and end, and of the query's.

    Args:
        found: places of a query's part, and of tracks.
        tracks: which of them.
        first: (1,) the query's row that its part begins with.
        own: the query's segments.
        searched: segments of the tracks.
    """
    begins = _firsts(searched)[tracks]
    return np.stack(
        [
            searched.starts_s[begins + found.first_reference[tracks]],
            searched.ends_s[begins + found.last_reference[tracks]],
            own.starts_s[first + found.first_query[tracks]],
            own.ends_s[first + found.last_query[tracks]],
        ],
        axis=1,
    )


def _ranked(
    best: _Best, barred: Sequence[str], searched: Segments, ranks: int
) -> Iterator[tuple[object, ...]]:
    """What a ranking says of its tracks: the last columns of ``formats.MATCHES``."""
    passed_over, rank = {searched.number_of(track_id) for track_id in barred}, 0
    for track in np.argsort(-best.scores, kind="stable").tolist():
        if rank == ranks or best.scores[track] < _LEAST_SCORE:
            return
        if track not in passed_over:
            rank += 1
            answer = (rank, searched.track_ids[track], round(float(best.scores[track]), 6))
            yield (*answer, *best.times[track].tolist(), np.nan)


def _firsts(searched: Segments) -> Integers:
    """(tracks + 1,) rows at which tracks begin."""
    return np.searchsorted(searched.tracks, np.arange(len(searched.track_ids) + 1))


def _allowed(searched: Segments, excluded: str) -> Integers:
    """Rows of what is searched without some tracks."""
    barred = searched.rows_of_tracks(split(excluded)) if excluded else np.zeros(0, np.int64)
    return np.setdiff1d(np.arange(len(searched)), barred)
