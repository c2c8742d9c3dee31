"""Searching tracks at any pitch and tempo: triples propose excerpts, single peaks decide.

The ranges cost nothing but chance hits: no tempo or pitch is tried on its own. Tables do not know
of each other, so any division of the tracks into tables gives the same answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain, pairwise

import numpy as np
import numpy.typing as npt

from neuralsampleid.config import Landmarks, PeakFinding
from neuralsampleid.landmarks.closer import Look, rows_of
from neuralsampleid.landmarks.decoding import LEAST_NATS, decode, region_of
from neuralsampleid.landmarks.excerpts import AskedQuery, Excerpt, Part, asked, heard, judge, sift
from neuralsampleid.landmarks.hits import BLOCK
from neuralsampleid.landmarks.lines import beside, is_joined
from neuralsampleid.landmarks.lookups import find_equals, lookups_of, shapes_of
from neuralsampleid.landmarks.peaks import Peaks
from neuralsampleid.landmarks.proposals import LEAST, Most, Proposals, join, leading, propose
from neuralsampleid.landmarks.screening import Grid, grid_of
from neuralsampleid.landmarks.table import SLOT, TrackRows, TripleTable, make_table, scale_of
from neuralsampleid.landmarks.triples import (
    PAUSE,
    THIRDS,
    Floats,
    Integers,
    Points,
    in_turn,
    make_triples,
    points_of,
    reach_of,
)
from neuralsampleid.line import Line, least_shown

BLOCKS = 6  # of a query that are looked up together: a minute
_PARTS = 16  # into which tracks are divided for threads
SIFTED = 20_000  # proposals of a query, those with the most votes
# Among more tracks than these, chance hits are what a search costs, and hide what is true: heights
# of equal triples may differ by half as much, and fewer proposals are sifted.
MANY, MANY_SIFTED = 1000, 5_000
TABLE_FRAMES = 1 << 22  # of the tracks of a table together, unless one alone is longer
_KEPT = 128  # tracks whose peaks and many triples are kept, 1 to 2 MB each
_LONG = 30_000  # peaks of a track whose triples are not, from about ten minutes on
_TELLING_S = 2.0  # of a line that tells its tempo ratio


@dataclass(frozen=True)
class BestLines:
    """The best line of one query in each track."""

    scores: Floats  # (tracks,) nats; 0 where hardly anything lines up
    reference_s: Floats  # (tracks, 2) where in the track
    matched_s: Floats  # (tracks, 2) where in the query
    clearest: Floats  # (tracks,) nats of the clearest occurrence alone


class TripleSearch:
    """The triples of a query, to be looked up in any table.

    Args:
        query: its peaks, at least one.
        peaks: how they were found.
        settings: of the triples and their search.
        tracks: how many are searched.
    """

    def __init__(
        self, query: Peaks, peaks: PeakFinding, settings: Landmarks, tracks: int = 1
    ) -> None:
        self._reach, self.sifted = reach_of(settings), SIFTED
        if tracks > MANY:
            narrow = self._reach.height / 2
            self._reach, self.sifted = self._reach._replace(height=narrow), MANY_SIFTED
        self._scale = scale_of(self._reach)
        points = points_of(query.loud, peaks.bins_per_octave)
        triples = make_triples(points, settings.query_partners, self._reach)
        self._shapes = shapes_of(points, triples, self._scale, self._reach)
        self.query = asked(points_of(query, peaks.bins_per_octave))
        # By several blocks that are looked up together.
        begun = points.frames[triples.first]
        firsts = np.arange(0, int(points.frames[-1]) // BLOCK + 1 + BLOCKS, BLOCKS) * BLOCK
        bounds = np.searchsorted(begun, firsts).tolist()
        self._lookups = [
            lookups_of(self._shapes, np.arange(*part), self._reach) for part in pairwise(bounds)
        ]
        self._points, self._settings = points, settings

    @cached_property
    def closer(self) -> Look:
        """Its denser triples, made when they are asked for."""
        own = self._settings
        return Look(self._points, own.closer.query_partners, reach_of(own))

    @cached_property
    def grid(self) -> Grid:
        """Its peaks, as a closer look asks for them."""
        return grid_of(self.query)

    @cached_property
    def alone(self) -> Look:
        """Its triples as tables are asked for them, for one track without a table."""
        own = self._settings
        return Look(self._points, own.query_partners, self._reach)

    def proposals(
        self, table: TripleTable, wanted: npt.NDArray[np.bool_], least: float = LEAST
    ) -> Proposals:
        """The parts of the table's tracks in which most hits gather; most votes first.

        Args:
            table: of tracks.
            wanted: (tracks,) which of them are searched.
            least: votes of a proposal.
        """
        found: list[Proposals] = []
        for lookups in self._lookups:
            equals = find_equals(self._shapes, lookups, table, self._scale, self._reach)
            found.append(
                propose(equals, self._shapes, table, wanted, self._scale, self._reach, least)
            )
            if sum(len(each.tracks) for each in found) > 4 * self.sifted:  # of a long query
                found = [join(found).take(slice(self.sifted))]
        return join(found).take(slice(self.sifted))


class LandmarkIndex:
    """The triples of some tracks, to be asked about any number of queries.

    Args:
        tracks: peaks of each; numbers of tracks are their places.
        tables: of these tracks, and the number of the track at each place in them; −1: of none. A
            table is asked for when it is searched, and let go.
        peaks: how the peaks were found.
        settings: of the triples and their search.
    """

    def __init__(
        self,
        tracks: Sequence[Peaks],
        tables: Sequence[tuple[TripleTable, Integers]],
        peaks: PeakFinding,
        settings: Landmarks,
    ) -> None:
        self._tracks, self._tables = tracks, tables
        self._peaks, self._settings = peaks, settings
        self._last: tuple[Peaks, TripleSearch] | None = None
        # Queries that follow each other ask much the same tracks.
        self._rows = lru_cache(_KEPT)(self._rows_of)
        self._points = lru_cache(_KEPT)(self._points_of)

    @classmethod
    def of(
        cls,
        tracks: Sequence[Peaks],
        peaks: PeakFinding,
        settings: Landmarks,
        table_frames: int = TABLE_FRAMES,
    ) -> LandmarkIndex:
        """Make the tables of some tracks."""
        frames = table_frames_of(np.array([track.length for track in tracks], np.int64), peaks)
        tables = [
            (table_of([tracks[place] for place in places], peaks, settings), np.array(places))
            for places in divide(frames, table_frames)
        ]
        return cls(tracks, tables, peaks, settings)

    def best(self, query: Peaks, without: Set[int] = frozenset(), threads: int = 1) -> BestLines:
        """The score of every track's best excerpt, and the clearest of its occurrences.

        Args:
            query: its peaks.
            without: numbers of tracks that are not searched.
            threads: of the CPU.
        """
        count = len(self._tracks)
        places = np.zeros((2, count, 2))
        best = BestLines(np.zeros(count), places[0], places[1], np.zeros(count))
        if not len(query.frames) or not self._tables:
            return best
        search = self._search_of(query)
        left_out = np.array(sorted(without), np.int64)

        most = Most(search.sifted)

        def proposed(place: int) -> Proposals:
            triples, numbers = self._tables[place]
            wanted = (numbers >= 0) & ~np.isin(numbers, left_out)
            found = search.proposals(triples, wanted, max(LEAST, most.least))
            most.add(found.votes)
            return found._replace(tracks=numbers[found.tracks])

        def sifted(tracks: Sequence[tuple[int, Proposals]]) -> list[Proposals]:
            return [
                self._sifted(search.query, self._points(number)[0], proposals)
                for number, proposals in tracks
            ]

        def looked(number: int) -> Proposals:
            return self._closer(search, number, self._points(number)[0])

        def improve(track: tuple[int, Proposals]) -> None:
            number, proposals = track
            points, percussive = self._points(number)
            for excerpt in _judged(search.query, points, proposals)[:1]:
                best.scores[number] = excerpt.score
                best.clearest[number] = excerpt.scores.max(initial=0.0)
                for line in self._lines(search.query, excerpt, points, percussive)[:1]:
                    best.matched_s[number] = line.query_start_s, line.query_end_s
                    best.reference_s[number] = line.reference_start_s, line.reference_end_s

        with ThreadPoolExecutor(threads) as pool:
            every = join(list(pool.map(proposed, range(len(self._tables)))))
            tracks = _by_track(every.take(slice(search.sifted)))
            parts = [tracks[first::_PARTS] for first in range(min(_PARTS, len(tracks)))]
            few = [one for part in pool.map(sifted, parts) for one in part]
            if few:
                first, *rest = leading(few, self._settings.closer.tracks)
                # The first one makes what all threads ask for.
                closer = [looked(first), *pool.map(looked, rest)]
                chosen = join([join(few).take(slice(self._settings.candidates)), *closer])
                list(pool.map(improve, _by_track(chosen)))
        return best

    def _closer(self, search: TripleSearch, track: int, points: Points) -> Proposals:
        """What a closer look at a track proposes, by what single peaks tell."""
        is_long = len(points.frames) > _LONG
        rows = self._rows_of(track) if is_long else self._rows(track)
        found = search.closer.screened(rows, points, search.grid)
        found.tracks[:] = track
        return self._sifted(search.query, points, found)

    def _rows_of(self, track: int) -> TrackRows:
        own = self._settings
        return rows_of(self._points(track)[0], own.closer.partners, reach_of(own))

    def _sifted(self, query: AskedQuery, track: Points, proposals: Proposals) -> Proposals:
        """The track's proposals by what single peaks tell where their hits lie: their votes now."""
        told = sift(query, track, proposals)
        best = np.argsort(-told, kind="stable")[: self._settings.track_candidates]
        return proposals._replace(votes=told).take(best)

    def lines(self, query: Peaks, track: int, least: float) -> Iterator[Line]:
        """One track's lines, best first; a moment of the query is explained once.

        All occurrences of its best excerpt; where the best one of the other kind of peaks is found
        at the same place, it makes them longer. Of the others those that are at least half as good
        as the best and explain something else.

        Args:
            query: its peaks.
            track: number of the track.
            least: score below which a line is none.
        """
        if not len(query.frames):
            return
        search = self._search_of(query)
        points, percussive = self._points(track)
        rows = rows_of(points, self._settings.partners, reach_of(self._settings))
        proposed = self._sifted(search.query, points, search.alone.proposals(rows))
        closer = self._closer(search, track, points)
        excerpts = _judged(search.query, points, join([proposed, closer]))
        clear = [one for one in excerpts if len(one.starts)]
        if not clear:
            return
        lines = [self._lines(search.query, one, points, percussive) for one in clear]
        known = list(chain.from_iterable(lines))
        best, *others = _best_of_each_kind(clear, points, percussive)
        explained = self._occurrences(search, best, points, percussive)
        for other in others:
            found = self._occurrences(search, other, points, percussive)
            known += [line for line in found if not is_joined(line, explained)]
        known.sort(key=_unlikeliness)
        for line in known:
            rest = beside(line, explained)
            if rest is not None and line.score >= least_shown(known[0].score, LEAST_NATS):
                explained.append(rest)
        explained = explained or known[:1]
        yield from (line for line in sorted(explained, key=_unlikeliness) if line.score >= least)

    def _search_of(self, query: Peaks) -> TripleSearch:
        """The search for a query; the lines of its answers are asked for after their scores."""
        if self._last is None or self._last[0] is not query:
            tracks = len(self._tracks)
            self._last = query, TripleSearch(query, self._peaks, self._settings, tracks)
        return self._last[1]

    def _points_of(self, track: int) -> tuple[Points, int]:
        return in_turn(self._tracks[track], self._peaks)

    def _lines(
        self, query: AskedQuery, excerpt: Excerpt, points: Points, percussive: int
    ) -> list[Line]:
        """Its occurrences, best first; at ``percussive`` frames the percussive part begins."""
        part, lines = excerpt.part, list[Line]()
        begun = percussive if points.frames[part.begin] >= percussive else 0
        for start, score in zip(excerpt.starts.tolist(), excerpt.scores.tolist(), strict=True):
            there = heard(query, points, part, start)
            earlier = start - float(points.frames[part.begin]) / part.slope
            first, last = (earlier + frame / part.slope for frame in there)
            lines.append(self._line(part, (first, last), there, begun, score))
        return lines

    def _occurrences(
        self, search: TripleSearch, excerpt: Excerpt, points: Points, percussive: int
    ) -> list[Line]:
        """Lines of all occurrences of what lies around an excerpt; none if that is too long."""
        region, lines = region_of(search.query, points, excerpt), list[Line]()
        if region is None:
            return lines
        begun = percussive if region.frames[-1] >= percussive else 0
        for one in decode(search.query, region):
            here = float(one.begin), float(one.end + 1)
            there = float(region.frames[one.first]), float(region.frames[one.last])
            lines.append(self._line(excerpt.part, here, there, begun, one.score))
        return lines

    def _line(
        self,
        part: Part,
        here: tuple[float, float],
        there: tuple[float, float],
        begun: int,
        score: float,
    ) -> Line:
        """The line between frames of the query and of a track, whose kind of peaks begins later."""
        frame_s = self._peaks.frame_s
        first, last = (frame * frame_s for frame in here)
        begin, end = ((frame - begun) * frame_s for frame in there)
        tempo = part.slope if last - first >= _TELLING_S else None
        return Line(max(first, 0.0), last, begin, end, tempo, score, 12 * part.pitch / THIRDS)


def _unlikeliness(line: Line) -> float:
    return -line.score


def _best_of_each_kind(
    excerpts: Sequence[Excerpt], points: Points, percussive: int
) -> list[Excerpt]:
    """The first excerpt of the whole, and the first of the percussive part."""
    best: dict[bool, Excerpt] = {}
    for one in excerpts:
        best.setdefault(bool(points.frames[one.part.begin] >= percussive), one)
    return list(best.values())


def table_frames_of(frames: Integers, peaks: PeakFinding) -> Integers:
    """How many frames tracks take in a table, with their percussive parts, by their lengths."""
    return frames if peaks.percussive_n_fft is None else 2 * frames + PAUSE


def divide(frames: Integers, table_frames: int = TABLE_FRAMES) -> list[list[int]]:
    """Consecutive tracks that fill a table: their places.

    Args:
        frames: of each track.
        table_frames: of a table's tracks together, unless one alone is longer.
    """
    parts: list[list[int]] = []
    filled = table_frames
    for place, own in enumerate((-(-frames // SLOT) * SLOT).tolist()):
        if filled + own > table_frames:
            parts.append([])
            filled = 0
        parts[-1].append(place)
        filled += own
    return parts


def table_of(tracks: Sequence[Peaks], peaks: PeakFinding, settings: Landmarks) -> TripleTable:
    """The table of some tracks."""
    points = [in_turn(track, peaks)[0] for track in tracks]
    return make_table(points, settings.partners, reach_of(settings))


def _by_track(proposals: Proposals) -> list[tuple[int, Proposals]]:
    """The proposals of each track, by its number."""
    order = np.argsort(proposals.tracks, kind="stable")
    ordered = proposals.take(order)
    numbers, starts = np.unique(ordered.tracks, return_index=True)
    ends = [*starts[1:].tolist(), len(order)]
    return [
        (number, ordered.take(slice(start, end)))
        for number, start, end in zip(numbers.tolist(), starts.tolist(), ends, strict=False)
    ]


def _judged(query: AskedQuery, points: Points, proposals: Proposals) -> list[Excerpt]:
    """What the proposals of one track come to, by score."""
    judged = [judge(query, points, proposals, number) for number in range(len(proposals.tracks))]
    return sorted((one for one in judged if one.score > 0), key=lambda each: -each.score)
