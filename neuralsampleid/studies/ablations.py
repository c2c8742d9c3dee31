"""Ablations: metrics over seeds, and how they differ from those of the system that rows change."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from neuralsampleid.evaluation.intervals import DECIMALS

MEASURE = ["metric", "k", "query_seconds"]  # what a value measures; k and length empty for mAP


def by_seed(metrics: Mapping[int, pd.DataFrame], system: str) -> pd.DataFrame:
    """Each row's mAP and hit rates over all queries with each seed.

    Args:
        metrics: seed → columns ``formats.METRICS`` of all rows.
        system: the row that the others are held against.

    Returns:
        Columns ``seed``, ``system`` (the row's name), ``MEASURE``, ``value`` (a fraction) and
        ``difference``, which is the row's value minus that of ``system`` with the same seed: on the
        same music and queries.
    """
    table = pd.concat([own.assign(seed=seed) for seed, own in metrics.items()], ignore_index=True)
    table = table[table["metric"].isin(["map", "hit_rate"]) & (table["group"] == "all")]
    table = table[["seed", "system", *MEASURE, "value"]]
    paired = ["seed", *MEASURE]
    held_against = table[table["system"] == system][[*paired, "value"]]
    both = table.merge(held_against, on=paired, suffixes=("", "_of_system"), validate="many_to_one")
    both["difference"] = (both["value"] - both.pop("value_of_system")).round(DECIMALS)
    return both


def over_seeds(values: pd.DataFrame) -> pd.DataFrame:
    """Mean, smallest and largest over the seeds, of values and of differences.

    Args:
        values: as of ``by_seed``.

    Returns:
        A row per system and measure in their order: columns ``system``, ``MEASURE``, ``seeds`` (how
        many), ``value``, ``value_low``, ``value_high``, ``difference``, ``difference_low`` and
        ``difference_high``. A measure that is unknown with some seed is unknown.
    """
    rows = []
    for key, own in values.groupby(["system", *MEASURE], sort=False, dropna=False):
        row = dict(zip(["system", *MEASURE], key, strict=True))
        row["seeds"] = len(own)
        for name in ("value", "difference"):
            row[name] = round(own[name].mean(skipna=False), DECIMALS)
            row[f"{name}_low"] = own[name].min(skipna=False)
            row[f"{name}_high"] = own[name].max(skipna=False)
        rows.append(row)
    return pd.DataFrame(rows)
