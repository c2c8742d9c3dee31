"""The main table's values, one nested dictionary per system, for tools that compare runs."""

from __future__ import annotations

import pandas as pd

from neuralsampleid.report.tables import middle_length, select

Summary = dict[str, dict[str, float]]


def summary_of(metrics: pd.DataFrame, system: str) -> Summary:
    """A system's mAP and hit rates over all queries, by task; in the upstream run by protocol.

    Args:
        metrics: columns ``formats.METRICS``, perhaps ``protocol``.
        system: its name.

    Returns:
        Fractions in [0, 1] by task and metric, as in ``{"segment": {"hit_at_3_in_10s": 0.4}}``.
        Hit rates are those at the main table's query length. What is unknown is left out.
    """
    own = select(metrics, system=system, group="all").dropna(subset="value")
    precision = select(own, metric="map")
    hit_rates = select(own, metric="hit_rate", query_seconds=middle_length(metrics))
    summary: Summary = {}
    for row in pd.concat([precision, hit_rates]).itertuples():
        is_map = row.metric == "map"
        name = "map" if is_map else f"hit_at_{row.k:g}_in_{row.query_seconds:g}s"
        summary.setdefault(getattr(row, "protocol", "") or row.task, {})[name] = float(row.value)
    return summary
