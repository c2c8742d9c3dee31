"""A query from its recipe: samples of real recordings over a host, a drum loop, or both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from neuralsampleid.audio.sound import Waveform
from neuralsampleid.composer.drum_loop import parse_drum_loop, render_drum_loop
from neuralsampleid.composer.effects import apply_effects, parse_effects
from neuralsampleid.composer.mixing import db, normalised
from neuralsampleid.composer.parts import part_of
from neuralsampleid.composer.produce import faded
from neuralsampleid.composer.recipes import QueryRecipe, SampleRecipe
from neuralsampleid.composer.treatment import cut_and_treat

RATE = 22050  # Hz, of tracks and queries
_PEAK = 0.89
_CONTEXT_S = 1.5  # around an excerpt that the medians of its part may see


@dataclass(frozen=True)
class RenderedQuery:
    """A query as sound, float32 at ``RATE``; the rest and the layers of the samples sum to it."""

    recipe: QueryRecipe
    rest: Waveform
    layers: tuple[Waveform, ...]  # one for each sample
    gains: tuple[tuple[float, ...], ...]  # of each sample's occurrences, before the last scaling

    @property
    def audio(self) -> Waveform:
        return np.asarray(np.sum([self.rest, *self.layers], axis=0), dtype=np.float32)


def render_query(
    recipe: QueryRecipe, read_track: Callable[[str], Waveform], soundfont: Path
) -> RenderedQuery:
    """Make a query.

    Every occurrence is brought to the sample's level over what else sounds there; a sample keeps
    silent where no pass of it is laid, its reverberation included.

    Args:
        recipe: what to make.
        read_track: a whole track by its id, mono at ``RATE``.
        soundfont: the mended General MIDI soundfont, for drum loops.
    """
    rest = _rest(recipe, read_track, soundfont)
    laid = [
        _lay(sample, treated_slices(sample, read_track(sample.reference_id)), rest)
        for sample in recipe.samples
    ]
    layers, gains = zip(*laid, strict=True)
    peak = float(np.abs(np.sum([rest, *layers], axis=0)).max())
    scale = np.float32(_PEAK / max(peak, 1e-9))
    return RenderedQuery(recipe, rest * scale, tuple(layer * scale for layer in layers), gains)


def occurrence_rows(recipe: QueryRecipe) -> list[dict[str, object]]:
    """The rows of ``occurrences.csv`` for a query, in order of time; the type is the part."""
    rows = [
        {
            "sample_id": sample.sample_id,
            "query_id": recipe.query_id,
            "reference_id": sample.reference_id,
            **{name: round(seconds, 6) for name, seconds in vars(place).items()},
            "kind": "occurrence",
            "sample_type": sample.part,
            "interpolation": "no",
            "tempo_ratio": sample.treatment.tempo_ratio,
            "pitch_semitones": sample.treatment.semitones,
        }
        for sample in recipe.samples
        for place in sample.places()
    ]
    return sorted(rows, key=lambda row: float(str(row["query_start_s"])))


def sample_rows(recipe: QueryRecipe) -> list[dict[str, object]]:
    """How each sample of a query was made, for ``samples.csv`` and analyses."""
    return [
        {
            "query_id": recipe.query_id,
            "sample_id": sample.sample_id,
            "level_db": sample.level_db,
            "grade": recipe.grade,
            "part": sample.part,
            "slices": len(sample.cuts),
            "process": sample.treatment.process,
            "effects": sample.effects,
        }
        for sample in recipe.samples
    ]


def treated_slices(sample: SampleRecipe, reference: Waveform) -> list[Waveform]:
    """The slices of one pass after all changes, before they get their level."""
    first = max(0, round((min(sample.cuts)[0] - _CONTEXT_S) * RATE))
    last = round((max(end for _, end in sample.cuts) + _CONTEXT_S) * RATE)
    excerpt = part_of(reference[first:last], RATE, sample.part)
    offset = first / RATE
    slices = [
        cut_and_treat(excerpt, RATE, start - offset, end - offset, sample.treatment)
        for start, end in sample.cuts
    ]
    edges = np.cumsum([0, *map(len, slices)])
    steps = parse_effects(sample.effects, sample.sample_id)
    one_pass = apply_effects(np.concatenate(slices), RATE, steps)
    return [faded(one_pass[begin:end], RATE) for begin, end in pairwise(edges)]


def _rest(recipe: QueryRecipe, read_track: Callable[[str], Waveform], soundfont: Path) -> Waveform:
    """Host and drum loop, float32 (round(seconds · RATE),)."""
    rest = np.zeros(round(recipe.seconds * RATE), np.float32)
    if recipe.host:
        begin = round(recipe.host_start_s * RATE)
        section = read_track(recipe.host)[begin : begin + len(rest)]
        rest[: len(section)] = normalised(section, RATE)
    if recipe.drums:
        loop = parse_drum_loop(recipe.drums, recipe.query_id)
        drums = render_drum_loop(loop, soundfont, recipe.seconds, RATE)
        power = _power(drums)
        wanted = _power(rest) * db(recipe.drums_level_db) ** 2 if recipe.host else 0.01
        rest = rest + drums * np.float32(np.sqrt(wanted / max(power, 1e-12)))
    return rest


def _lay(
    sample: SampleRecipe, slices: Sequence[Waveform], rest: Waveform
) -> tuple[Waveform, tuple[float, ...]]:
    """All passes of a sample, each occurrence at its level over the rest, and their gains."""
    layer = np.zeros_like(rest)
    gains = []
    for number, place in enumerate(sample.places()):
        begin = round(place.query_start_s * RATE)
        heard = slices[number % len(slices)][: len(rest) - begin]
        span = slice(begin, begin + len(heard))
        gains.append(np.sqrt(_power(rest[span]) / max(_power(heard), 1e-12)) * db(sample.level_db))
        layer[span] += heard * np.float32(gains[-1])
    return layer, tuple(map(float, gains))


def _power(audio: Waveform) -> float:
    return float(np.square(audio, dtype=np.float64).mean())
