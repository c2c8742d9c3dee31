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
from neuralsampleid.evaluation.intervals import DECIMALS, Bootstrap
from neuralsampleid.evaluation.permutation import holm, sign_flip_p_value
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
        judged: system → its ``evaluate.per_query`` table; all about the same queries.
        cells: what to compare; one without queries is left out.
        evaluation: resamples, confidence and permutations.
        seed: of the bootstrap, which is the metrics' own, and of the permutations.

    Returns:
        ``formats.COMPARISONS``: the mean difference with its bootstrap interval, the p-value of
        ``sign_flip_p_value``, and Holm's correction over all rows of the same table.

    Raises:
        UserError: two systems answered different queries.
    """
    _check_alike(judged)
    bootstrap = Bootstrap(evaluation.resamples, evaluation.confidence, seed)
    pairs, rows = list(combinations(judged, 2)), []
    first = next(iter(judged.values()))
    for cell in cells:
        chosen = cell.chosen(first).to_numpy()
        tracks = first.loc[chosen, "query_id"]
        if not len(tracks) or not pairs:
            continue
        values = {name: table.loc[chosen, cell.column] for name, table in judged.items()}
        differences = np.stack([(values[one] - values[two]).to_numpy(float) for one, two in pairs])
        low, high = bootstrap.means(differences, tracks)
        estimates = np.stack([differences.mean(axis=1), low, high], axis=1).round(DECIMALS)
        for pair, difference, estimate in zip(pairs, differences, estimates, strict=True):
            p_value = sign_flip_p_value(difference, tracks, evaluation.permutations, seed)
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
        judged: system → its ``evaluate.per_query`` table; all about the same queries.
        cutoffs: the k.

    Returns:
        ``formats.FOUND_BY_ONE``: by ordered pair of systems, then k, then query.

    Raises:
        UserError: two systems answered different queries.
    """
    _check_alike(judged)
    parts = []
    for system, other in permutations(judged, 2):
        own = judged[system].assign(
            system=system, other=other, other_first_rank=judged[other]["first_rank"]
        )
        for k in sorted(set(cutoffs)):
            gets = (own[f"hit_{k}"] == 1) & (judged[other][f"hit_{k}"] == 0)
            parts.append(own[gets].assign(k=k))
    table = pd.concat(parts) if parts else pd.DataFrame(columns=list(FOUND_BY_ONE))
    return table[list(FOUND_BY_ONE)].reset_index(drop=True)


def _check_alike(judged: Mapping[str, pd.DataFrame]) -> None:
    (first, table), *others = judged.items()
    for name, other in others:
        if not table[_KEY].equals(other[_KEY]):
            raise UserError(
                f"systems '{first}' and '{name}' answered different queries, expected the same "
                "ones in the same order"
            )
