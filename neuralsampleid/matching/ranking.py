"""Votes: what nearest segments say of the tracks that they belong to.

Each segment of a query votes for the tracks of its nearest segments, with 1 for the nearest, 1/2
for the second, and so on: similarities are on another scale with every encoder, and ranks serve
trained encoders about as well (benchmarks/votes.md). A re-ranker adds its probability, weighted,
where it does not reject. A track's score is the sum over the query's segments of the largest vote
that each gives it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neuralsampleid.fingerprints.segments import Floats, Integers, Segments

_REJECTED_BELOW = 0.5  # probability; as upstream


def rank_votes(rows: Integers) -> Floats:
    """What candidates weigh: the reciprocal of each one's rank.

    Args:
        rows: (segments, k) of what is searched, nearest first, −1 where there is none.

    Returns:
        (segments, k), 0 where there is none.
    """
    return np.where(rows >= 0, 1.0 / np.arange(1, rows.shape[1] + 1), 0.0)


def accepted(probabilities: Floats) -> Floats:
    """A re-ranker's probabilities that are no rejection, else 0; as upstream."""
    return np.where(probabilities >= _REJECTED_BELOW, probabilities, 0.0)


@dataclass(frozen=True)
class RankedTrack:
    """A track of a ranking."""

    track: int  # its number
    score: float
    row: int  # of what is searched: the segment with the largest vote
    segment: int  # of the query: which voted so; a row of what ``rank_tracks`` was given
    place: int  # among that segment's candidates


def rank_tracks(rows: Integers, votes: Floats, searched: Segments) -> list[RankedTrack]:
    """Add up votes per track.

    Args:
        rows: (segments, candidates) of what is searched, −1 for none.
        votes: (segments, candidates), at least 0.
        searched: says which track a row belongs to.

    Returns:
        Tracks by descending score. Ties keep the order of ``searched``.
    """
    size = len(searched.track_ids)
    scores, best_vote = np.zeros(size), np.full(size, -1.0)
    best = np.zeros((size, 2), np.int64)  # segment and place of the largest vote
    for segment, (segment_rows, segment_votes) in enumerate(zip(rows, votes, strict=True)):
        places = np.flatnonzero(segment_rows >= 0)
        tracks = searched.tracks[segment_rows[places]]
        largest = np.full(size, -1.0)
        np.maximum.at(largest, tracks, segment_votes[places])
        scores += np.maximum(largest, 0.0)
        # Descending candidates: the first that reaches the track's largest vote is the nearest.
        for place, track, vote in zip(places, tracks, segment_votes[places], strict=True):
            if vote > best_vote[track]:
                best_vote[track], best[track] = vote, (segment, place)
    ranked = [int(track) for track in np.argsort(-scores, kind="stable") if best_vote[track] >= 0]
    return [
        RankedTrack(track, float(scores[track]), int(rows[segment, place]), segment, place)
        for track, (segment, place) in zip(ranked, best[ranked].tolist(), strict=True)
    ]
