"""Where the first tracks of a ranking sound in the query: lines of the benchmark's queries.

Lines do not depend on how a system ranks. Those of an encoder come from the votes of ``ranking``
without a re-ranker, which judges pairs of segments whatever their times; those of landmarks are the
same whether tracks are ranked by counts or by lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd

from neuralsampleid.catalogue.formats import FULL_TRACK, LINES, split
from neuralsampleid.config import Landmarks, LandmarkWay
from neuralsampleid.fingerprints.index import SearchIndex
from neuralsampleid.fingerprints.segments import Segments
from neuralsampleid.landmarks.lines import LEAST_OF_OTHERS, LandmarkIndex
from neuralsampleid.landmarks.peaks import Peaks
from neuralsampleid.line import Line, shown
from neuralsampleid.matching.lines import lines_of_track, neighbours_of

# Of a query's id: of a track's id: its lines in that query, best first.
Locator = Callable[[str], Callable[[str], Iterator[Line]]]


def first_tracks(rankings: pd.DataFrame, queries: pd.DataFrame, least: int = 0) -> pd.DataFrame:
    """The first tracks of every whole query track's ranking: as many as are sampled in it.

    Args:
        rankings: columns of ``formats.MATCHES``.
        queries: columns of ``formats.QUERIES``.
        least: tracks of every ranking, however few are sampled.

    Returns:
        Rows of ``rankings``.
    """
    whole = queries[queries["task"] == FULL_TRACK]
    sampled = dict(zip(whole["query_id"], whole["relevant"].map(split).map(len), strict=True))
    tracks = rankings[rankings["task"] == FULL_TRACK]
    return tracks[tracks["rank"] <= tracks["query_id"].map(sampled).clip(lower=least)]


def locate(tracks: pd.DataFrame, lines_in: Locator, least_of_others: float = 0.0) -> pd.DataFrame:
    """The lines of tracks that an answer shows.

    Args:
        tracks: columns of ``formats.MATCHES``, see ``first_tracks``.
        lines_in: finds them.
        least_of_others: score that all lines of a track but the best reach, to be shown.

    Returns:
        Columns of ``formats.LINES``, by query, rank and time in the query. A track in which nothing
        lines up has no row.
    """
    rows: list[tuple[object, ...]] = []
    for query_id, ranking in tracks.groupby("query_id", sort=True):
        lines_of = lines_in(str(query_id))
        for hit in ranking.sort_values("rank").itertuples():
            head = (query_id, int(hit.rank), hit.reference_id)
            found = shown(lines_of(hit.reference_id), least_of_others)
            rows += [(*head, *_rounded(line)) for line in found]
    return pd.DataFrame(rows, columns=list(LINES))


def lines_by_fingerprints(
    queries: Segments, searched: Segments, index: SearchIndex, *, candidates: int, threads: int = 1
) -> Locator:
    """Lines of an encoder.

    Args:
        queries: segments of the query tracks.
        searched: segments of noise and references.
        index: over the rows of ``searched``.
        candidates: per query segment.
        threads: of the search.
    """
    segment_s, hop_s = queries.segment_s, queries.hop_s

    def lines_in(query_id: str) -> Callable[[str], Iterator[Line]]:
        query = queries.track(query_id).sounding()
        _, rows = index.search(query.embeddings, candidates, threads)
        neighbours = neighbours_of(query, rows, searched, segment_s)

        def lines_of(track_id: str) -> Iterator[Line]:
            track = searched.number_of(track_id)
            own = neighbours.where(neighbours.track == track)
            lengths = float(query.seconds[0]), float(searched.seconds[track])
            return (line.within(*lengths) for line in lines_of_track(own, segment_s, hop_s))

        return lines_of

    return lines_in


def lines_by_landmarks(
    query_peaks: Mapping[str, Peaks],
    tracks: Mapping[str, Peaks],
    settings: Landmarks,
    way: LandmarkWay,
) -> tuple[Locator, float]:
    """Lines of landmarks, and the score that all of a track but the best reach, to be shown.

    Args:
        query_peaks: of the query tracks.
        tracks: peaks of noise and references.
        settings: of the landmarks and the search.
        way: ``plain`` searches neither over pitch nor over tempo.
    """
    if way == "plain":
        unchanged = {"pitch_semitones": 0.0, "tempo_min": 1.0, "tempo_max": 1.0}
        settings = settings.model_copy(update=unchanged)
    longest = max((peaks.length for peaks in query_peaks.values()), default=0)
    index = LandmarkIndex(list(tracks.values()), settings, longest)
    numbers = {track_id: number for number, track_id in enumerate(tracks)}

    def lines_in(query_id: str) -> Callable[[str], Iterator[Line]]:
        return lambda track_id: index.lines(query_peaks[query_id], numbers[track_id], 0.0)

    return lines_in, LEAST_OF_OTHERS


def _rounded(line: Line) -> tuple[float, ...]:
    times = (line.query_start_s, line.query_end_s, line.reference_start_s, line.reference_end_s)
    changes = (
        np.nan if change is None else round(change, 4)
        for change in (line.tempo_ratio, line.pitch_semitones)
    )
    return (*(round(time, 3) for time in times), *changes, round(line.score, 4))
