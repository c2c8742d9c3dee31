"""Riffs and tunes: built from motifs that come back and change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from neuralsampleid.composer.form import BEATS, Bar, Sketch
from neuralsampleid.composer.rhythm import STEP, STEPS, Event
from neuralsampleid.composer.theory import (
    RIFF_SCALES,
    SCALES,
    Chord,
    nearest_pitch,
    scale_pitches,
)


@dataclass(frozen=True)
class Motif:
    """A figure without pitch: onsets and lengths in steps, and heights in scale degrees."""

    onsets: tuple[int, ...]
    lengths: tuple[int, ...]
    degrees: tuple[int, ...]


def draw_motif(
    rng: np.random.Generator, steps: int, notes: int, syncopation: float, leap: float
) -> Motif:
    """Draw a figure.

    Args:
        rng: source of chance.
        steps: length in sixteenths.
        notes: about how many notes a bar.
        syncopation: 0 keeps to the beats, 1 treats all sixteenths alike.
        leap: chance that a step of the line is larger than a second.
    """
    strong = np.tile([1.0, 0.12, 0.5, 0.12], steps // 4)
    weights = strong + syncopation * (1.0 - strong)
    count = int(np.clip(round(notes * steps / STEPS + rng.normal(0, 0.8)), 2, steps // 2))
    onsets = np.sort(rng.choice(steps, size=count, replace=False, p=weights / weights.sum()))
    ends = np.append(onsets[1:], steps)
    longest = rng.integers(1, 7, size=count)
    lengths = np.minimum(ends - onsets, np.maximum(longest, 1))
    sizes = np.where(rng.random(count) < leap, rng.integers(2, 5, count), rng.integers(0, 2, count))
    moves = sizes * rng.choice([-1, 1], size=count)
    # The line is drawn back to its centre, or it would wander out of the singer's range.
    degrees = [int(rng.integers(-1, 4))]
    for move in moves[1:]:
        degrees.append(
            int(np.clip(degrees[-1] + (-move if abs(degrees[-1] + move) > 5 else move), -6, 7))
        )
    return Motif(tuple(map(int, onsets)), tuple(map(int, lengths)), tuple(degrees))


def varied(rng: np.random.Generator, motif: Motif) -> Motif:
    """The same figure with another ending, or moved by a step or two."""
    degrees = list(motif.degrees)
    if rng.random() < 0.5:
        shift = int(rng.choice([-2, -1, 1, 2]))
        degrees = [degree + shift for degree in degrees]
    tail = max(1, len(degrees) // 3)
    for index in range(len(degrees) - tail, len(degrees)):
        degrees[index] += int(rng.integers(-2, 3))
    return replace(motif, degrees=tuple(int(np.clip(degree, -7, 8)) for degree in degrees))


def write_riff(rng: np.random.Generator, sketch: Sketch, bars: Sequence[Bar]) -> list[Event]:
    """Write a riff of one or two bars that repeats, either moving with the roots or standing."""
    length = STEPS * int(rng.choice([1, 2, 2]))
    motif = draw_motif(rng, length, int(rng.integers(4, 8)), rng.uniform(0.2, 0.7), 0.35)
    answer = varied(rng, motif)
    moves = rng.random() < 0.5
    centre = float(rng.uniform(55, 72))
    octave = rng.random() < 0.2
    events: list[Event] = []
    count = 0
    for index, bar in enumerate(bars):
        if "riff" not in bar.layers:
            continue
        count = 0 if bar.starts else count + 1
        figure = answer if count % 4 == 3 else motif
        part = count * STEPS % length
        for onset, held, degree in zip(figure.onsets, figure.lengths, figure.degrees, strict=True):
            if not part <= onset < part + STEPS:
                continue
            chord = bar.chords[(onset - part) // 8]
            pitch = _riff_pitch(sketch, chord, degree, centre, moves)
            loudness = (0.85 if onset % 4 == 0 else 0.7) * bar.energy
            beat = index * BEATS + (onset - part) * STEP
            events.append(Event(beat, held * STEP * 0.92, pitch, loudness))
            if octave:
                events.append(Event(beat, held * STEP * 0.92, pitch - 12, loudness * 0.8))
    return events


def _riff_pitch(sketch: Sketch, chord: Chord, degree: int, centre: float, moves: bool) -> int:
    """A riff note: a degree above the chord's root, or above the tonic but never off the chord.

    A note a semitone from a chord note would rub as the bars change; it gives way.
    """
    scale = RIFF_SCALES[sketch.mode]
    base = nearest_pitch(chord.root if moves else sketch.tonic, centre)
    pitch = base + scale[degree % len(scale)] + 12 * (degree // len(scale))
    return _given_way(pitch, chord)


def _given_way(pitch: int, chord: Chord) -> int:
    classes = set(chord.pitch_classes)
    if pitch % 12 in classes:
        return pitch
    if (pitch + 1) % 12 in classes and (pitch - 1) % 12 not in classes:
        return pitch + 1
    if (pitch - 1) % 12 in classes:
        return pitch - 1
    return pitch


def write_melody(rng: np.random.Generator, sketch: Sketch, bars: Sequence[Bar]) -> list[Event]:
    """Write the tune: phrases of four bars, figure, variation, figure, ending."""
    low = int(rng.integers(54, 64))
    ladder = scale_pitches(sketch.tonic, SCALES[sketch.mode], low, low + 19)
    themes = {name: _draw_theme(rng) for name in ("verse", "chorus", "bridge")}
    events: list[Event] = []
    count = 0
    for index, bar in enumerate(bars):
        if "lead" not in bar.layers:
            continue
        count = 0 if bar.starts else count + 1
        name = bar.section if bar.section in themes else "verse"
        motif = themes[name][count % 4]
        middle = len(ladder) // 2 - 2 + (2 if name == "chorus" else 0)
        for onset, held, degree in zip(motif.onsets, motif.lengths, motif.degrees, strict=True):
            if count % 4 == 3 and onset >= 10:
                continue  # singers breathe
            pitch = ladder[int(np.clip(middle + degree, 0, len(ladder) - 1))]
            if onset % 4 == 0 or held >= 4:
                pitch = _on_chord(pitch, bar.chords[onset // 8])
            loudness = float(np.clip(0.7 + 0.02 * degree, 0.5, 0.9)) * bar.energy
            events.append(Event(index * BEATS + onset * STEP, held * STEP, pitch, loudness))
    return events


def _draw_theme(rng: np.random.Generator) -> tuple[Motif, Motif, Motif, Motif]:
    motif = draw_motif(rng, STEPS, int(rng.integers(3, 8)), rng.uniform(0.1, 0.5), 0.25)
    other = draw_motif(rng, STEPS, int(rng.integers(3, 7)), rng.uniform(0.1, 0.5), 0.25)
    second = other if rng.random() < 0.4 else varied(rng, motif)
    return motif, second, motif, varied(rng, second)


def _on_chord(pitch: int, chord: Chord) -> int:
    """The chord note nearest to a pitch."""
    return min(
        (nearest_pitch(pc, pitch) for pc in chord.pitch_classes), key=lambda p: abs(p - pitch)
    )
