"""From the lines of one system to rows of the metrics: where, when and how changed samples are.

Judged are the lines of the first tracks of each ranking, as many as are sampled in the query; a
reader of the ranking sees these first, and a perfect system shows nothing else. There are two
scopes. Of *all* that is annotated, tracks that were missed count as not found, and lines of wrong
tracks as wrong. *In right answers* are only tracks that lead their ranking: they are sampled in the
query, and no track that is not ranks above them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from neuralsampleid.catalogue.formats import FULL_TRACK, split
from neuralsampleid.config import Evaluation
from neuralsampleid.evaluation.intervals import Bootstrap
from neuralsampleid.evaluation.localisation import counts, end_errors, found_pairs, fractions
from neuralsampleid.evaluation.summary import Groups, all_groups, by_type, metrics_table
from neuralsampleid.matching.locating import first_tracks

KINDS = ("occurrence", "strict_occurrence", "per_second")
ERRORS = ("end_error_s", "tempo_error_percent", "pitch_error_semitones")
SCOPES = ("", "_in_right_answers")  # endings of the metrics' names
_PAIR = ["query_id", "reference_id"]
_TIMES = ["query_start_s", "query_end_s", "reference_start_s", "reference_end_s"]
_CHANGES = ["tempo_ratio", "pitch_semitones"]
_COUNTED = [f"{kind}_{what}" for kind in KINDS for what in ("found", "shown", "annotated")]


@dataclass(frozen=True)
class JudgedLines:
    """One system's lines against what is annotated.

    Attributes:
        pairs: a row for each query and track that is shown or annotated: ``query_id``,
            ``reference_id``, ``leads``, and of each of ``KINDS`` what is found, shown, annotated.
        found: a row for each occurrence that is found: ``query_id``, ``leads`` and ``ERRORS``, NaN
            where unknown.
    """

    pairs: pd.DataFrame
    found: pd.DataFrame


def judge_lines(
    lines: pd.DataFrame, matches: pd.DataFrame, queries: pd.DataFrame, occurrences: pd.DataFrame
) -> JudgedLines:
    """Compare lines with occurrences.

    Args:
        lines: one system's, columns ``formats.LINES``.
        matches: its rankings, columns ``formats.MATCHES``.
        queries: columns ``formats.QUERIES``, or a table with one row per query.
        occurrences: of the catalogue. A reference of which one has an unknown time is left out of
            its query, with its lines.
    """
    first = first_tracks(matches, queries)
    leading = _leading(first, queries)
    annotated = dict(iter(occurrences.groupby(_PAIR)))
    shown = dict(iter(lines.merge(first[_PAIR], on=_PAIR).groupby(_PAIR)))
    nothing = pd.DataFrame(columns=_TIMES + _CHANGES, dtype=float)
    pairs: list[tuple[object, ...]] = []
    found: list[tuple[object, ...]] = []
    for key in sorted(annotated.keys() | shown.keys()):
        one, other = (
            table.get(key, nothing)[_TIMES + _CHANGES].to_numpy(float)
            for table in (shown, annotated)
        )
        if not (other[:, 1:4:2] > other[:, 0:4:2]).all():
            continue
        counted = counts(one[:, :4], other[:, :4])
        pairs.append((*key, key in leading, *(n for kind in KINDS for n in counted[kind])))
        places = found_pairs(one[:, :4], other[:, :4])
        ends = end_errors(one[:, :4], other[:, :4])[places]
        changed, truth = one[places[0], 4:], other[places[1], 4:]
        tempo = 100 * np.abs(changed[:, 0] / truth[:, 0] - 1)
        pitch = np.abs(changed[:, 1] - truth[:, 1])
        found += [(key[0], key in leading, *row) for row in zip(ends, tempo, pitch, strict=True)]
    return JudgedLines(
        pd.DataFrame(pairs, columns=[*_PAIR, "leads", *_COUNTED]),
        pd.DataFrame(found, columns=["query_id", "leads", *ERRORS]),
    )


def localisation_metrics(
    lines: JudgedLines, judged: pd.DataFrame, system: str, evaluation: Evaluation, seed: int
) -> pd.DataFrame:
    """Rows for ``metrics.csv``.

    Args:
        lines: what ``judge_lines`` returned for the system.
        judged: what ``evaluate.per_query`` returned for it.
        system: its name in the config.
        evaluation: the bootstrap's settings.
        seed: of the bootstrap.

    Returns:
        Columns ``formats.METRICS``: ``<kind>_<precision, recall or f1><scope>`` by group, of
        ``KINDS`` and ``SCOPES``.
    """
    bootstrap = Bootstrap(evaluation.resamples, evaluation.confidence, seed)
    rows = []
    for scope, group, pairs in _parts(lines.pairs, all_groups(_whole(judged))):
        sums = pairs[_COUNTED].to_numpy(float).T.reshape(len(KINDS), 3, -1)
        named = {
            f"{kind}_{metric}{scope}": parts
            for kind, counted in zip(KINDS, sums, strict=True)
            for metric, parts in fractions(*counted).items()
        }
        above, below = (np.stack(parts) for parts in zip(*named.values(), strict=True))
        estimates = bootstrap.ratios(above, below, pairs["query_id"])
        for metric, estimate in zip(named, estimates, strict=True):
            rows.append((system, FULL_TRACK, metric, None, None, group, *estimate))
    return metrics_table(rows)


def localisation_errors(
    lines: JudgedLines, judged: pd.DataFrame, system: str, evaluation: Evaluation, seed: int
) -> pd.DataFrame:
    """Rows for ``quantities.csv``; arguments as of ``localisation_metrics``.

    Returns:
        Columns ``formats.METRICS``: medians of ``ERRORS`` over the occurrences that are found, by
        scope and sample type; none where none is known.
    """
    bootstrap = Bootstrap(evaluation.resamples, evaluation.confidence, seed)
    rows = []
    for scope, group, found in _parts(lines.found, by_type(_whole(judged))):
        for error in ERRORS:
            known = found.dropna(subset=error)
            if known.empty:
                continue
            median = bootstrap.median(known[error], known["query_id"])
            counted = median._replace(queries=known["query_id"].nunique())
            rows.append((system, FULL_TRACK, f"{error}{scope}", None, None, group, *counted))
    return metrics_table(rows)


def _whole(queries: pd.DataFrame) -> pd.DataFrame:
    return queries[queries["task"] == FULL_TRACK]


def _parts(table: pd.DataFrame, groups: Groups) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Scope, group, and the rows of both."""
    for scope, chosen in zip(SCOPES, (table, table[table["leads"].astype(bool)]), strict=True):
        for group, queries in groups:
            yield scope, group, chosen[chosen["query_id"].isin(queries["query_id"])]


def _leading(first: pd.DataFrame, queries: pd.DataFrame) -> set[tuple[str, str]]:
    """The pairs of query and track that are right and rank above all that are not."""
    whole = _whole(queries)
    relevant = dict(zip(whole["query_id"], whole["relevant"].map(split), strict=True))
    ordered = first.sort_values(["query_id", "rank"])
    right = [
        track in relevant[query]
        for query, track in zip(ordered["query_id"], ordered["reference_id"], strict=True)
    ]
    leads = ordered.assign(leads=right).groupby("query_id")["leads"].cummin().astype(bool)
    return set(ordered.loc[leads, _PAIR].itertuples(index=False, name=None))
