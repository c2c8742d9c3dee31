"""Under which conditions a query asks: how the samples in it were changed and mixed.

A condition is a text ``<dimension>:<value>``: ``interpolation:yes``, ``grade:buried`` or what else
a data set's samples.csv says of a sample in words; for numbers a bin such as
``tempo_ratio:0.98..1.02`` (from 0.98 to below 1.02), ``tempo_ratio:..0.9`` (below 0.9) or
``tempo_ratio:1.1..`` (1.1 and more). A query has a condition if all samples that sound in it share
it; where they differ, or one is unknown, it has none of that dimension.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, get_args

import numpy as np
import pandas as pd

from neuralsampleid.catalogue.formats import FULL_TRACK, join, split
from neuralsampleid.config import Conditions, Grade
from neuralsampleid.errors import UserError

SEPARATOR = ":"
GRADES: tuple[str, ...] = get_args(Grade)  # of queries, from the easiest
_KEY = ["query_id", "sample_id"]


def describe(
    queries: pd.DataFrame,
    occurrences: pd.DataFrame,
    bins: Conditions,
    about: pd.DataFrame | None = None,
) -> pd.Series[str]:
    """The conditions of each query; see ``formats.join``.

    Args:
        queries: columns of ``formats.QUERIES``, those of full tracks and segments.
        occurrences: of the catalogue. A sample's tempo ratio and pitch are its occurrences' median,
            its ``occurrence_s`` is the median of how long they last in the query.
        bins: edges of the numbers' bins.
        about: of each sample its level and, in further columns of text, other dimensions
            (``formats.SAMPLES``); None where that is unknown.

    Raises:
        UserError: a row of ``about`` is of a sample that does not occur.
    """
    samples = sample_conditions(occurrences, bins, about)
    of_track = dict(iter(occurrences.groupby("query_id")))
    return pd.Series(
        [
            _shared(samples, _sounding(of_track[query.query_id], query))
            for query in queries.itertuples(index=False)
        ],
        index=queries.index,
        dtype=str,
    )


def sample_conditions(
    occurrences: pd.DataFrame, bins: Conditions, about: pd.DataFrame | None = None
) -> dict[tuple[str, str], frozenset[str]]:
    """(query_id, sample_id) → conditions of that sample there; see ``describe``."""
    lasting = occurrences["query_end_s"] - occurrences["query_start_s"]
    grouped = occurrences.assign(occurrence_s=lasting).groupby(_KEY)
    numbers = grouped[["tempo_ratio", "pitch_semitones", "occurrence_s"]].median()
    numbers["level_db"] = np.nan
    words: dict[tuple[str, str], dict[str, str]] = {}
    if about is not None:
        known = about.set_index(_KEY)
        unknown = known.index.difference(numbers.index)
        if len(unknown):
            query_id, sample_id = unknown[0]
            raise UserError(
                f"samples.csv: sample '{sample_id}' in query '{query_id}' does not occur in "
                "occurrences.csv"
            )
        numbers["level_db"] = known["level_db"]
        words = known.drop(columns="level_db").to_dict("index")
    edges = bins.model_dump()
    found = {}
    for key, texts in grouped["interpolation"]:
        values = set(texts)
        conditions = {f"interpolation{SEPARATOR}{text}" for text in values if text}
        if len(values) > 1:
            conditions = set()
        own = words.get(key, {})
        conditions |= {f"{dimension}{SEPARATOR}{text}" for dimension, text in own.items() if text}
        for dimension in edges:
            value = float(numbers.loc[key, dimension])
            if not np.isnan(value):
                conditions.add(f"{dimension}{SEPARATOR}{bin_name(value, edges[dimension])}")
        found[key] = frozenset(conditions)
    return found


def bin_name(value: float, edges: Sequence[float]) -> str:
    """The bin that holds a value; a lower edge belongs to it, an upper one does not."""
    place = int(np.searchsorted(edges, value, side="right"))
    low = f"{edges[place - 1]:g}" if place else ""
    high = f"{edges[place]:g}" if place < len(edges) else ""
    return f"{low}..{high}"


def conditions_of(table: pd.DataFrame) -> list[str]:
    """The conditions that occur in a column ``conditions``: by dimension, then by value."""
    return in_order({name for joined in table["conditions"] for name in split(joined)})


def in_order(conditions: Iterable[str]) -> list[str]:
    """Conditions sorted by dimension, then by value."""
    split = (name.partition(SEPARATOR) for name in conditions)
    ordered = sorted(split, key=lambda parts: (parts[0], _bin_order(parts[2]), parts[2]))
    return ["".join(parts) for parts in ordered]


def has_condition(table: pd.DataFrame, condition: str) -> pd.Series[bool]:
    """Whether each row has a condition in its column ``conditions``."""
    return table["conditions"].map(lambda joined: condition in split(joined))


def _bin_order(name: str) -> float:
    """Sorts bins by value and grades by difficulty; other texts, and the lowest bin, come first."""
    if name in GRADES:
        return GRADES.index(name)
    low, dots, _ = name.partition("..")
    return float(low) if low and dots else -np.inf


def _sounding(occurrences: pd.DataFrame, query: Any) -> pd.DataFrame:  # noqa: ANN401 - a row
    """The occurrences that a query is about: of relevant references, within its interval."""
    if query.task == FULL_TRACK:
        return occurrences
    overlaps = (occurrences["query_start_s"] < query.query_end_s) & (
        occurrences["query_end_s"] > query.query_start_s
    )
    return occurrences[overlaps & occurrences["reference_id"].isin(split(query.relevant))]


def _shared(samples: dict[tuple[str, str], frozenset[str]], sounding: pd.DataFrame) -> str:
    keys = set(sounding[_KEY].itertuples(index=False, name=None))
    each = [samples[key] for key in keys]
    return join(frozenset.intersection(*each)) if each else ""
