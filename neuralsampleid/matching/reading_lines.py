"""Lines of one reading: where a run of a query's segments resembles a run of a track's.

Similarities become evidence: each is compared with what its query's segment has with all that is
searched, in deviations from the median, less ``COST``. A line goes on by one segment in both
tracks; for ``SLIP`` the reference may stay or go two segments. Its score is the sum of its
evidence, so what lies in between is bridged where what follows is worth it: a local alignment
(Smith and Waterman 1981).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from neuralsampleid.compilation import compiled

Evidence = npt.NDArray[np.float32]  # (segments of a query, segments that are searched)
COST = 3.0  # deviations; chosen on the validation split of the open benchmark
SLIP = 0.5  # deviations
_COMPARED = 2000  # segments of all searched that tell what is usual


class BestLines(NamedTuple):
    """The best line in each of some tracks, (tracks,) each; places are rows of the evidence.

    Where nothing speaks for a track, its score is 0 and its places mean nothing.
    """

    scores: npt.NDArray[np.float32]
    first_query: npt.NDArray[np.int64]
    last_query: npt.NDArray[np.int64]
    first_reference: npt.NDArray[np.int64]
    last_reference: npt.NDArray[np.int64]


def evidence_of(similarities: npt.NDArray[np.float32], usual: npt.NDArray[np.float32]) -> Evidence:
    """Deviations from what is usual, less ``COST``.

    Args:
        similarities: (segments of a query, n) with what is judged.
        usual: (segments of a query, m) with segments that are, nearly all, something else.
    """
    middle, deviation = usual_of(usual)
    evidence: Evidence = (similarities - middle) / deviation - np.float32(COST)
    return evidence


def usual_of(
    similarities: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The median and the deviation of each row, (n, 1) each."""
    middle = np.median(similarities, axis=1, keepdims=True)
    return middle, np.maximum(similarities.std(axis=1, keepdims=True), 1e-6)


def compared(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Some of the rows that are searched, evenly spaced, which tell what is usual."""
    return rows[:: max(1, len(rows) // _COMPARED)]


@compiled
def best_lines(evidence: Evidence, bounds: npt.NDArray[np.int64]) -> BestLines:
    """The best line in each track.

    Args:
        evidence: (n, m).
        bounds: (tracks + 1,) columns of ``evidence`` at which tracks begin, and m.
    """
    tracks, rows = len(bounds) - 1, len(evidence)
    scores = np.zeros(tracks, np.float32)
    places = np.zeros((4, tracks), np.int64)
    longest = np.max(np.diff(bounds)) if tracks else 0
    # Each with two columns of zeros before its first, so that all can look back.
    before, now = np.zeros(longest + 2, np.float32), np.zeros(longest + 2, np.float32)
    begun = np.zeros((2, longest + 2), np.int64)  # the pair that a line began with
    begins = np.zeros((2, longest + 2), np.int64)
    for track in range(tracks):
        first, size = bounds[track], bounds[track + 1] - bounds[track]
        before[:], begun[:] = 0, 0
        for row in range(rows):
            for column in range(size):
                score, back = before[column + 1], 1
                if before[column] - SLIP > score:
                    score, back = np.float32(before[column] - SLIP), 2
                if before[column + 2] - SLIP > score:
                    score, back = np.float32(before[column + 2] - SLIP), 0
                total = max(score, np.float32(0)) + evidence[row, first + column]
                if total <= 0:
                    now[column + 2] = 0
                    continue
                now[column + 2] = total
                if score > 0:
                    begins[0, column + 2] = begun[0, column + 2 - back]
                    begins[1, column + 2] = begun[1, column + 2 - back]
                else:
                    begins[0, column + 2], begins[1, column + 2] = row, column
                if total > scores[track]:
                    scores[track] = total
                    places[0, track], places[1, track] = begins[0, column + 2], row
                    places[2, track], places[3, track] = begins[1, column + 2], column
            before, now = now, before
            begun, begins = begins, begun
    return BestLines(scores, places[0], places[1], places[2], places[3])
