"""Where the first tracks of a ranking sound in the query: lines of the benchmark's queries.

The votes are those of ``ranking`` without a re-ranker, which judges pairs of segments whatever
their times; ``lines`` finds where they line up. So systems that differ in the re-ranker alone show
other tracks, but the same lines of each.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from neuralsampleid.catalogue.formats import FULL_TRACK, LINES
from neuralsampleid.fingerprints.index import SearchIndex
from neuralsampleid.fingerprints.segments import Segments
from neuralsampleid.line import Line, shown
from neuralsampleid.matching.lines import lines_of_track, neighbours_of

MOST_LINES = 8  # of a reference, the best of them


def locate(
    rankings: pd.DataFrame,
    queries: Segments,
    searched: Segments,
    index: SearchIndex,
    *,
    candidates: int,
    references: int,
    threads: int = 1,
) -> pd.DataFrame:
    """Lines of the tracks that a system ranks first for each whole query track.

    Args:
        rankings: columns of ``formats.MATCHES``.
        queries: segments of the query tracks.
        searched: segments of noise and references.
        index: over the rows of ``searched``.
        candidates: per query segment.
        references: how many tracks of each ranking are looked at.
        threads: of the search.

    Returns:
        Columns of ``formats.LINES``, by query, rank and time in the query. A track whose votes line
        up nowhere has no row.
    """
    first = rankings[(rankings["task"] == FULL_TRACK) & (rankings["rank"] <= references)]
    segment_s, hop_s = queries.segment_s, queries.hop_s
    rows: list[tuple[object, ...]] = []
    for query_id, ranking in first.groupby("query_id", sort=True):
        query = queries.track(str(query_id)).sounding()
        _, found = index.search(query.embeddings, candidates, threads)
        neighbours = neighbours_of(query, found, searched, segment_s)
        for hit in ranking.sort_values("rank").itertuples():
            track = searched.number_of(hit.reference_id)
            own = neighbours.where(neighbours.track == track)
            lengths = float(query.seconds[0]), float(searched.seconds[track])
            lines = (line.within(*lengths) for line in lines_of_track(own, segment_s, hop_s))
            head = (query_id, int(hit.rank), hit.reference_id)
            rows += [(*head, *_rounded(line)) for line in shown(lines, most=MOST_LINES)]
    return pd.DataFrame(rows, columns=list(LINES))


def _rounded(line: Line) -> tuple[float, ...]:
    times = (line.query_start_s, line.query_end_s, line.reference_start_s, line.reference_end_s)
    tempo = np.nan if line.tempo_ratio is None else line.tempo_ratio
    return (*(round(time, 3) for time in times), round(tempo, 4), round(line.score, 4))
