"""Ranking tracks by landmarks: queries → the table of rankings; and where they line up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from neuralsampleid.catalogue.formats import MATCHES, split
from neuralsampleid.config import Landmarks, LandmarkWay, TripleSearch
from neuralsampleid.errors import UserError
from neuralsampleid.landmarks.counts import LandmarkCounts
from neuralsampleid.landmarks.lines import LEAST_OF_OTHERS, LandmarkIndex
from neuralsampleid.landmarks.pairs import BestLines
from neuralsampleid.landmarks.peaks import Peaks
from neuralsampleid.line import Line
from neuralsampleid.matching.locating import Locator

if TYPE_CHECKING:
    from neuralsampleid.landmarks.triple_search import TripleIndex


def rank_by_landmarks(
    queries: pd.DataFrame,
    query_peaks: Mapping[str, Peaks],
    tracks: Mapping[str, Peaks],
    settings: Landmarks,
    *,
    way: LandmarkWay,
    ranks: int,
    triples: TripleSearch,
) -> pd.DataFrame:
    """Rank tracks for every query.

    Args:
        queries: columns of ``formats.QUERIES``.
        query_peaks: of the query tracks.
        tracks: peaks of noise and references.
        settings: of the landmarks and the search.
        way: how they are searched, and what of a query counts.
        ranks: tracks kept per query.
        triples: of the way of this name.

    Returns:
        Columns of ``formats.MATCHES``: the best ``ranks`` tracks of each query; the score is how
        many landmarks agree, the times are those of the middle half of them; of ``passages`` and
        ``triples`` they are those of the best line. Tracks in which hardly any landmarks agree are
        left out; equal scores keep the order of ``tracks``.

    Raises:
        UserError: there are no peaks of a query's track.
    """
    missing = sorted(set(queries["query_id"]) - query_peaks.keys())
    if missing:
        raise UserError(f"landmarks: no peaks of query '{missing[0]}', expected those of all")
    longest = max((query_peaks[query_id].length for query_id in queries["query_id"]), default=0)
    searched: LandmarkIndex | LandmarkCounts | TripleIndex
    if way == "triples":
        searched = _triple_index(tracks, settings, triples)
    elif way == "passages":
        searched = LandmarkIndex(list(tracks.values()), settings, longest)
    else:
        wide = way == "searched"
        searched = LandmarkCounts(list(tracks.values()), settings, longest, searched=wide)
    track_ids, rows = list(tracks), []
    best: dict[tuple[str, float, float], BestLines] = {}
    for query in queries.itertuples(index=False):
        span = (query.query_id, query.query_start_s, query.query_end_s)
        if span not in best:
            best[span] = searched.best(query_peaks[query.query_id].within(*span[1:], settings))
        found, excluded = best[span], set(split(query.excluded))
        order = np.argsort(-found.scores, kind="stable").tolist()
        ranked = [t for t in order if found.scores[t] > 0 and track_ids[t] not in excluded]
        for rank, track in enumerate(ranked[:ranks], 1):
            times = np.round([*found.reference_s[track], *found.matched_s[track]], 3)
            answer = (rank, track_ids[track], float(found.scores[track]))
            rows.append((query.task, *span, *answer, *times, None))
    return pd.DataFrame(rows, columns=list(MATCHES)).astype({"rank": int})


def lines_by_landmarks(
    query_peaks: Mapping[str, Peaks],
    tracks: Mapping[str, Peaks],
    settings: Landmarks,
    triples: TripleSearch,
    way: LandmarkWay,
) -> tuple[Locator, float]:
    """Lines of landmarks, and the score that all of a track but the best reach, to be shown.

    Args:
        query_peaks: of the query tracks.
        tracks: peaks of noise and references.
        settings: of the landmarks and the search.
        triples: of the triples and their search.
        way: ``plain`` searches neither over pitch nor over tempo.
    """
    if way == "plain":
        unchanged = {"pitch_semitones": 0.0, "tempo_min": 1.0, "tempo_max": 1.0}
        settings = settings.model_copy(update=unchanged)
    longest = max((peaks.length for peaks in query_peaks.values()), default=0)
    index: LandmarkIndex | TripleIndex
    if way == "triples":
        index = _triple_index(tracks, settings, triples)
    else:
        index = LandmarkIndex(list(tracks.values()), settings, longest)
    numbers = {track_id: number for number, track_id in enumerate(tracks)}

    def lines_in(query_id: str) -> Callable[[str], Iterator[Line]]:
        return lambda track_id: index.lines(query_peaks[query_id], numbers[track_id], 0.0)

    return lines_in, LEAST_OF_OTHERS


def _triple_index(
    tracks: Mapping[str, Peaks], settings: Landmarks, triples: TripleSearch
) -> TripleIndex:
    # Numba takes half a second to load; the other ways do without.
    from neuralsampleid.landmarks.triple_search import TripleIndex

    return TripleIndex(list(tracks.values()), settings, triples)
