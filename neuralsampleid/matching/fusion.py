"""Rankings of several systems as one: what each track stands out by, added.

Scores of different systems do not compare (votes, landmarks); how far a track stands out from the
others of the same query does. Systems err differently, so what is wrong in one seldom stands out in
another.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from neuralsampleid.catalogue.formats import MATCHES

_QUERY = ["task", "query_id", "query_start_s", "query_end_s"]
_TRACK = [*_QUERY, "reference_id"]


def fuse(rankings: Sequence[pd.DataFrame], ranks: int) -> pd.DataFrame:
    """Add the standardised scores of several systems.

    A system's scores of one query are brought to mean 0 and standard deviation 1 over the tracks
    that it ranked, as in metasearch (Montague and Aslam 2001). A track that it left out gets its
    lowest; where it ranked none, or all alike, it adds nothing.

    Args:
        rankings: columns of ``formats.MATCHES``, of each system at least one query.
        ranks: tracks kept per query.

    Returns:
        Columns of ``formats.MATCHES``: the best ``ranks`` tracks of each query that some system
        answered; the times are those of the system in which the track stands out most (of several,
        the first). Equal scores are ordered by the track's id.
    """
    every = _standardised(rankings)
    scores = every.pivot(index=_TRACK, columns="system", values="score")
    lowest = scores.groupby(level=_QUERY).transform("min")
    total = scores.fillna(lowest).fillna(0.0).sum(axis=1).round(6).rename("total")
    fused = _clearest(every).merge(total, on=_TRACK).drop(columns="score")
    fused = fused.rename(columns={"total": "score"}).assign(probability=np.nan)
    order = [*_QUERY, "score", "reference_id"]
    fused = fused.sort_values(order, ascending=[True] * len(_QUERY) + [False, True])
    fused["rank"] = fused.groupby(_QUERY).cumcount() + 1
    return fused.loc[fused["rank"] <= ranks, list(MATCHES)].reset_index(drop=True)


def clearest_in(
    tracks: pd.DataFrame, rankings: Sequence[pd.DataFrame], system: int
) -> pd.DataFrame:
    """Those tracks that stand out in one system more than in the others; of equals, in the first.

    Args:
        tracks: columns of ``formats.MATCHES`` from ``fuse``, or some of its rows.
        rankings: that were fused; of one alone, all tracks.
        system: place among them.
    """
    best = _clearest(_standardised(rankings))
    return tracks.merge(best.loc[best["system"] == system, _TRACK], on=_TRACK)


def _clearest(every: pd.DataFrame) -> pd.DataFrame:
    # ``stable``: of equals, the row of the first system.
    ordered = every.sort_values("score", ascending=False, kind="stable")
    return ordered.drop_duplicates(_TRACK)


def _standardised(rankings: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """All rows, with the place of the system that each is of."""
    parts = [ranking.assign(system=place) for place, ranking in enumerate(rankings)]
    every = pd.concat(parts, ignore_index=True)
    scores = every.groupby(["system", *_QUERY])["score"]
    spread = scores.transform("std", ddof=0)
    away = every["score"] - scores.transform("mean")
    return every.assign(score=(away / spread.where(spread > 0)).fillna(0.0))
