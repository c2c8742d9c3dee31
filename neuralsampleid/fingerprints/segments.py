"""Segments: rows of tracks with their times and fingerprints.

This is the one form in which fingerprints travel: a track that is asked about, a store of many
tracks, and all that is searched are alike.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from neuralsampleid.errors import UserError

Embeddings = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
_Scalar = TypeVar("_Scalar", bound=np.generic)


class JoinedRows(Generic[_Scalar]):
    """Rows of memory-mapped arrays, one after another; only rows asked for are read.

    Args:
        parts: at least one array, all with the same shape but for the number of rows.
    """

    def __init__(self, parts: Sequence[npt.NDArray[_Scalar]]) -> None:
        self._parts = list(parts)
        self._starts = np.cumsum([0, *(len(part) for part in parts)])
        self.shape: tuple[int, ...] = (int(self._starts[-1]), *parts[0].shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Integers | slice) -> npt.NDArray[_Scalar]:
        """The rows of these numbers, each from 0 to the last, as (numbers, …)."""
        if isinstance(rows, slice):
            rows = np.arange(len(self))[rows]
        wanted = np.empty((len(rows), *self.shape[1:]), self._parts[0].dtype)
        owners = np.searchsorted(self._starts, rows, side="right") - 1
        for place in np.unique(owners):
            chosen = owners == place
            wanted[chosen] = self._parts[place][rows[chosen] - self._starts[place]]
        return wanted


_TOLERANCE_S = 1e-3  # queries' times are kept in milliseconds
_OF_EACH_ROW = ("numbers", "starts_s", "ends_s", "embeddings", "silent")
Nodes = npt.NDArray[np.floating[Any]] | JoinedRows[Any]


@dataclass(frozen=True)
class Segments:
    """Segments of T tracks, n in all: track by track, and within a track by time.

    A track may have none. ``embeddings`` and ``nodes`` may lie on the disk; ``track``, ``sounding``
    and ``rows`` then read no node matrices.

    Raises:
        ValueError: lengths disagree.
    """

    track_ids: list[str]  # (T,)
    tracks: Integers  # (n,) number of the segment's track, ascending
    numbers: Integers  # (n,) of the segment in its track, from 0, silent ones counted
    starts_s: Floats  # (n,)
    ends_s: Floats  # (n,)
    embeddings: Embeddings  # (n, d)
    silent: npt.NDArray[np.bool_]  # (n,)
    seconds: Floats  # (T,) length of each track
    nodes: Nodes | None = None  # (n, channels, nodes), what a re-ranker compares

    def __post_init__(self) -> None:
        rows = [self.tracks, *(getattr(self, name) for name in _OF_EACH_ROW)]
        lengths = [len(values) for values in (*rows, self.nodes) if values is not None]
        if len(set(lengths)) > 1 or len(self.track_ids) != len(self.seconds):
            raise ValueError(
                f"segments: arrays of {lengths} rows, {len(self.track_ids)} names and "
                f"{len(self.seconds)} lengths of tracks"
            )

    @classmethod
    def of(
        cls,
        counts: Mapping[str, int],
        embeddings: Embeddings,
        *,
        starts_s: Floats | None = None,
        ends_s: Floats | None = None,
        silent: npt.NDArray[np.bool_] | None = None,
        numbers: Integers | None = None,
        seconds: Floats | None = None,
        nodes: Nodes | None = None,
    ) -> Segments:
        """Segments of tracks that follow each other.

        Args:
            counts: track id → number of its segments.
            embeddings: (n, d).
            starts_s: (n,); None: nothing says when they are, so times are NaN.
            ends_s: (n,), as ``starts_s``.
            silent: (n,); None: none is.
            numbers: (n,); None: a track's segments are all there.
            seconds: (T,); None: up to the end of each track's last segment.
            nodes: (n, channels, nodes).
        """
        sizes = np.fromiter(counts.values(), np.int64, len(counts))
        last, unknown = np.cumsum(sizes), np.full(len(embeddings), np.nan)
        ends = unknown if ends_s is None else ends_s
        if seconds is None:
            seconds = np.where(sizes > 0, np.append(ends, 0.0)[last - 1], 0.0)
        if numbers is None:
            numbers = np.arange(len(embeddings)) - np.repeat(last - sizes, sizes)
        return cls(
            track_ids=list(counts),
            tracks=np.repeat(np.arange(len(sizes)), sizes),
            numbers=numbers,
            starts_s=unknown if starts_s is None else starts_s,
            ends_s=ends,
            embeddings=embeddings,
            silent=np.zeros(len(embeddings), bool) if silent is None else silent,
            seconds=seconds,
            nodes=nodes,
        )

    @classmethod
    def join(cls, parts: Sequence[Segments]) -> Segments:
        """The segments of several, in this order; node matrices stay where they are.

        Args:
            parts: at least one, of different tracks; one alone comes back as it is.
        """
        if len(parts) == 1:
            return parts[0]
        first = np.cumsum([0, *(len(part.track_ids) for part in parts[:-1])])
        nodes = [part.nodes for part in parts if isinstance(part.nodes, np.ndarray)]
        joined: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in (*_OF_EACH_ROW, "seconds")
        }
        return cls(
            track_ids=[track_id for part in parts for track_id in part.track_ids],
            tracks=np.concatenate([p.tracks + n for p, n in zip(parts, first, strict=True)]),
            nodes=JoinedRows(nodes) if len(nodes) == len(parts) else None,
            **joined,
        )

    def __len__(self) -> int:
        return len(self.tracks)

    @cached_property
    def segment_s(self) -> float:
        """Length of a segment, in seconds; 0 where there is none."""
        return float(self.ends_s[0] - self.starts_s[0]) if len(self) else 0.0

    @cached_property
    def hop_s(self) -> float:
        """Seconds from one segment to the next; a segment's length where no track has two."""
        within = np.diff(self.tracks) == 0
        steps = np.diff(self.starts_s)[within] / np.diff(self.numbers)[within]
        return float(np.median(steps)) if len(steps) else self.segment_s

    @property
    def middles_s(self) -> Floats:
        """(n,) the middle of each, in seconds."""
        return (self.starts_s + self.ends_s) / 2

    def number_of(self, track_id: str) -> int:
        """Which track a name is of.

        Raises:
            UserError: of none.
        """
        try:
            return self._number_of[track_id]
        except KeyError as error:
            raise UserError(
                f"no fingerprints of track '{track_id}', expected one of the "
                f"{len(self.track_ids)} tracks that have some"
            ) from error

    def rows_of(self, track: int | str) -> slice:
        """The rows of one track, by number or name.

        Raises:
            UserError: no track has this name.
        """
        number = self.number_of(track) if isinstance(track, str) else track
        first, last = np.searchsorted(self.tracks, [number, number + 1]).tolist()
        return slice(first, last)

    def rows_of_tracks(self, track_ids: Collection[str]) -> Integers:
        """The rows of some tracks, ascending.

        Raises:
            UserError: no track has one of these names.
        """
        numbers = [self.number_of(track_id) for track_id in sorted(track_ids)]
        return np.flatnonzero(np.isin(self.tracks, numbers))

    def sounding_within(self, track_id: str, start_s: float, end_s: float) -> Integers:
        """Rows of a track's segments that lie within a time range and are not silent.

        If none lies wholly inside, because the range is shorter than a segment, the one whose
        middle is nearest to the range's middle is taken.

        Raises:
            UserError: no track has this name.
        """
        rows = self.rows_of(track_id)
        starts, ends = self.starts_s[rows], self.ends_s[rows]
        inside = (starts >= start_s - _TOLERANCE_S) & (ends <= end_s + _TOLERANCE_S)
        if not inside.any():
            distance = np.abs((starts + ends) / 2 - (start_s + end_s) / 2)
            inside[int(distance.argmin())] = True
        chosen: Integers = np.flatnonzero(inside & ~self.silent[rows]) + rows.start
        return chosen

    def track(self, track: int | str) -> Segments:
        """One track, by number or name.

        Raises:
            UserError: no track has this name.
        """
        number = self.number_of(track) if isinstance(track, str) else track
        part = self.rows(self.rows_of(number))
        return replace(
            part,
            track_ids=[self.track_ids[number]],
            tracks=np.zeros(len(part), np.int64),
            seconds=self.seconds[number : number + 1],
        )

    def sounding(self) -> Segments:
        """Without the silent segments."""
        return self.rows(np.flatnonzero(~self.silent) if self.silent.any() else slice(None))

    def rows(self, chosen: Integers | slice) -> Segments:
        """Some rows, ascending, of the same tracks."""
        values: dict[str, Any] = {name: getattr(self, name)[chosen] for name in _OF_EACH_ROW}
        return replace(self, tracks=self.tracks[chosen], nodes=None, **values)

    def each_track(self) -> Iterable[tuple[str, Segments]]:
        """Names and segments of the tracks."""
        return ((name, self.track(number)) for number, name in enumerate(self.track_ids))

    def with_seconds(self, lengths: Mapping[str, float]) -> Segments:
        """With the tracks' lengths where they are known; NaN where they are not."""
        known = np.array([lengths.get(track_id, np.nan) for track_id in self.track_ids])
        return replace(self, seconds=np.where(known > 0, known, self.seconds))

    @cached_property
    def _number_of(self) -> dict[str, int]:
        return {track_id: number for number, track_id in enumerate(self.track_ids)}
