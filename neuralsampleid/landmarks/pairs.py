"""Landmarks, and the table that finds equal ones (after Wang 2003, sections 2.2 and 2.3).

A landmark is a pair of peaks: an anchor and one of the next peaks after it. Its key says how the
two lie to each other and how high the anchor is; keys that differ in the anchor's bin alone follow
each other, so that all landmarks within some semitones are one run of the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neuralsampleid.config import Landmarks
from neuralsampleid.landmarks.peaks import Peaks

SHARD_FRAMES = 1 << 20  # of the tracks that one table holds

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """The landmarks of a track, by the time of their anchors; n of them.

    Anchors and partners are numbers of peaks.
    """

    anchors: Integers  # (n,)
    partners: Integers  # (n,)
    keys: Integers  # (n,)


def make_pairs(peaks: Peaks, settings: Landmarks, stretch: float = 1.0) -> Pairs:
    """Pair each peak with the next ones.

    Args:
        peaks: of a track.
        settings: ``partners`` at most, from 1 to ``partner_frames`` later, at most
            ``partner_bins`` higher or lower.
        stretch: factor on the times of the peaks, before anything else.
    """
    times, bins = peaks.frames * stretch, peaks.bins.astype(np.int64)
    places = np.arange(len(times))
    # Peaks that may be in reach of each, (peaks, the most that any has).
    following = np.searchsorted(times, times + settings.partner_frames + 1) - places - 1
    steps = np.arange(1, following.max(initial=0) + 1)
    partners = np.minimum(places[:, None] + steps, len(times) - 1)
    gaps = np.rint(times[partners] - times[:, None]).astype(np.int64)
    rises = bins[partners] - bins[:, None]
    fits = (steps <= following[:, None]) & (gaps >= 1) & (gaps <= settings.partner_frames)
    fits &= np.abs(rises) <= settings.partner_bins
    fits &= np.cumsum(fits, axis=1) <= settings.partners
    anchors = np.nonzero(fits)[0]
    return Pairs(anchors, partners[fits], _keys(rises[fits], gaps[fits], bins[anchors], settings))


def key_bins(settings: Landmarks) -> int:
    """Anchor bins that a key has room for: those of the axis, and as far as a search may shift."""
    return settings.bins + 2 * settings.shift_bins


def each_row(first: Integers, counts: Integers) -> tuple[Integers, Integers]:
    """All rows of some runs of a table, one run after the other.

    Args:
        first: (n,) where each run begins.
        counts: (n,) how many rows it has.

    Returns:
        Which run each row is of, and the rows themselves.
    """
    runs = np.repeat(np.arange(len(counts)), counts)
    before = np.cumsum(counts) - counts
    return runs, np.arange(len(runs)) + np.repeat(first - before, counts)


def free_margin(longest: int, settings: Landmarks, stretches: Sequence[float]) -> int:
    """Frames before each track in which queries of up to ``longest`` frames may begin."""
    return int(longest * max(stretches)) + 2 * settings.offset_frames


def _keys(rises: Integers, gaps: Integers, bins: Integers, settings: Landmarks) -> Integers:
    shape = (rises + settings.partner_bins) * (settings.partner_frames + 1) + gaps
    return shape * key_bins(settings) + settings.shift_bins + bins


@dataclass(frozen=True)
class LandmarkTable:
    """All landmarks of some tracks, by key.

    The tracks stand on one time axis, one after the other; so a landmark's time also says whose it
    is. Landmarks of key k are the rows ``starts[k]`` … ``starts[k + 1]``.
    """

    origins: Integers  # (tracks,) frames, where each begins on the common axis
    frames: int  # length of the common axis
    margin: int  # frames kept free before each track, in which queries may begin
    starts: npt.NDArray[np.int64]  # (keys + 1,)
    times: npt.NDArray[np.int32]  # (landmarks,) of the anchors on the common axis
    bins: npt.NDArray[np.int16]  # (landmarks,) of the anchors

    @classmethod
    def build(
        cls, tracks: Sequence[Peaks], settings: Landmarks, margin: int, grid: int = 1
    ) -> LandmarkTable:
        """Fill a table.

        Args:
            tracks: peaks of each.
            settings: of the landmarks.
            margin: frames kept free before each track; longer than the longest query, so that none
                can align with two tracks at once.
            grid: frames; tracks begin at multiples of them.
        """
        keys, times, bins, origins = [], [], [], []
        end = 0
        for peaks in tracks:
            origins.append(-(-(end + margin) // grid) * grid)
            pairs = make_pairs(peaks, settings)
            keys.append(pairs.keys)
            times.append(peaks.frames[pairs.anchors] + origins[-1])
            bins.append(peaks.bins[pairs.anchors])
            end = origins[-1] + peaks.length
        joined = np.concatenate(keys)
        order = np.argsort(joined, kind="stable")
        count = (2 * settings.partner_bins + 1) * (settings.partner_frames + 1) * key_bins(settings)
        return cls(
            origins=np.array(origins, np.int64),
            frames=end,
            margin=margin,
            starts=np.concatenate([[0], np.cumsum(np.bincount(joined, minlength=count))]),
            times=np.concatenate(times).astype(np.int32)[order],
            bins=np.concatenate(bins)[order],
        )

    def rows(self, keys: Integers, shift: int) -> tuple[Integers, Integers]:
        """Landmarks whose anchors lie up to ``shift`` bins from those of ``keys``.

        Returns:
            First row and number of rows for each key.
        """
        first = self.starts[keys - shift]
        return first, self.starts[keys + shift + 1] - first

    def tracks_at(self, offsets: Integers) -> Integers:
        """Numbers of the tracks that queries at these offsets on the common axis align with."""
        return np.searchsorted(self.origins - self.margin, offsets, side="right") - 1


def shards(
    tracks: Sequence[Peaks], shard_frames: int = SHARD_FRAMES
) -> Iterator[tuple[slice, Sequence[Peaks]]]:
    """Consecutive tracks that fill a table, and their places.

    Args:
        tracks: peaks of each.
        shard_frames: of a table's tracks together, unless one alone is longer.
    """
    first, frames = 0, 0
    for place, peaks in enumerate(tracks):
        if place > first and frames + peaks.length > shard_frames:
            yield slice(first, place), tracks[first:place]
            first, frames = place, 0
        frames += peaks.length
    if first < len(tracks):
        yield slice(first, len(tracks)), tracks[first:]


@dataclass(frozen=True)
class BestLines:
    """The best line of one query in each track."""

    scores: Floats  # (tracks,) what speaks for it; 0 where hardly anything lines up
    reference_s: Floats  # (tracks, 2) where in the track
    matched_s: Floats  # (tracks, 2) where in the query

    @classmethod
    def none(cls, tracks: int) -> BestLines:
        """Of tracks in which nothing lines up so far."""
        return cls(np.zeros(tracks), np.zeros((tracks, 2)), np.zeros((tracks, 2)))

    def part(self, tracks: slice) -> BestLines:
        """A view of some tracks."""
        return BestLines(self.scores[tracks], self.reference_s[tracks], self.matched_s[tracks])

    def improve(self, better: BestLines) -> None:
        """Take over what is better."""
        tracks = better.scores > self.scores
        for name, values in vars(self).items():
            values[tracks] = getattr(better, name)[tracks]
