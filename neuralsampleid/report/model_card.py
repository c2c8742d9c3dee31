"""The card of a model that ships: what it was trained on, what it finds, where it fails."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from neuralsampleid.config import DemoData, EncoderSettings
from neuralsampleid.library.probability import DEFAULT_PROBABILITY, Calibration
from neuralsampleid.report.tables import select

_LENGTHS = (5.0, 10.0, 20.0)  # s, of the segment queries shown
_MIDDLE = 10.0  # s, of those that are told apart
_CONDITIONS = ("level_db", "occurrence_s", "tempo_ratio", "pitch_semitones")


@dataclass(frozen=True)
class Released:
    """What the card tells beside the metrics."""

    name: str  # of the system in the metrics
    settings: EncoderSettings
    data: DemoData
    seed: int
    parameters: int
    size_bytes: int  # of the file
    similarity: float  # of embeddings in half precision to those before, the smallest
    embedding_size: int
    calibration: Calibration


def model_card(released: Released, metrics: pd.DataFrame, curves: pd.DataFrame) -> str:
    """Markdown for people who are about to use the model.

    Args:
        released: the model.
        metrics: columns ``formats.METRICS``, of the run that trained it; other systems in it are
            shown beside it.
        curves: its learning curves: columns ``epoch``, ``metric``, ``value``.
    """
    training, data = released.settings.training, released.data
    pairs = training.epochs * (training.pairs_per_epoch or data.training_songs)
    hop = released.settings.segment_hop * released.settings.front_end.hop_length
    rate = released.settings.front_end.sample_rate
    held_out = curves[curves["metric"] == "validation_hit_rate_1"]["value"].max()
    return f"""# The default model

What `nsid index` uses unless told otherwise. Written by `snakemake default_model`; every figure is
of the run that trained it (`config/default_model.yaml`, seed {released.seed}).

- **What it is**: {released.settings.architecture}, {released.parameters / 1e6:.1f} million
  parameters, {released.size_bytes / 2**20:.1f} MiB in half precision (embeddings keep a cosine
  similarity of {released.similarity:.4f} or more); {released.embedding_size} numbers every
  {hop / rate:.2f} s.
- **Trained on** music that this project's composer made: {data.training_songs} songs of
  {data.training_seconds:g} s, their true stems, {pairs:,} pairs in {training.epochs} epochs. No
  recording of a person is in it. On held-out songs it finds a pair's other view among
  {training.validation_pairs} at once in {100 * held_out:.0f} %.
- **Tested on** other songs of the same composer: {data.queries} tracks that sample,
  {data.references} that are sampled, {data.noise_songs} that are not,
  {data.min_seconds:g}–{data.max_seconds:g} s each.

{_table(metrics)}

Percent, with 95 % intervals over queries.

## How sure it is
{calibration_text(released.calibration, data)}

## Limits
- It has never heard a recording: composed music has one sound library, no singers and no tape. What
  it finds in real music is in [own-music.md](own-music.md); expect less than above.
- Tempo changes beyond 0.8–1.25 and pitch changes beyond ±{training.augmentation.pitch_semitones:g}
  semitones are outside of what it was trained on.
- Where it fails on composed music, by the sample's level in the mix, its length, and its change of
  tempo and pitch (`docs/metrics.md`), hit rates in percent for queries of {_MIDDLE:g} s:

{_conditions(metrics, released.name)}
"""


def calibration_text(calibration: Calibration, data: DemoData) -> str:
    """What the probabilities of ``nsid identify`` are worth, in words."""
    tracks = data.references + data.noise_songs
    least = 100 * DEFAULT_PROBABILITY
    return f"""How likely an answer of `nsid identify` is right can be told on such music: by a
function fitted to the {data.queries} queries above, each asked once with what it samples among
{tracks} tracks and once without. Measured on queries that the fit had not seen
({calibration.trials} trials, five parts), the probability of a trial's best track is wrong by
{100 * calibration.error:.1f} points on average (expected calibration error); of 100 trials,
{100 * calibration.promised:.1f} wrong answers were foretold among those given (from
{least:.0f} % on), and {100 * calibration.observed:.1f} came.
On real music such a function says too much ([own-music.md](own-music.md)): the one that ships
beside the model is fitted to real music."""


def _table(metrics: pd.DataFrame) -> str:
    columns: list[tuple[str, str, int | None, float | None]] = [("mAP", "map", None, None)]
    columns += [(f"Hit@{k} at {s:g} s", "hit_rate", k, s) for s in _LENGTHS for k in (1, 10)]
    lines = [
        "| system | " + " | ".join(title for title, *_ in columns) + " |",
        "|---|" + "---:|" * len(columns),
    ]
    for system in metrics["system"].unique():
        own = select(metrics, system=system, group="all")
        cells = [_cell(own, metric, k, seconds) for _, metric, k, seconds in columns]
        lines.append(f"| {system} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _conditions(metrics: pd.DataFrame, system: str) -> str:
    own = select(metrics, system=system, metric="hit_rate", query_seconds=_MIDDLE)
    lines = ["| condition | queries | Hit@1 | Hit@10 |", "|---|---:|---:|---:|"]
    for group in own["group"].unique():
        if group.startswith(_CONDITIONS):
            part = own[own["group"] == group]
            cells = [_cell(part, "hit_rate", k, _MIDDLE) for k in (1, 10)]
            lines.append(f"| {group} | {int(part['queries'].max())} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(own: pd.DataFrame, metric: str, k: int | None, seconds: float | None) -> str:
    found = own[own["metric"] == metric]
    if k is not None:
        found = found[(found["k"] == k) & (found["query_seconds"] == seconds)]
    if len(found) != 1:
        return "–"
    row = found.iloc[0]
    return f"{100 * row['value']:.1f} [{100 * row['low']:.1f}–{100 * row['high']:.1f}]"
