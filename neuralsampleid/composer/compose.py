"""A song as notes: every part of the band plays the same plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuralsampleid.composer.accompaniment import write_bass, write_chords, write_pad
from neuralsampleid.composer.drums import write_drums
from neuralsampleid.composer.form import Bar, Sketch, count_bars, draw_form, draw_sketch
from neuralsampleid.composer.melody import write_melody, write_riff
from neuralsampleid.composer.rhythm import Event, Feel, Notes, perform
from neuralsampleid.composer.styles import Style

STEMS = ("vocals", "drums", "bass", "other")


@dataclass(frozen=True)
class Part:
    """What one instrument plays; ``gain_db`` is its place in the stem, not in the mix."""

    name: str
    stem: str
    program: int
    notes: Notes
    gain_db: float
    pan: float  # -1 left … 1 right


@dataclass(frozen=True)
class Song:
    """A song before it sounds."""

    sketch: Sketch
    bars: tuple[Bar, ...]
    parts: tuple[Part, ...]


def compose(
    rng: np.random.Generator,
    seconds: float,
    sketch: Sketch | None = None,
    bars: Sequence[Bar] | None = None,
) -> Song:
    """Compose a song.

    Args:
        rng: source of chance; the same state gives the same song.
        seconds: how long the recording will be.
        sketch: style, key and tempo, if they are given.
        bars: the plan, if it is given.
    """
    sketch = sketch or draw_sketch(rng)
    bars = tuple(bars or draw_form(rng, sketch, count_bars(seconds, sketch.tempo)))
    style = sketch.style
    first, second = style.comping
    both = rng.random() < 0.5
    events = {
        "drums": write_drums(rng, style, bars),
        "bass": write_bass(rng, style, bars),
        "comp": write_chords(rng, bars, "comp", first.patterns),
        "comp2": write_chords(rng, bars, "comp", second.patterns),
        "pad": write_pad(rng, bars),
        "riff": write_riff(rng, sketch, bars),
        "lead": write_melody(rng, sketch, bars),
    }
    if not both:
        events["comp2" if rng.random() < 0.6 else "comp"] = []
    return Song(sketch, bars, _orchestrate(rng, sketch, style, events))


def _orchestrate(
    rng: np.random.Generator, sketch: Sketch, style: Style, events: dict[str, list[Event]]
) -> tuple[Part, ...]:
    """Give each written part a player and an instrument."""
    first, second = style.comping
    players = {
        "drums": ("drums", style.kits, 0.0),
        "bass": ("bass", style.bass_programs, 0.0),
        "comp": ("other", first.programs, -2.0),
        "comp2": ("other", second.programs, -4.0),
        "pad": ("other", style.pads, -6.0),
        "riff": ("other", style.riffs, 0.0),
        "lead": ("vocals", style.leads, 0.0),
    }
    swing = float(rng.uniform(*style.swing))
    parts = []
    for name, (stem, programs, gain_db) in players.items():
        feel = Feel(swing, style.swing_steps, rng.uniform(0.002, 0.012), rng.uniform(0.001, 0.006))
        parts.append(
            Part(
                name,
                stem,
                int(programs[rng.integers(len(programs))]),
                perform(rng, events[name], sketch, feel),
                gain_db + float(rng.normal(0.0, 1.5)),
                float(rng.uniform(-0.7, 0.7)) if stem == "other" else 0.0,
            )
        )
    return tuple(parts)
