"""Bass and chords: the parts that spell out the harmony."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from neuralsampleid.composer.form import BEATS, Bar
from neuralsampleid.composer.rhythm import (
    LOUDNESS,
    STEP,
    Event,
    bar_of,
    choose,
    held_steps,
)
from neuralsampleid.composer.styles import Style
from neuralsampleid.composer.theory import Chord, nearest_pitch, voice_chord

BASS_RANGE = (28, 50)  # E1–D3
_BASS_CENTRE = 35.0


def write_bass(rng: np.random.Generator, style: Style, bars: Sequence[Bar]) -> list[Event]:
    """Write a bass line that follows the roots, with one pattern for verses, one for choruses."""
    order = rng.permutation(len(style.bass))
    verse = style.bass[order[0]] + style.bass[order[int(rng.random() < 0.4)]]
    chorus = style.bass[order[int(rng.random() < 0.7)]]
    centre = _BASS_CENTRE + rng.uniform(-2.0, 2.0)
    events: list[Event] = []
    for index, bar in enumerate(bars):
        if "bass" not in bar.layers:
            continue
        pattern = bar_of(chorus if bar.section in {"chorus", "riff"} else verse, index)
        following = bars[index + 1].chords[0] if index + 1 < len(bars) else bar.chords[0]
        events += [
            replace(event, beat=event.beat + index * BEATS, loudness=event.loudness * bar.energy)
            for event in _bass_bar(rng, pattern, (*bar.chords, following), centre)
        ]
    return events


def _bass_bar(
    rng: np.random.Generator,
    pattern: str,
    chords: tuple[Chord, Chord, Chord],
    centre: float,
) -> list[Event]:
    """One bar, counted from its beginning; ``chords``: of its halves, and the next bar's first."""
    events = []
    previous = centre
    for step, symbol in enumerate(pattern):
        if symbol in "-.":
            continue
        chord, after = chords[step // 8], chords[step // 8 + 1]
        root = nearest_pitch(chord.root, centre)
        if symbol == "a":
            pitch = nearest_pitch(after.root, centre) + int(rng.choice([-1, -1, 1, 2]))
        elif symbol == "w":
            first = nearest_pitch(chord.root, centre)
            pitch = _walking_pitch(rng, chord, after, previous) if step % 8 // 4 else first
        else:
            pitch = root + _bass_interval(chord, symbol)
        previous = pitch
        events.append(
            Event(
                step * STEP,
                held_steps(pattern, step) * STEP * 0.95,
                int(np.clip(pitch, *BASS_RANGE)),
                LOUDNESS.get(symbol, 0.72),
            )
        )
    return events


def _bass_interval(chord: Chord, symbol: str) -> int:
    if symbol in "Rr":
        return 0
    return 12 if symbol == "8" else chord.degree(int(symbol))


def _walking_pitch(rng: np.random.Generator, chord: Chord, after: Chord, previous: float) -> int:
    """On the way from a root to the next chord: a step beside its root, or a chord note."""
    if after != chord:
        return nearest_pitch(after.root, previous) + int(rng.choice([-1, 1, 2, -2]))
    tones = [nearest_pitch(pc, previous) for pc in chord.pitch_classes[1:4]]
    return int(tones[rng.integers(len(tones))])


def write_chords(
    rng: np.random.Generator, bars: Sequence[Bar], layer: str, patterns: Sequence[str]
) -> list[Event]:
    """Write a chord part: voicings led smoothly, in rhythms drawn for verse and chorus."""
    verse, chorus = choose(rng, patterns), choose(rng, patterns)
    centre = float(rng.uniform(58, 66))
    notes = int(rng.integers(3, 5))
    events: list[Event] = []
    voicing: tuple[int, ...] = ()
    for index, bar in enumerate(bars):
        if layer not in bar.layers:
            continue
        pattern = bar_of(chorus if bar.section in {"chorus", "bridge"} else verse, index)
        voicings = []
        for chord in bar.chords:
            voicing = voice_chord(chord, voicing, centre, notes)
            voicings.append(voicing)
        events += _chord_bar(pattern, voicings, index, bar.energy)
    return events


def _chord_bar(
    pattern: str, voicings: Sequence[tuple[int, ...]], index: int, energy: float
) -> list[Event]:
    events = []
    for step, symbol in enumerate(pattern):
        if symbol in "-.":
            continue
        voicing = voicings[step // 8]
        length = held_steps(pattern, step)
        if voicings[0] != voicings[1] and step < 8:
            length = min(length, 8 - step)  # a held chord must not hang into the next one
        if symbol.isdigit():
            number = int(symbol) - 1
            pitches = [voicing[number % len(voicing)] + 12 * (number // len(voicing))]
        else:
            pitches = list(voicing)
        events += [
            Event(
                index * BEATS + step * STEP,
                length * STEP * 0.95,
                pitch,
                LOUDNESS.get(symbol, 0.7) * energy,
            )
            for pitch in pitches
        ]
    return events


def write_pad(rng: np.random.Generator, bars: Sequence[Bar]) -> list[Event]:
    """Write long chords, one for as long as the harmony stays."""
    centre = float(rng.uniform(60, 70))
    halves = [
        (index * 2 + half, bar, bar.chords[half])
        for index, bar in enumerate(bars)
        for half in (0, 1)
        if "pad" in bar.layers
    ]
    events: list[Event] = []
    voicing: tuple[int, ...] = ()
    begin = 0
    while begin < len(halves):
        position, bar, chord = halves[begin]
        end = begin + 1
        while (
            end < len(halves) and halves[end][2] == chord and halves[end][1].section == bar.section
        ):
            end += 1
        voicing = voice_chord(chord, voicing, centre, 3)
        length = (end - begin) * BEATS / 2
        events += [Event(position * BEATS / 2, length, p, 0.6 * bar.energy) for p in voicing]
        begin = end
    return events
