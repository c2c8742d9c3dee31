"""Searching tracks at any pitch and tempo: triples propose excerpts, single peaks decide.

The ranges cost nothing but chance hits: no tempo or pitch is tried on its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from neuralsampleid.config import PeakFinding, TripleSearch
from neuralsampleid.landmarks.excerpts import Excerpt, Heights, by_height, heard, judge
from neuralsampleid.landmarks.pairs import BestLines
from neuralsampleid.landmarks.peaks import Peaks
from neuralsampleid.landmarks.triples import (
    THIRDS,
    Hits,
    Points,
    TripleTable,
    find_hits,
    make_table,
    make_triples,
    points_of,
    reach_of,
)
from neuralsampleid.landmarks.votes import Grid, make_grid, propose
from neuralsampleid.line import Line

_TELLING_S = 2.0  # of a line that tells its tempo ratio


class TripleIndex:
    """The triples of a catalogue's tracks, to be asked about any number of queries.

    Args:
        tracks: peaks of each; numbers of tracks are their places.
        peaks: how they were found.
        settings: of the triples and their search.
    """

    def __init__(self, tracks: Sequence[Peaks], peaks: PeakFinding, settings: TripleSearch) -> None:
        self._peaks, self._settings = peaks, settings
        self._reach = reach_of(settings)
        self._tracks = tracks
        self._table = self._make_table(tracks)
        self._longest = max((each.length for each in tracks), default=0)

    def best(self, query: Peaks, threads: int = 1) -> BestLines:
        """The score of every track's best excerpt, and the clearest of its occurrences."""
        tracks = len(self._table.bounds) - 1
        best = BestLines.none(tracks)
        if not len(query.frames):
            return best
        points = self._points(query)
        hits, heights = self._hits(points, self._table), by_height(points)

        def improve(part: Sequence[int]) -> None:
            grid = self._grid()
            for track in part:
                excerpts = self._excerpts(heights, hits, self._table, track, grid)
                if not excerpts:
                    continue
                best.scores[track] = excerpts[0].score
                for line in self._lines(heights, excerpts[0], self._table.points)[:1]:
                    best.matched_s[track] = line.query_start_s, line.query_end_s
                    best.reference_s[track] = line.reference_start_s, line.reference_end_s

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(improve, [range(first, tracks, threads) for first in range(threads)]))
        return best

    def lines(self, query: Peaks, track: int, least: float) -> Iterator[Line]:
        """One track's lines, best first; a moment of the query is explained once.

        Args:
            query: its peaks.
            track: number of the track.
            least: score below which a line is none.
        """
        if not len(query.frames):
            return
        points = self._points(query)
        heights = by_height(points)
        table = self._make_table([self._tracks[track]])
        excerpts = self._excerpts(heights, self._hits(points, table), table, 0, self._grid())
        lines = [
            line for excerpt in excerpts for line in self._lines(heights, excerpt, table.points)
        ]
        explained: list[Line] = []
        for line in sorted(lines, key=lambda line: -line.score):
            free = all(
                line.query_start_s >= other.query_end_s or line.query_end_s <= other.query_start_s
                for other in explained
            )
            if free and line.score >= least:
                explained.append(line)
                yield line

    def _points(self, peaks: Peaks) -> Points:
        return points_of(peaks, self._peaks.bins_per_octave)

    def _make_table(self, tracks: Sequence[Peaks]) -> TripleTable:
        points = [self._points(each) for each in tracks]
        return make_table(points, self._settings.partners, self._reach)

    def _hits(self, query: Points, table: TripleTable) -> Hits:
        triples = make_triples(query, self._settings.query_partners, self._reach)
        return find_hits(query, triples, table, self._reach)

    def _grid(self) -> Grid:
        return make_grid(self._reach, float(self._longest))

    def _excerpts(
        self, query: Heights, hits: Hits, table: TripleTable, track: int, grid: Grid
    ) -> list[Excerpt]:
        """What the fullest cells of a track propose, by score."""
        rows = hits.bounds[track : track + 2]
        bounds = (int(table.bounds[track]), int(table.bounds[track + 1]))
        proposals = propose(hits, rows, grid, self._settings.candidates)
        judged = [
            judge(query, table.points, bounds, proposal)
            for proposal in zip(*proposals, strict=True)
        ]
        return sorted(
            (excerpt for excerpt in judged if excerpt.score > 0), key=lambda each: -each.score
        )

    def _lines(self, query: Heights, excerpt: Excerpt, points: Points) -> list[Line]:
        """Its occurrences, best first."""
        frame_s = self._peaks.frame_s
        part = excerpt.part
        pitch = 12 * part.pitch / THIRDS
        lines = []
        for start, score in zip(excerpt.starts, excerpt.scores, strict=True):
            there = np.array(heard(query, points, part, start))
            here = start + (there - points.frames[part.begin]) / part.slope
            (first, last), (begin, end) = here * frame_s, there * frame_s
            tempo = part.slope if last - first >= _TELLING_S else None
            lines.append(Line(max(first, 0.0), last, begin, end, tempo, score, pitch))
        return lines
