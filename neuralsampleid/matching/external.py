"""Rankings that another program made: from its file to what every system's ranking is.

A program that knows nothing of absent queries (``formats.ABSENT``) is not asked for them: its
ranking without the excluded tracks is what it would have answered without them, as far as a track's
score does not depend on the other tracks.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuralsampleid.catalogue.formats import (
    ABSENT,
    FULL_TRACK,
    LINES,
    MATCHES,
    RANKINGS,
    SEGMENT,
    read_table,
    split,
)
from neuralsampleid.catalogue.tables import SEARCHED_ROLES
from neuralsampleid.errors import UserError

TIMES = [name for name in LINES if name.endswith("_s")]
_PLACES = ["matched_start_s", "matched_end_s", "reference_start_s", "reference_end_s"]
_QUERY = ["query_id", "query_start_s", "query_end_s"]


def read_rankings(path: Path, queries: pd.DataFrame, tracks: pd.DataFrame) -> pd.DataFrame:
    """Another program's file, checked, with track ids for files and a score in every row.

    Args:
        path: CSV with the columns ``formats.RANKINGS``.
        queries: columns of ``formats.QUERIES``.
        tracks: the catalogue's.

    Returns:
        Columns of ``formats.MATCHES`` without ``rank``, and ``tempo_ratio`` and
        ``pitch_semitones``; a row per row of the file, those of a query best first.

    Raises:
        UserError: the file is missing, or the first row that is wrong.
    """
    optional = [name for name in RANKINGS if name not in {"query", "reference"}]
    table = read_table(
        path, RANKINGS, "another program's rankings", optional=optional, numbered=True
    )
    if table.empty:
        raise UserError(f"{path}: no row, expected what the program found")
    scored = table["score"].notna().any()
    asked = {
        (query.query_id, *_milliseconds(query.query_start_s, query.query_end_s)): query
        for query in queries[queries["task"] == SEGMENT].itertuples(index=False)
    }
    whole = queries[queries["task"] == FULL_TRACK].set_index("query_id")
    asking, searched = _names(tracks, ("query",)), _names(tracks, SEARCHED_ROLES)
    rows = []
    for row in table.itertuples():
        try:
            query_id = _named(asking, row.query, "query track")
            span = _interval(row)
            if span is None and query_id in whole.index:
                about = (FULL_TRACK, query_id, *whole.loc[query_id, _QUERY[1:]])
            elif span is not None and (query_id, *span) in asked:
                query = asked[query_id, *span]
                about = (SEGMENT, query_id, query.query_start_s, query.query_end_s)
            else:
                raise UserError("this query is not among those of evaluation/queries.csv")
            track = _named(searched, row.reference, "reference or noise track")
            found = (track, _score(row, scored), *_places(row))
        except UserError as error:
            raise UserError(f"{path}, line {row.Index}: {error}") from None
        rows.append((*about, *found, np.nan, row.tempo_ratio, row.pitch_semitones))
    columns = ["task", *_QUERY, "reference_id", "score", *_PLACES, "probability"]
    found = pd.DataFrame(rows, columns=[*columns, "tempo_ratio", "pitch_semitones"])
    order = ["task", *_QUERY, "score"]
    return found.sort_values(order, ascending=[True] * 4 + [False], kind="stable")


def matches_of(rankings: pd.DataFrame, queries: pd.DataFrame, ranks: int) -> pd.DataFrame:
    """One row per query and track, ranked, and the same without the excluded tracks.

    Args:
        rankings: of ``read_rankings``.
        queries: columns of ``formats.QUERIES``.
        ranks: tracks kept per query.

    Returns:
        Columns of ``formats.MATCHES``; the places are those of the track's best row.
    """
    best = rankings.drop_duplicates(["task", *_QUERY, "reference_id"])
    both = pd.concat([best, best.assign(task=best["task"].map(ABSENT))])
    both = both.merge(queries[["task", *_QUERY, "excluded"]], on=["task", *_QUERY])
    kept = [row.reference_id not in split(row.excluded) for row in both.itertuples()]
    both = both[np.array(kept, bool)]
    both["rank"] = both.groupby(["task", *_QUERY], dropna=False).cumcount() + 1
    return both.loc[both["rank"] <= ranks, list(MATCHES)].reset_index(drop=True)


def lines_of(places: pd.DataFrame, matches: pd.DataFrame) -> pd.DataFrame:
    """Where tracks match in full tracks, each place as a line; those without times are left out.

    Args:
        places: columns of ``formats.MATCHES``, perhaps without ``rank`` and with others that lines
            have; several rows of a track are several lines.
        matches: columns of ``formats.MATCHES``: which tracks are ranked, and where.

    Returns:
        Columns of ``formats.LINES``.
    """
    ranked = matches.loc[matches["task"] == FULL_TRACK, ["query_id", "reference_id", "rank"]]
    whole = places[places["task"] == FULL_TRACK].drop(
        columns=["rank", *_QUERY[1:]], errors="ignore"
    )
    renamed = {"matched_start_s": "query_start_s", "matched_end_s": "query_end_s"}
    lines = whole.merge(ranked, on=["query_id", "reference_id"]).rename(columns=renamed)
    return lines.reindex(columns=list(LINES)).dropna(subset=TIMES).reset_index(drop=True)


def _names(tracks: pd.DataFrame, roles: tuple[str, ...]) -> dict[str, str]:
    """Ids, and the names of files that one track alone has, → ids."""
    own = tracks[tracks["role"].isin(roles)]
    files = [Path(path).name for path in own["path"]]
    times = Counter(files)
    named = {name: track for name, track in zip(files, own["track_id"], strict=True) if name}
    return {name: track for name, track in named.items() if times[name] == 1} | {
        track: track for track in own["track_id"]
    }


def _named(names: dict[str, str], text: str, what: str) -> str:
    found = names.get(text) or names.get(Path(text).name)
    if found is None:
        raise UserError(
            f"'{text}' is no {what}, expected its id, or its file if no other is so called"
        )
    return found


def _interval(row: Any) -> tuple[int, int] | None:  # noqa: ANN401 - a row
    known = [not np.isnan(time) for time in (row.query_start_s, row.query_end_s)]
    if any(known) != all(known):
        raise UserError("query_start_s or query_end_s is empty, expected both or none")
    return _milliseconds(row.query_start_s, row.query_end_s) if all(known) else None


def _milliseconds(start_s: float, end_s: float) -> tuple[int, int]:
    return round(1000 * start_s), round(1000 * end_s)


def _score(row: Any, scored: bool) -> float:  # noqa: ANN401 - a row
    """The score; of a program without scores, what ranks as its ranks do."""
    value = row.score if scored else -row.rank
    if not np.isfinite(value):
        wanted = "a score, as in other rows" if scored else "a score or a rank"
        raise UserError(f"{'score' if scored else 'rank'} is empty or infinite, expected {wanted}")
    return float(value)


def _places(row: Any) -> list[float]:  # noqa: ANN401 - a row
    times = [getattr(row, name) for name in _PLACES]
    known = np.isfinite(times)
    if known.any() and not (known.all() and times[0] < times[1] and times[2] < times[3]):
        raise UserError(f"{', '.join(_PLACES)}: expected start < end in both tracks, or all empty")
    return times
