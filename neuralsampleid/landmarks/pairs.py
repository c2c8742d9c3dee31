"""Landmarks, and the table that finds equal ones (after Wang 2003, sections 2.2 and 2.3).

A landmark is a pair of peaks: an anchor and one of the next peaks after it. Its key says how the
two lie to each other and how high the anchor is; keys that differ in the anchor's bin alone follow
each other, so that all landmarks within some semitones are one run of the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neuralsampleid.config import Landmarks
from neuralsampleid.landmarks.peaks import Peaks

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
    found = np.zeros(len(times), np.int64)  # partners of each peak
    parts = []
    for step in range(1, len(times)):
        gaps = np.rint(times[step:] - times[:-step]).astype(np.int64)
        if (gaps > settings.partner_frames).all():
            break
        rises = bins[step:] - bins[:-step]
        fits = (gaps >= 1) & (gaps <= settings.partner_frames)
        fits &= (np.abs(rises) <= settings.partner_bins) & (found[:-step] < settings.partners)
        anchors = np.flatnonzero(fits)
        found[anchors] += 1
        keys = _keys(rises[anchors], gaps[anchors], bins[anchors], settings)
        parts.append(np.stack([anchors, anchors + step, keys]))
    if not parts:
        return Pairs(*np.zeros((3, 0), np.int64))
    joined = np.concatenate(parts, axis=1)
    return Pairs(*joined[:, np.argsort(joined[0], kind="stable")])


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

    track_ids: list[str]
    origins: Integers  # (tracks,) frames, where each begins on the common axis
    frames: int  # length of the common axis
    margin: int  # frames kept free before each track, in which queries may begin
    starts: npt.NDArray[np.int64]  # (keys + 1,)
    times: npt.NDArray[np.int32]  # (landmarks,) of the anchors on the common axis
    bins: npt.NDArray[np.int16]  # (landmarks,) of the anchors

    @classmethod
    def build(
        cls, tracks: Mapping[str, Peaks], settings: Landmarks, margin: int, grid: int = 1
    ) -> LandmarkTable:
        """Fill a table.

        Args:
            tracks: track id → peaks.
            settings: of the landmarks.
            margin: frames kept free before each track; longer than the longest query, so that none
                can align with two tracks at once.
            grid: frames; tracks begin at multiples of them.
        """
        keys, times, bins, origins = [], [], [], []
        end = 0
        for peaks in tracks.values():
            origins.append(-(-(end + margin) // grid) * grid)
            pairs = make_pairs(peaks, settings)
            keys.append(pairs.keys)
            times.append(peaks.frames[pairs.anchors] + origins[-1])
            bins.append(peaks.bins[pairs.anchors])
            end = origins[-1] + int(peaks.frames.max(initial=0)) + 1
        joined = np.concatenate(keys)
        order = np.argsort(joined, kind="stable")
        count = (2 * settings.partner_bins + 1) * (settings.partner_frames + 1) * key_bins(settings)
        return cls(
            track_ids=list(tracks),
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
