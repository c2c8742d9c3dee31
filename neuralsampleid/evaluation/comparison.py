"""Systems in pairs: how far they differ, whether that could be chance, and on which queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np
import pandas as pd

from neuralsampleid.catalogue.formats import COMPARISONS, FOUND_BY_ONE, FULL_TRACK, SEGMENT
from neuralsampleid.config import Evaluation
from neuralsampleid.errors import UserError
from neuralsampleid.evaluation.conditions import SEPARATOR, has_condition
from neuralsampleid.evaluation.intervals import DECIMALS, Bootstrap
from neuralsampleid.evaluation.permutation import holm, sign_flip_p_values
from neuralsampleid.evaluation.summary import at_length, written_length

_KEY = ["task", "query_id", "query_start_s", "query_seconds"]


@dataclass(frozen=True)
class Compared:
    """A column of a table for one group: what is compared."""

    table: str  # p-values are corrected over all cells of one table
    group: str
    k: int | None = None  # None: mAP
    seconds: float | None = None

    def chosen(self, judged: pd.DataFrame) -> pd.Series[bool]:
        """Which queries the cell is about."""
        own = judged["group"] == self.group if self.group != "all" else judged["group"].notna()
        if SEPARATOR in self.group:
            own = has_condition(judged, self.group)
        if self.seconds is None:
            return own & (judged["task"] == FULL_TRACK)
        return own & (judged["task"] == SEGMENT) & at_length(judged, self.seconds)

    @property
    def column(self) -> str:
        """Of the table with one row per query."""
        return "ap" if self.k is None else f"hit_{self.k}"

    @property
    def written(self) -> tuple[object, ...]:
        """Task, metric, k and query length, as in ``formats.COMPARISONS``."""
        if self.seconds is None:
            return FULL_TRACK, "map", None, None
        return SEGMENT, "hit_rate", self.k, written_length(self.seconds)


def compare(
    judged: Mapping[str, pd.DataFrame], cells: Iterable[Compared], evaluation: Evaluation, seed: int
) -> pd.DataFrame:
    """Every pair of systems in every cell.

    Args:
        judged: system → its ``evaluate.per_query`` table; in a cell all about the same queries, but
            for systems that were not asked there.
        cells: what to compare; one without queries is left out.
        evaluation: resamples, confidence and permutations.
        seed: of the bootstrap, which is the metrics' own, and of the permutations.

    Returns:
        ``formats.COMPARISONS``: the mean difference with its bootstrap interval, the p-value of
        ``sign_flip_p_values``, and Holm's correction over all rows of the same table.

    Raises:
        UserError: two systems answered different queries.
    """
    bootstrap, rows = Bootstrap(evaluation.resamples, evaluation.confidence, seed), []
    for cell in cells:
        asked = _asked({name: table[cell.chosen(table)] for name, table in judged.items()})
        pairs = list(combinations(asked, 2))
        if not pairs:
            continue
        tracks = next(iter(asked.values()))["query_id"]
        values = {name: table[cell.column].to_numpy(float) for name, table in asked.items()}
        differences = np.stack([values[one] - values[two] for one, two in pairs])
        low, high = bootstrap.means(differences, tracks)
        estimates = np.stack([differences.mean(axis=1), low, high], axis=1).round(DECIMALS)
        p_values = sign_flip_p_values(differences, tracks, evaluation.permutations, seed)
        for pair, estimate, p_value in zip(pairs, estimates, p_values, strict=True):
            about = (cell.table, *pair, *cell.written, cell.group)
            rows.append((*about, *estimate, p_value, np.nan, len(tracks)))
    table = pd.DataFrame(rows, columns=list(COMPARISONS), dtype=object)
    for _, family in table.groupby("table"):
        table.loc[family.index, "p_holm"] = holm(family["p_value"])
    numbers = dict.fromkeys(("difference", "low", "high", "p_value", "p_holm"), "float64")
    return table.astype({**numbers, "k": "Int64", "queries": "int64"}).round(
        {"p_value": DECIMALS, "p_holm": DECIMALS}
    )


def found_by_one(judged: Mapping[str, pd.DataFrame], cutoffs: Sequence[int]) -> pd.DataFrame:
    """The queries that one system gets, by a right answer among its first k, and another misses.

    Args:
        judged: system → its ``evaluate.per_query`` table.
        cutoffs: the k.

    Returns:
        ``formats.FOUND_BY_ONE``: by ordered pair of systems, then k, then query.
    """
    parts = []
    for (system, own), (other, theirs) in permutations(judged.items(), 2):
        missed = [f"hit_{k}" for k in cutoffs]
        both = own.merge(theirs[[*_KEY, "first_rank", *missed]], on=_KEY, suffixes=("", "_other"))
        both = both.assign(system=system, other=other, other_first_rank=both["first_rank_other"])
        for k in sorted(set(cutoffs)):
            gets = (both[f"hit_{k}"] == 1) & (both[f"hit_{k}_other"] == 0)
            parts.append(both[gets].assign(k=k))
    table = pd.concat(parts) if parts else pd.DataFrame(columns=list(FOUND_BY_ONE))
    return table[list(FOUND_BY_ONE)].reset_index(drop=True)


def _asked(chosen: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The systems that were asked at all; they must have answered the same queries."""
    asked = {name: table.reset_index(drop=True) for name, table in chosen.items() if len(table)}
    first = next(iter(asked), "")
    for name, table in asked.items():
        if not table[_KEY].equals(asked[first][_KEY]):
            raise UserError(
                f"systems '{first}' and '{name}' answered different queries, expected the same "
                "ones in the same order"
            )
    return asked
