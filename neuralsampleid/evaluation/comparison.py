"""Systems in pairs: how far they differ, whether that could be chance, and on which queries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations

import pandas as pd

from neuralsampleid.catalogue.formats import COMPARISONS, FOUND_BY_ONE, FULL_TRACK, SEGMENT
from neuralsampleid.config import Evaluation
from neuralsampleid.errors import UserError
from neuralsampleid.evaluation.bootstrap import bootstrap_mean
from neuralsampleid.evaluation.permutation import holm, sign_flip_p_value
from neuralsampleid.evaluation.summary import DECIMALS, at_length, sample_types, written_length

_KEY = ["task", "query_id", "query_start_s", "query_seconds"]


@dataclass(frozen=True)
class Cell:
    """A column of a table for one group: what is compared."""

    table: str
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


def compare(
    judged: Mapping[str, pd.DataFrame], evaluation: Evaluation, seconds: float, seed: int
) -> pd.DataFrame:
    """Every pair of systems in every cell of the tables ``main``, ``hit_rates``, ``sample_types``.

    Args:
        judged: system → its ``evaluate.per_query`` table; all about the same queries.
        evaluation: lengths, cutoffs, resamples, confidence and permutations.
        seconds: the query length of the tables main and sample_types.
        seed: of the bootstrap, which is the metrics' own, and of the permutations.

    Returns:
        ``formats.COMPARISONS``: the mean difference with its bootstrap interval, the p-value of
        ``sign_flip_p_value``, and Holm's correction over all rows of the same table.

    Raises:
        UserError: two systems answered different queries.
    """
    _check_alike(judged)
    rows = []
    first = next(iter(judged.values()))
    for cell in _cells(first, evaluation, seconds):
        chosen = cell.chosen(first).to_numpy()
        tracks = first.loc[chosen, "query_id"].tolist()
        if not tracks:
            continue
        values = {name: table.loc[chosen, cell.column] for name, table in judged.items()}
        for system, other in combinations(judged, 2):
            differences = values[system].to_numpy(float) - values[other].to_numpy(float)
            low, high = bootstrap_mean(
                differences, tracks, evaluation.resamples, evaluation.confidence, seed
            )
            p_value = sign_flip_p_value(differences, tracks, evaluation.permutations, seed)
            rounded = (round(x, DECIMALS) for x in (float(differences.mean()), low, high))
            about = (cell.table, system, other, *_written(cell), cell.group)
            rows.append((*about, *rounded, p_value, float("nan"), len(tracks)))
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


def _cells(judged: pd.DataFrame, evaluation: Evaluation, seconds: float) -> Iterator[Cell]:
    cutoffs = sorted(set(evaluation.cutoffs))
    for table, groups in (("main", ["all"]), ("sample_types", sample_types(judged))):
        for group in groups:
            yield Cell(table, group)
            for k in cutoffs:
                yield Cell(table, group, k, seconds)
    for length in sorted(set(evaluation.query_seconds)):
        for k in cutoffs:
            yield Cell("hit_rates", "all", k, length)


def _written(cell: Cell) -> tuple[object, ...]:
    if cell.seconds is None:
        return FULL_TRACK, "map", None, None
    return SEGMENT, "hit_rate", cell.k, written_length(cell.seconds)


def _check_alike(judged: Mapping[str, pd.DataFrame]) -> None:
    (first, table), *others = judged.items()
    for name, other in others:
        if not table[_KEY].equals(other[_KEY]):
            raise UserError(
                f"systems '{first}' and '{name}' answered different queries, expected the same "
                "ones in the same order"
            )
