"""Where the first tracks of a ranking sound in the query: lines of the benchmark's queries.

Lines do not depend on how a system ranks. Those of an encoder come from the votes of ``ranking``
without a re-ranker, which judges pairs of segments whatever their times; those of landmarks are the
same whether tracks are ranked by counts or by lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from neuralsampleid.catalogue.formats import FULL_TRACK, LINES, split
from neuralsampleid.line import LEAST_SHARE, Line, shown

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


def locate(tracks: pd.DataFrame, lines_in: Locator, share: float = LEAST_SHARE) -> pd.DataFrame:
    """The lines of tracks that an answer shows.

    Args:
        tracks: columns of ``formats.MATCHES``, see ``first_tracks``.
        lines_in: finds them.
        share: of the score of a track's best line that its others reach, to be shown.

    Returns:
        Columns of ``formats.LINES``, by query, rank and time in the query. A track in which nothing
        lines up has no row.
    """
    rows: list[tuple[object, ...]] = []
    for query_id, ranking in tracks.groupby("query_id", sort=True):
        lines_of = lines_in(str(query_id))
        for hit in ranking.sort_values("rank").itertuples():
            head = (query_id, int(hit.rank), hit.reference_id)
            found = shown(lines_of(hit.reference_id), share=share)
            rows += [(*head, *_rounded(line)) for line in found]
    return pd.DataFrame(rows, columns=list(LINES))


def _rounded(line: Line) -> tuple[float, ...]:
    times = (line.query_start_s, line.query_end_s, line.reference_start_s, line.reference_end_s)
    changes = (
        np.nan if change is None else round(change, 4)
        for change in (line.tempo_ratio, line.pitch_semitones)
    )
    return (*(round(time, 3) for time in times), *changes, round(line.score, 4))
