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
    parts = [_standardised(ranking).assign(system=n) for n, ranking in enumerate(rankings)]
    every = pd.concat(parts, ignore_index=True)
    scores = every.pivot(index=_TRACK, columns="system", values="score")
    lowest = scores.groupby(level=_QUERY).transform("min")
    total = scores.fillna(lowest).fillna(0.0).sum(axis=1).round(6).rename("total")
    # ``stable``: of equals, the row of the first system.
    clearest = every.sort_values("score", ascending=False, kind="stable").drop_duplicates(_TRACK)
    fused = clearest.merge(total, on=_TRACK).drop(columns="score")
    fused = fused.rename(columns={"total": "score"}).assign(probability=np.nan)
    order = [*_QUERY, "score", "reference_id"]
    fused = fused.sort_values(order, ascending=[True] * len(_QUERY) + [False, True])
    fused["rank"] = fused.groupby(_QUERY).cumcount() + 1
    return fused.loc[fused["rank"] <= ranks, list(MATCHES)].reset_index(drop=True)


def _standardised(ranking: pd.DataFrame) -> pd.DataFrame:
    scores = ranking.groupby(_QUERY)["score"]
    spread = scores.transform("std", ddof=0)
    away = ranking["score"] - scores.transform("mean")
    return ranking.assign(score=(away / spread.where(spread > 0)).fillna(0.0))
