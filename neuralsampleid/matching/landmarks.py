"""Ranking tracks by landmarks: queries → the table of rankings."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from neuralsampleid.catalogue.formats import MATCHES, split
from neuralsampleid.config import Landmarks, LandmarkWay
from neuralsampleid.errors import UserError
from neuralsampleid.landmarks.counts import Alignments, best_alignments
from neuralsampleid.landmarks.lines import best_lines
from neuralsampleid.landmarks.peaks import Peaks

_COLUMNS = [
    "task", "query_id", "query_start_s", "query_end_s", "rank", "reference_id", "score",
    "reference_start_s", "reference_end_s", "matched_start_s", "matched_end_s", "probability",
]  # fmt: skip


def rank_by_landmarks(
    queries: pd.DataFrame,
    query_peaks: Mapping[str, Peaks],
    tracks: Mapping[str, Peaks],
    settings: Landmarks,
    *,
    way: LandmarkWay,
    ranks: int,
) -> pd.DataFrame:
    """Rank tracks for every query.

    Args:
        queries: columns of ``formats.QUERIES``.
        query_peaks: of the query tracks.
        tracks: peaks of noise and references.
        settings: of the landmarks and the search.
        way: how they are searched, and what of a query counts.
        ranks: tracks kept per query.

    Returns:
        Columns of ``formats.MATCHES``: the best ``ranks`` tracks of each query; the score is how
        many landmarks agree, the times are those of the middle half of them; of ``passages`` they
        are those of the best line. Tracks in which hardly any landmarks agree are left out;
        equal scores keep the order of ``tracks``.

    Raises:
        UserError: there are no peaks of a query's track.
    """
    missing = sorted(set(queries["query_id"]) - query_peaks.keys())
    if missing:
        raise UserError(f"landmarks: no peaks of query '{missing[0]}', expected those of all")
    spans = zip(queries["query_id"], queries["query_start_s"], queries["query_end_s"], strict=True)
    asked = [(query_id, start_s, end_s) for query_id, start_s, end_s in spans]
    if way == "passages":
        best = best_lines(asked, query_peaks, tracks, settings)
    else:
        searched = way == "searched"
        best = best_alignments(asked, query_peaks, tracks, settings, searched=searched)
    track_ids, rows = list(tracks), []
    for query, span in zip(queries.itertuples(index=False), asked, strict=True):
        excluded = set(split(query.excluded))
        ranked = _ranking(best[span], track_ids, excluded)[:ranks]
        for rank, track in enumerate(ranked, 1):
            times = (*best[span].reference_s[track], *best[span].matched_s[track])
            answer = (rank, track_ids[track], float(best[span].scores[track]))
            rows.append((query.task, *span, *answer, *np.round(times, 3), None))
    # The evaluation says which of these columns it reads.
    return pd.DataFrame(rows, columns=_COLUMNS)[list(MATCHES)].astype({"rank": int})


def _ranking(best: Alignments, track_ids: Sequence[str], excluded: Collection[str]) -> list[int]:
    """Numbers of the tracks in which something agrees, best first."""
    order = np.argsort(-best.scores, kind="stable").tolist()
    return [t for t in order if best.scores[t] > 0 and track_ids[t] not in excluded]
