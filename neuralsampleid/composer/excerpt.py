"""Digging: what in a recording is worth sampling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuralsampleid.composer.compose import STEMS
from neuralsampleid.composer.recording import Recording

MIN_EXCERPT_S, MAX_EXCERPT_S = 2.0, 8.0
_FULL_MIX = 0.35  # of the riffs
_RIFF_STEMS = (
    ("bass", "other"),
    ("other",),
    ("drums", "bass", "other"),
    ("vocals", "bass", "other"),
)


@dataclass(frozen=True)
class Source:
    """Something to sample: which recording, and whether its beat or a riff is wanted."""

    sample_id: str
    reference_id: str
    sample_type: str  # beat or riff
    recording: Recording


@dataclass(frozen=True)
class Excerpt:
    """What is cut out of a recording; times in half bars."""

    stems: tuple[str, ...]
    start: int
    length: int


def choose_excerpt(rng: np.random.Generator, source: Source) -> Excerpt:
    """Choose stems and bars that are worth sampling: nothing in them is silent for long."""
    options = _draw_stems(rng, source.sample_type)
    half = source.recording.song.sketch.half_bar_s
    lengths = [n for n in range(2, 17) if MIN_EXCERPT_S <= n * half <= MAX_EXCERPT_S]
    weights = np.array([{2: 2.0, 4: 3.0, 8: 2.0, 16: 1.0}.get(n, 0.25) for n in lengths])
    length = int(rng.choice(lengths, p=weights / weights.sum()))
    for stems in options:
        starts = _sounding_starts(source, stems, length)
        if starts:
            # On a bar if possible; in drum breaks first, as diggers do.
            favourites = _favourites(source, starts)
            return Excerpt(stems, int(rng.choice(favourites)), length)
    last = max(1, source.recording.half_bars - length)
    return Excerpt(options[0], int(rng.integers(last)), length)


def _draw_stems(rng: np.random.Generator, sample_type: str) -> list[tuple[str, ...]]:
    """Which stems to sample, the drawn choice first; the others are for want of anything better."""
    if sample_type == "beat":
        return [("drums",)]
    parts = [_RIFF_STEMS[index] for index in rng.permutation(len(_RIFF_STEMS))]
    return [STEMS, *parts] if rng.random() < _FULL_MIX else [*parts, STEMS]


def _sounding_starts(source: Source, stems: Sequence[str], length: int) -> list[int]:
    """Half bars from which on all chosen stems sound through an excerpt's length."""
    recording = source.recording
    halves = recording.half_bars
    edges = np.round(
        np.arange(halves + 1) * recording.song.sketch.half_bar_s * recording.sample_rate
    )
    sounding = np.ones(halves, bool)
    for stem in stems:
        power = np.add.reduceat(np.square(recording.stems[stem]), edges[:-1].astype(int))
        # Singers pause; the others must not.
        sounding &= power > (1e-6 if stem == "vocals" else 0.02) * max(float(power.max()), 1e-9)
    return [n for n in range(halves - length + 1) if sounding[n : n + length].all()]


def _favourites(source: Source, starts: list[int]) -> list[int]:
    bars = source.recording.song.bars
    on_bars = [start for start in starts if start % 2 == 0] or starts
    breaks = [start for start in on_bars if bars[start // 2].section == "break"]
    return breaks if breaks and source.sample_type == "beat" else on_bars
