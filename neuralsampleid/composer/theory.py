"""Scales, chords and voice leading. Pitches are MIDI numbers, pitch classes are 0–11."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SCALES: Mapping[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "blues": (0, 3, 5, 6, 7, 10),
}
# Riffs keep to five or six notes of the mode: that is what makes them riffs and not scales.
RIFF_SCALES: Mapping[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 7, 9),
    "minor": (0, 3, 5, 7, 10),
    "dorian": (0, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 7, 10),
    "phrygian": (0, 1, 3, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
}
_NUMERALS = {"I": 0, "II": 2, "III": 4, "IV": 5, "V": 7, "VI": 9, "VII": 11}
_ACCIDENTALS = {"": 0, "b": -1, "#": 1}
_MAJOR_KINDS: Mapping[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "5": (0, 7),
    "6": (0, 4, 7, 9),
    "7": (0, 4, 7, 10),
    "9": (0, 4, 7, 10, 14),
    "13": (0, 4, 10, 14, 21),
    "maj7": (0, 4, 7, 11),
    "maj9": (0, 4, 7, 11, 14),
    "sus4": (0, 5, 7),
    "7sus4": (0, 5, 7, 10),
    "7b9": (0, 4, 7, 10, 13),
}
_MINOR_KINDS: Mapping[str, tuple[int, ...]] = {
    "": (0, 3, 7),
    "6": (0, 3, 7, 9),
    "7": (0, 3, 7, 10),
    "9": (0, 3, 7, 10, 14),
    "7b5": (0, 3, 6, 10),
    "dim": (0, 3, 6),
}
_SYMBOL = re.compile(r"([b#]?)([IV]+|[iv]+)(.*)")


@dataclass(frozen=True)
class Chord:
    """A chord without octave: root pitch class and intervals above it in semitones."""

    root: int
    intervals: tuple[int, ...]

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        return tuple((self.root + interval) % 12 for interval in self.intervals)

    def transposed(self, semitones: int) -> Chord:
        return Chord((self.root + semitones) % 12, self.intervals)

    def degree(self, number: int) -> int:
        """The interval of the chord's 3rd, 5th, 6th or 7th above its root, in semitones.

        A 6th or 7th that the chord lacks is taken where it does no harm: major 6th, octave.
        """
        by_number = {3: (3, 4, 5), 5: (7, 6), 6: (9,), 7: (10, 11)}[number]
        missing = {3: 7, 5: 7, 6: 9, 7: 12}[number]
        folded = [interval % 12 for interval in self.intervals]
        return next((interval for interval in by_number if interval in folded), missing)


def parse_chord(symbol: str, tonic: int) -> Chord:
    """Read a Roman numeral such as ``ii7``, ``bVII``, ``Imaj9`` (degrees of the major scale).

    Lower case is minor; the suffix names further notes (see the tables above).
    """
    match = _SYMBOL.fullmatch(symbol)
    if match is None:
        raise ValueError(f"chord '{symbol}', expected a Roman numeral such as ii7 or bVII")
    accidental, numeral, suffix = match.groups()
    kinds = _MINOR_KINDS if numeral.islower() else _MAJOR_KINDS
    root = tonic + _NUMERALS[numeral.upper()] + _ACCIDENTALS[accidental]
    return Chord(root % 12, kinds[suffix])


def parse_progression(text: str, tonic: int) -> list[tuple[Chord, Chord]]:
    """Read one bar per word; ``ii7,V7`` is a bar with two chords.

    Returns:
        For each bar the chords of its two halves.
    """
    bars = [[parse_chord(symbol, tonic) for symbol in word.split(",")] for word in text.split()]
    return [(chords[0], chords[-1]) for chords in bars]


def nearest_pitch(pitch_class: int, target: float) -> int:
    """The pitch of a pitch class that lies nearest to ``target`` (never more than 6 away)."""
    return round((target - pitch_class) / 12) * 12 + pitch_class


def voice_chord(
    chord: Chord, previous: Sequence[int], centre: float, notes: int = 4
) -> tuple[int, ...]:
    """Lay a chord out in close position so that its voices move little.

    Args:
        chord: what to voice; the root goes first where there are more than ``notes`` notes.
        previous: the voicing before, or empty.
        centre: where the middle of the voicing should lie.
        notes: how many different notes at most.

    Returns:
        Ascending pitches.
    """
    classes = sorted(set(chord.pitch_classes[-notes:]), key=lambda pc: (pc - chord.root) % 12)
    candidates = []
    for turn in range(len(classes)):
        order = classes[turn:] + classes[:turn]
        lowest = nearest_pitch(order[0], centre - 5)
        voicing = [lowest]
        for pitch_class in order[1:]:
            voicing.append(voicing[-1] + (pitch_class - voicing[-1]) % 12)
        candidates.append(tuple(voicing))
    return min(candidates, key=lambda voicing: _cost(voicing, previous, centre))


def scale_pitches(tonic: int, scale: Sequence[int], low: int, high: int) -> list[int]:
    """All pitches of a scale between ``low`` and ``high``, both included."""
    classes = {(tonic + step) % 12 for step in scale}
    return [pitch for pitch in range(low, high + 1) if pitch % 12 in classes]


def _cost(voicing: Sequence[int], previous: Sequence[int], centre: float) -> float:
    drift = abs(sum(voicing) / len(voicing) - centre)
    if not previous:
        return drift
    moves = sum(min(abs(pitch - other) for other in previous) for pitch in voicing)
    return moves + 0.5 * drift
