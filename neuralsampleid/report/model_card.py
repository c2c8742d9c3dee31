"""The card of the shipped model: what it was trained on, what it finds, where it fails.

Its figures are of the run that trained the model. What was measured elsewhere is written by hand,
in docs/model-card-notes.md, and ends the card.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from neuralsampleid.config import DemoData, EncoderSettings
from neuralsampleid.library.probability import DEFAULT_PROBABILITY, Calibration
from neuralsampleid.report.labels import group_label
from neuralsampleid.report.rendering import markdown_table
from neuralsampleid.report.tables import Cell, Interval, Table, count_of, interval_of, select

_LENGTHS = (5.0, 10.0, 20.0)  # s, of the segment queries shown
_MIDDLE = 10.0  # s, of those that are told apart
_CONDITIONS = ("level_db", "occurrence_s", "tempo_ratio", "pitch_semitones")


@dataclass(frozen=True)
class Shipped:
    """What the card tells beside the metrics."""

    name: str  # of the system in the metrics
    settings: EncoderSettings
    data: DemoData
    seed: int
    parameters: int
    size_bytes: int  # of the file
    similarity: float  # of embeddings in half precision to those before, the smallest
    embedding_size: int
    confidence: float  # of the metrics' intervals
    calibration: Calibration


def model_card(shipped: Shipped, metrics: pd.DataFrame, curves: pd.DataFrame, notes: str) -> str:
    """Markdown for people who are about to use the model.

    Args:
        shipped: the model.
        metrics: columns ``formats.METRICS``, of the run that trained it; other systems in it are
            shown beside it.
        curves: its learning curves: columns ``epoch``, ``metric``, ``value``.
        notes: Markdown that the card ends with.
    """
    held_out = curves[curves["metric"] == "validation_hit_rate_1"]["value"].max()
    environment = Environment(
        loader=PackageLoader("neuralsampleid", "report"),
        autoescape=False,
        undefined=StrictUndefined,
    )
    return environment.get_template("model_card.jinja").render(
        shipped=shipped,
        settings=shipped.settings,
        training=shipped.settings.training,
        data=shipped.data,
        held_out=held_out,
        threshold=DEFAULT_PROBABILITY,
        systems=_table(metrics),
        seconds=_MIDDLE,
        conditions=_conditions(metrics, shipped.name),
        notes=notes,
    )


def _table(metrics: pd.DataFrame) -> str:
    columns = [f"Hit@{k} at {seconds:g} s" for seconds in _LENGTHS for k in (1, 10)]
    rows: list[tuple[Cell, ...]] = []
    for system in metrics["system"].unique():
        own = select(metrics, system=system, group="all")
        rates = (_hit_rate(own, k, seconds) for seconds in _LENGTHS for k in (1, 10))
        rows.append((system, interval_of(select(own, metric="map")), *rates))
    return markdown_table(Table(("System", "mAP", *columns), tuple(rows)))


def _conditions(metrics: pd.DataFrame, system: str) -> str:
    own = select(metrics, system=system, metric="hit_rate", query_seconds=_MIDDLE)
    rows: list[tuple[Cell, ...]] = []
    for group in own["group"].unique():
        if group.startswith(_CONDITIONS):
            part = own[own["group"] == group]
            rates = (_hit_rate(part, k, _MIDDLE) for k in (1, 10))
            rows.append((group_label(group), count_of(part), *rates))
    return markdown_table(Table(("Condition", "Queries", "Hit@1", "Hit@10"), tuple(rows)))


def _hit_rate(own: pd.DataFrame, k: int, seconds: float) -> Interval:
    return interval_of(select(own, metric="hit_rate", k=k, query_seconds=seconds))
