"""The card of the shipped model: what it was trained on, what it finds, where it fails.

Its figures are of the run that trained the model. What was measured elsewhere is written by hand,
in docs/model-card-notes.md, and ends the card.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

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
    training, data = shipped.settings.training, shipped.data
    changes = training.augmentation
    pairs = training.epochs * (training.pairs_per_epoch or data.training_songs)
    hop = shipped.settings.fingerprints.segment_hop * shipped.settings.front_end.hop_length
    rate = shipped.settings.front_end.sample_rate
    held_out = curves[curves["metric"] == "validation_hit_rate_1"]["value"].max()
    return f"""# The shipped model

The weights that `nsid index` takes unless told otherwise. Up to "Measured by hand" this card is
written by `make shipped-model`, and its figures are of the run that trained the model
(`config/shipped_model.yaml`, seed {shipped.seed}).

- **What it is**: {shipped.settings.architecture}, {shipped.parameters / 1e6:.1f} million
  parameters, {shipped.size_bytes / 2**20:.1f} MiB in half precision (embeddings keep a cosine
  similarity of {shipped.similarity:.4f} or more); {shipped.embedding_size} numbers every
  {hop / rate:.2f} s.
- **Trained on** synthetic music, composed and rendered by this project:
  {data.training_songs} songs of {data.training_seconds:g} s with their true stems,
  {pairs:,} pairs in {training.epochs} epochs. It contains no recording of a person.
  Of {training.validation_pairs} pairs of held-out songs, {100 * held_out:.0f} % have the
  other view as the nearest.
- **Tested on** other songs of the same composer, of {data.min_seconds:g}–{data.max_seconds:g} s:
  {data.queries} tracks that sample, {data.references} that are sampled,
  {data.noise_songs} that are not.

{_table(metrics)}
Percent, with {100 * shipped.confidence:g} % bootstrap intervals over query tracks.

## Calibration
{calibration_text(shipped.calibration, data)}

## Limits
- It was trained on synthetic music only, with one sound library and no singers. On real
  recordings it finds less than above ([own-music.md](own-music.md)).
- Its training covers tempo ratios of {changes.tempo_min:g}–{changes.tempo_max:g} and pitch shifts
  of ±{changes.pitch_semitones:g} semitones.
- Hit rates in percent for queries of {_MIDDLE:g} s, by the sample's level in the mix, its length,
  and its change of tempo and pitch ([metrics.md](metrics.md)):

{_conditions(metrics, shipped.name)}
{notes}"""


def calibration_text(calibration: Calibration, data: DemoData) -> str:
    """How well calibrated the probabilities of ``nsid identify`` are, on the composed music."""
    tracks = data.references + data.noise_songs
    least = 100 * DEFAULT_PROBABILITY
    return f"""The probability that an answer of `nsid identify` is right is a function fitted to
the {data.queries} queries above. Each is asked twice among {tracks} tracks: with the references of
its samples and without them. Measured by five-fold cross-validation over the queries
({calibration.trials} trials), the expected calibration error of a trial's best track is
{100 * calibration.error:.1f} points. At the {least:.0f} % threshold,
{100 * calibration.promised:.1f} wrong answers per 100 trials were predicted and
{100 * calibration.observed:.1f} observed."""


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
