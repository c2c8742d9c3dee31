"""Where a query's landmarks line up with a track for a while.

``counts`` counts all landmarks of a query that agree on one offset (Wang 2003, section 2.3).
That suits a query that is one excerpt. A sample lasts some seconds of a whole track, while what
agrees by chance grows with the track's length. So here a line is a run of landmarks at one offset,
of which each brings 1 and every second costs ``SECOND_COST``, as with fingerprints
(``matching.lines``). Landmarks that a great many others equal, such as those of held notes,
tell little and cost most of the search; they are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neuralsampleid.best_runs import best_runs
from neuralsampleid.config import Landmarks
from neuralsampleid.landmarks.counts import PLACE_BITS, PLACES
from neuralsampleid.landmarks.pairs import (
    SHARD_FRAMES,
    BestLines,
    Floats,
    Integers,
    LandmarkTable,
    Pairs,
    each_row,
    free_margin,
    make_pairs,
    shards,
)
from neuralsampleid.landmarks.peaks import Peaks
from neuralsampleid.landmarks.straight import Straight, straightened
from neuralsampleid.line import Line

SECOND_COST = 1.0  # landmarks; a sample brings several each second
LEAST_OF_OTHERS = 8.0  # of a line beside a track's best, to be shown; chance often brings 5 to 8
TELLING = 0.75  # share of a query's landmarks that are looked up: those that fewest others equal
TELLING_S = 2.0  # of a line that tells its tempo ratio
_EDGE_COST = 4.0  # landmarks per second, where a line ends: what reaches on by chance is left out
_FEW = 50  # others that equal one, which never are too many
_FEWEST = 3  # landmarks on a line, before it is looked at


@dataclass(frozen=True)
class _Hits:
    """Equal landmarks of a query and of tracks, by line, then by the query's time; m of them.

    A line is a change of pitch and an offset in time.
    """

    lines: Integers  # (m,)
    times: Integers  # (m,) of the query's anchors, in frames
    offsets: Integers  # (m,) frames of the line's middle, from the query's time to the table's

    def where(self, chosen: npt.NDArray[np.bool_]) -> _Hits:
        return _Hits(self.lines[chosen], self.times[chosen], self.offsets[chosen])

    def runs(self, frame_cost: float) -> tuple[Floats, Integers]:
        """The score of the best run that ends with each, and when it begins."""
        if not len(self.lines):
            return np.zeros(0), self.times
        ones = np.ones(len(self.lines))
        return best_runs(self.lines, self.times, ones, frame_cost)

    def best_run(self, frame_cost: float) -> tuple[float, _Hits]:
        """The score of the best run, and what it is made of; 0 without any."""
        scores, begins = self.runs(frame_cost)
        if not len(scores):
            return 0.0, self
        end = int(scores.argmax())
        on_line = self.lines == self.lines[end]
        in_time = (self.times >= begins[end]) & (self.times <= self.times[end])
        return float(scores[end]), self.where(on_line & in_time)

    def reaching(self, least: float, frame_cost: float) -> _Hits:
        """Those on lines with a run that scores so much."""
        begins = np.flatnonzero(np.diff(self.lines, prepend=-1))
        if not len(begins):
            return self
        best = np.maximum.reduceat(self.runs(frame_cost)[0], begins)
        return self.where(np.repeat(best >= least, np.diff(begins, append=len(self.lines))))


class LandmarkIndex:
    """The landmarks of a catalogue's tracks, to be asked about any number of queries.

    Args:
        tracks: peaks of each; numbers of tracks are their places.
        settings: of the landmarks and the search over pitch and tempo.
        longest: frames of the longest query.
        second_cost: landmarks that a second of a line costs.
        telling: share of a query's landmarks that are looked up.
        shard_frames: see ``pairs.shards``.
    """

    def __init__(
        self,
        tracks: Sequence[Peaks],
        settings: Landmarks,
        longest: int,
        second_cost: float = SECOND_COST,
        telling: float = TELLING,
        shard_frames: int = SHARD_FRAMES,
    ) -> None:
        self.settings = settings
        self.longest = longest
        self._telling = telling
        self._frame_cost = second_cost * settings.frame_s
        self._tracks = tracks
        self._margin = free_margin(longest, settings, settings.stretches)
        self._tables = [(part, self._table(shard)) for part, shard in shards(tracks, shard_frames)]

    def best(self, query: Peaks, threads: int = 1) -> BestLines:
        """The best line of every track; ties go to the least change of tempo."""

        def best_at(stretch: float) -> BestLines:
            found = BestLines.none(len(self._tracks))
            pairs = make_pairs(query, self.settings, stretch)
            for part, table in self._tables:
                for hits in self._hits(query, pairs, table, table, stretch):
                    self._improve(found.part(part), hits, table, stretch)
            return found

        best = BestLines.none(len(self._tracks))
        with ThreadPoolExecutor(threads) as pool:
            for found in pool.map(best_at, self.settings.stretches):
                best.improve(found)
        return best

    def lines(self, query: Peaks, track: int, least: float) -> Iterator[Line]:
        """One track's lines, best first; a moment of the query is explained once.

        Args:
            query: its peaks.
            track: number of the track.
            least: score below which a line is none.
        """
        settings, frame_s, cost = self.settings, self.settings.frame_s, self._frame_cost
        table = self._table([self._tracks[track]])
        among = next(each for part, each in self._tables if track < part.stop)
        left = [
            (stretch, hits.reaching(least, cost))
            for stretch in settings.stretches
            for hits in self._hits(
                query, make_pairs(query, settings, stretch), table, among, stretch
            )
        ]
        explained: list[tuple[int, int]] = []
        while True:
            runs = [(*hits.best_run(cost), stretch) for stretch, hits in left]
            score, run, stretch = max(runs, key=lambda run: run[0])
            if score < max(least, 1e-9):
                return
            _, run = run.best_run(_EDGE_COST * frame_s)
            first, last = int(run.times[0]), int(run.times[-1])
            lag = float(run.offsets[0] - table.origins[0])
            rise = settings.shift_bins - int(run.lines[0]) // _cell_count(table, settings)
            line = Straight(first, last, stretch, lag)
            telling = (last - first) * frame_s >= TELLING_S
            if telling:
                line = self._straightened(query, table, line, rise, explained)
            first, last = line.first, line.last
            start_s, end_s = np.maximum(line.at(np.array([first, last])), 0) * frame_s
            times = (first * frame_s, last * frame_s, float(start_s), float(end_s))
            tempo = line.slope if telling else None
            yield Line(*times, tempo, score, 12 * rise / settings.bins_per_octave)
            explained.append((first, last))
            others = [
                (own, hits.where((hits.times < first) | (hits.times > last))) for own, hits in left
            ]
            left = [(own, hits.reaching(least, cost)) for own, hits in others]

    def _straightened(
        self,
        query: Peaks,
        table: LandmarkTable,
        line: Straight,
        rise: int,
        explained: Sequence[tuple[int, int]],
    ) -> Straight:
        """A line of the grid in the table's only track, fitted between those explained before."""
        settings = self.settings

        def equal(slope: float) -> tuple[Integers, Integers]:
            pairs = make_pairs(query, settings, slope)
            places, rows = each_row(*table.rows(pairs.keys, settings.shift_bins))
            anchors = pairs.anchors[places]
            same = query.bins[anchors].astype(np.int64) - table.bins[rows] == rise
            times = query.frames[anchors[same]].astype(np.int64)
            return times, table.times[rows[same]].astype(np.int64) - table.origins[0]

        low = max((end + 1 for _, end in explained if end < line.first), default=0)
        high = min((begin - 1 for begin, _ in explained if begin > line.last), default=query.length)
        return straightened(
            line,
            equal,
            (low, high),
            settings.offset_frames,
            1 + settings.tempo_step,
            _EDGE_COST * settings.frame_s,
        )

    def _table(self, tracks: Sequence[Peaks]) -> LandmarkTable:
        return LandmarkTable.build(tracks, self.settings, self._margin, _width(self.settings))

    def _improve(self, best: BestLines, hits: _Hits, table: LandmarkTable, stretch: float) -> None:
        """Let the runs of one grid compete."""
        scores, begins = hits.runs(self._frame_cost)
        tracks, highest = table.tracks_at(hits.offsets), best.scores.copy()
        np.maximum.at(highest, tracks, scores)
        winning = np.flatnonzero((scores == highest[tracks]) & (scores > best.scores[tracks]))
        own, first = np.unique(tracks[winning], return_index=True)
        ends = winning[first]
        times = np.stack([begins[ends], hits.times[ends]], axis=1)
        lags = (hits.offsets[ends] - table.origins[own])[:, None]
        best.scores[own] = scores[ends]
        best.matched_s[own] = times * self.settings.frame_s
        best.reference_s[own] = np.maximum(times * stretch + lags, 0) * self.settings.frame_s

    def _hits(
        self,
        query: Peaks,
        pairs: Pairs,
        table: LandmarkTable,
        among: LandmarkTable,
        stretch: float,
    ) -> Iterator[_Hits]:
        """Equal landmarks at one change of tempo, without those too common in ``among``."""
        shift = self.settings.shift_bins
        first, counts = table.rows(pairs.keys, shift)
        equal = counts if among is table else among.rows(pairs.keys, shift)[1]
        if len(counts):
            most = max(_FEW, np.quantile(equal, self._telling))
            counts = np.where(equal > most, 0, counts)
        return _on_lines(query, pairs, table, self.settings, stretch, each_row(first, counts))


def _on_lines(
    query: Peaks,
    pairs: Pairs,
    table: LandmarkTable,
    settings: Landmarks,
    stretch: float,
    equal: tuple[Integers, Integers],
) -> Iterator[_Hits]:
    """Equal landmarks, as numbers of the query's and rows of the table, on two grids of lines.

    A line on a cell's border lies inside one of the other grid's cells.
    """
    places, rows = equal
    shift, width = settings.shift_bins, _width(settings)
    cells = _cell_count(table, settings)
    times = query.frames[pairs.anchors].astype(np.int64)
    rises = table.bins[rows] - (query.bins[pairs.anchors].astype(np.int64) - shift)[places]
    offsets = table.times[rows] - np.rint(times * stretch).astype(np.int64)[places]
    for half in (0, width // 2):
        # One number for line and landmark: sorting it is much faster than an order of the lines.
        packed = rises * cells + (offsets + half) // width
        packed <<= PLACE_BITS
        packed += places
        packed.sort()
        lines = packed >> PLACE_BITS
        begins = np.flatnonzero(np.diff(lines, prepend=-1))
        sizes = np.diff(begins, append=len(lines))
        crowded = np.repeat(sizes >= _FEWEST, sizes)
        lines, packed = lines[crowded], packed[crowded]
        yield _Hits(lines, times[packed & PLACES], (lines % cells) * width - half + width // 2)


def _cell_count(table: LandmarkTable, settings: Landmarks) -> int:
    """Cells of offsets, those beside the table included."""
    return table.frames // _width(settings) + 3


def _width(settings: Landmarks) -> int:
    """Frames of a cell of offsets."""
    return 2 * settings.offset_frames
