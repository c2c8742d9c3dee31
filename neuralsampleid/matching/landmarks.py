"""Ranking tracks by landmarks: queries → the table of rankings; and where they line up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from neuralsampleid.catalogue.formats import MATCHES, split
from neuralsampleid.config import Landmarks, PeakFinding
from neuralsampleid.errors import UserError
from neuralsampleid.landmarks.peaks import Peaks
from neuralsampleid.line import Line
from neuralsampleid.matching.locating import Locator

Span = tuple[str, float, float]  # a query's id, and from when to when in it, in seconds

if TYPE_CHECKING:
    from neuralsampleid.landmarks.index import BestLines, LandmarkIndex


def rank_by_landmarks(
    queries: pd.DataFrame,
    query_peaks: Mapping[str, Peaks],
    tracks: Mapping[str, Peaks],
    peaks: PeakFinding,
    settings: Landmarks,
    *,
    ranks: int,
    threads: int = 1,
) -> pd.DataFrame:
    """Rank tracks for every query.

    Args:
        queries: columns of ``formats.QUERIES``.
        query_peaks: of the query tracks.
        tracks: peaks of noise and references.
        peaks: how they were found.
        settings: of the triples and their search.
        ranks: tracks kept per query.
        threads: of the CPU.

    Returns:
        Columns of ``formats.MATCHES``: the best ``ranks`` tracks of each query; the score is that
        of the best part of a track, the times are those of its clearest occurrence. Tracks of which
        no part was found are left out; equal scores keep the order of ``tracks``.

    Raises:
        UserError: there are no peaks of a query's track.
    """
    missing = sorted(set(queries["query_id"]) - query_peaks.keys())
    if missing:
        raise UserError(f"landmarks: no peaks of query '{missing[0]}', expected those of all")
    index = _index_of(tracks, peaks, settings)
    numbers = {track_id: number for number, track_id in enumerate(tracks)}
    track_ids, rows = list(tracks), []
    known: dict[tuple[object, ...], BestLines] = {}
    for query in queries.itertuples(index=False):
        span = (query.query_id, query.query_start_s, query.query_end_s)
        without = frozenset(numbers[name] for name in split(query.excluded) if name in numbers)
        if (*span, without) not in known:
            part = query_peaks[query.query_id].within(*span[1:], peaks)
            known[*span, without] = index.best(part, without, threads)
        found = known[*span, without]
        order = np.argsort(-found.scores, kind="stable").tolist()
        ranked = [track for track in order if found.scores[track] > 0]
        for rank, track in enumerate(ranked[:ranks], 1):
            times = np.round([*found.reference_s[track], *found.matched_s[track]], 3)
            answer = (rank, track_ids[track], float(found.scores[track]))
            rows.append((query.task, *span, *answer, *times, None))
    return pd.DataFrame(rows, columns=list(MATCHES)).astype({"rank": int})


def lines_by_landmarks(
    query_peaks: Mapping[str, Peaks],
    tracks: Mapping[str, Peaks],
    peaks: PeakFinding,
    settings: Landmarks,
) -> Locator:
    """Lines of landmarks, in whole queries; arguments as of ``lines_within``."""
    lines_of = lines_within(query_peaks, tracks, peaks, settings)

    def lines_in(query_id: str) -> Callable[[str], Iterator[Line]]:
        return lambda track_id: lines_of((query_id, 0.0, np.inf), track_id)

    return lines_in


def lines_within(
    query_peaks: Mapping[str, Peaks],
    tracks: Mapping[str, Peaks],
    peaks: PeakFinding,
    settings: Landmarks,
) -> Callable[[Span, str], Iterator[Line]]:
    """Lines of landmarks between a part of a query and a track, best first.

    Args:
        query_peaks: of the query tracks.
        tracks: peaks of noise and references.
        peaks: how they were found.
        settings: of the triples and their search.
    """
    index = _index_of(tracks, peaks, settings)
    numbers = {track_id: number for number, track_id in enumerate(tracks)}

    @lru_cache(1)  # the index keeps what it knows of its last query
    def asked(query_id: str, start_s: float, end_s: float) -> Peaks:
        return query_peaks[query_id].within(start_s, end_s, peaks)

    def lines_of(span: Span, track_id: str) -> Iterator[Line]:
        return index.lines(asked(*span), numbers[track_id], 0.0)

    return lines_of


def _index_of(
    tracks: Mapping[str, Peaks], peaks: PeakFinding, settings: Landmarks
) -> LandmarkIndex:
    # Numba takes half a second to load; who does without landmarks does without it.
    from neuralsampleid.landmarks.index import LandmarkIndex

    return LandmarkIndex.of(list(tracks.values()), peaks, settings)
