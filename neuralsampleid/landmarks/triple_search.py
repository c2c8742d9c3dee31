"""Searching tracks at any pitch and tempo: triples propose lines, single peaks decide.

The ranges cost nothing but chance hits: no tempo or pitch is tried on its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from neuralsampleid.config import PeakFinding, TripleSearch
from neuralsampleid.landmarks.pairs import BestLines
from neuralsampleid.landmarks.peaks import Peaks
from neuralsampleid.landmarks.triples import (
    THIRDS,
    Hits,
    Points,
    find_hits,
    make_table,
    make_triples,
    points_of,
    reach_of,
)
from neuralsampleid.landmarks.verification import Run, elsewhere, refit, verify
from neuralsampleid.landmarks.votes import Found, Grid, fullest, make_grid, straight
from neuralsampleid.line import Line

_BEYOND_S = 2.0  # of the query on each side of a run of triples, in which single peaks may reach on
_ROUNDS = 3  # of looking at single peaks, each along a line fitted to those of the last
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
        self._table = make_table(
            [self._points(each) for each in tracks], settings.partners, self._reach
        )
        self._longest = max((each.length for each in tracks), default=0)
        self._others = elsewhere()

    def best(self, query: Peaks, threads: int = 1) -> BestLines:
        """The best line of every track."""
        points = self._points(query)
        hits = self._hits(points)
        tracks = len(self._table.bounds) - 1
        best = BestLines.none(tracks)

        def improve(part: Sequence[int]) -> None:
            grid = self._grid(query)
            for track in part:
                for found, run in self._verified(points, hits, track, grid)[:1]:
                    line = self._line(found, run)
                    best.scores[track] = run.score
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
        points = self._points(query)
        explained: list[Line] = []
        for found, run in self._verified(points, self._hits(points), track, self._grid(query)):
            line = self._line(found, run)
            free = all(
                line.query_start_s >= other.query_end_s or line.query_end_s <= other.query_start_s
                for other in explained
            )
            if free and line.score >= least:
                explained.append(line)
                yield line

    def _points(self, peaks: Peaks) -> Points:
        return points_of(peaks, self._peaks.bins_per_octave)

    def _hits(self, query: Points) -> Hits:
        triples = make_triples(query, self._settings.query_partners, self._reach)
        return find_hits(query, triples, self._table, self._reach)

    def _grid(self, query: Peaks) -> Grid:
        return make_grid(self._reach, float(query.length), float(self._longest))

    def _verified(
        self, query: Points, hits: Hits, track: int, grid: Grid
    ) -> list[tuple[Found, Run]]:
        """What the fullest cells of a track propose, by score."""
        rows = hits.bounds[track : track + 2]
        bounds = (int(self._table.bounds[track]), int(self._table.bounds[track + 1]))
        beyond = _BEYOND_S / self._peaks.frame_s
        decided = []
        for pitch, slope, lag in fullest(hits, rows, grid, self._settings.candidates):
            found = straight(hits, rows, pitch, slope, lag)
            line, run = (found.pitch, found.slope, found.lag), Run(0.0, found.first, found.last)
            for _ in range(_ROUNDS):
                around = np.array([run.first - beyond, run.last + beyond])
                first, end = np.searchsorted(query.frames, around)
                part = (int(first), int(end))
                if end <= first:
                    break
                if run.score > 0:
                    inside = np.searchsorted(query.frames, [run.first, run.last + 1e-9])
                    own = (int(inside[0]), int(inside[1]))
                    line = refit(query, own, self._table.points, bounds, line)
                again = verify(query, part, self._table.points, bounds, line, self._others)
                if again.score <= run.score:
                    break
                run = again
                decided_line = line
            if run.score > 0:
                decided.append((Found(*decided_line, found.first, found.last), run))
        return sorted(decided, key=lambda each: -each[1].score)

    def _line(self, found: Found, run: Run) -> Line:
        frame_s = self._peaks.frame_s
        first, last = run.first * frame_s, run.last * frame_s
        begin, end = (
            max(found.slope * frame + found.lag, 0.0) * frame_s for frame in (run.first, run.last)
        )
        tempo = found.slope if last - first >= _TELLING_S else None
        pitch = 12 * found.pitch / THIRDS
        return Line(first, last, begin, end, tempo, run.score, pitch)
