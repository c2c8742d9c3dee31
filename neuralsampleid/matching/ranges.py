"""A passage as seconds of both tracks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neuralsampleid.fingerprints.store import FingerprintStore
from neuralsampleid.matching.lines import Passage, tempo_is_known


@dataclass(frozen=True)
class Range:
    """A passage in both tracks, in seconds."""

    query_start_s: float
    query_end_s: float
    reference_start_s: float
    reference_end_s: float
    tempo_ratio: float | None  # the query's speed over the reference's; None: too short to tell
    score: float


@dataclass(frozen=True)
class TrackSegments:
    """A query's sounding segments."""

    numbers: npt.NDArray[np.int64]  # (n,) of all its segments, from 0, silent ones counted
    starts_s: npt.NDArray[np.float64]  # (n,)
    embeddings: npt.NDArray[np.float32]  # (n, d)
    seconds: float  # of the track


def segments_of_track(
    store: FingerprintStore, track_id: str, seconds: float = float("nan")
) -> TrackSegments:
    """A track of a store as a query.

    Args:
        store: its fingerprints.
        track_id: the track.
        seconds: its length; NaN: up to the end of its last segment.

    Raises:
        UserError: the store does not hold that track.
    """
    rows = store.rows_of_track(track_id)
    segments = store.segments.iloc[rows]
    sounding = np.flatnonzero(~segments["silent"].to_numpy(bool))
    starts = segments["start_s"].to_numpy(float)[sounding]
    length = seconds if seconds > 0 else float(segments["end_s"].max())
    return TrackSegments(sounding, starts, np.array(store.embeddings[rows][sounding]), length)


def range_of(passage: Passage, query: TrackSegments, segment_s: float, reference_s: float) -> Range:
    """A passage's seconds in both tracks, within their lengths.

    Args:
        passage: found among the query's segments.
        query: the query.
        segment_s: length of a segment, in seconds.
        reference_s: length of the reference, in seconds.
    """
    first, last = np.searchsorted(query.numbers, [passage.first, passage.last])
    start, end = float(query.starts_s[first]), float(query.starts_s[last]) + segment_s
    # Segments are compared middle to middle; the line carries their ends along.
    reference = [passage.offset_s + passage.slope * time for time in (start, end)]
    reference_start, reference_end = (float(np.clip(time, 0, reference_s)) for time in reference)
    known = tempo_is_known(end - start - segment_s)
    return Range(
        start,
        min(end, query.seconds),
        reference_start,
        reference_end,
        passage.slope if known else None,
        passage.score,
    )
