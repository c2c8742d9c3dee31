"""The plan of a song: its key and tempo, and what happens in each bar."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from neuralsampleid.composer.styles import STYLES, Style, styles_at
from neuralsampleid.composer.theory import Chord, parse_progression

MIN_TEMPO, MAX_TEMPO = 70.0, 150.0  # beats per minute
BEATS = 4  # in a bar

# Which layers may sound in a section; one alternative is drawn for each section of a song.
_LAYERS: Mapping[str, tuple[str, ...]] = {
    "intro": ("comp hats", "riff drums", "drums", "comp riff", "bass drums", "pad riff"),
    "verse": ("drums bass comp lead", "drums bass comp riff lead", "drums bass riff lead"),
    "chorus": ("drums bass comp pad lead", "drums bass comp riff pad lead"),
    "break": ("drums", "drums", "drums riff", "drums bass"),
    "riff": ("drums bass riff", "drums bass riff comp"),
    "bridge": ("bass pad lead", "drums bass pad riff", "bass comp pad hats"),
    "outro": ("drums bass comp riff", "comp pad", "drums bass riff"),
}
_FORMS: tuple[tuple[str, ...], ...] = (
    ("intro", "verse", "chorus", "break", "verse", "chorus", "bridge", "chorus", "outro"),
    ("intro", "riff", "verse", "riff", "break", "verse", "chorus", "bridge", "riff", "outro"),
    ("chorus", "verse", "break", "chorus", "bridge", "verse", "chorus", "outro"),
    ("break", "riff", "verse", "chorus", "riff", "bridge", "break", "chorus", "outro"),
    ("verse", "verse", "chorus", "break", "riff", "bridge", "chorus", "outro"),
)
_ENERGY: Mapping[str, float] = {
    "intro": 0.75,
    "verse": 0.85,
    "chorus": 1.0,
    "break": 1.0,
    "riff": 0.95,
    "bridge": 0.75,
    "outro": 0.85,
}


@dataclass(frozen=True)
class Sketch:
    """What is decided before a note is written."""

    style: Style
    tonic: int  # pitch class
    mode: str
    tempo: float  # beats per minute
    tuning: float  # semitones above A4 = 440 Hz

    @property
    def beat_s(self) -> float:
        return 60.0 / self.tempo

    @property
    def half_bar_s(self) -> float:
        """Half a bar is the unit in which chords change and samples are cut."""
        return 0.5 * BEATS * self.beat_s


@dataclass(frozen=True)
class Bar:
    """One bar of four beats."""

    section: str
    chords: tuple[Chord, Chord]  # of its halves
    layers: frozenset[str]  # of drums, hats, bass, comp, pad, riff, lead
    energy: float  # 1: as loud as it gets
    starts: bool = False  # first bar of a section
    ends: bool = False  # last bar of a section


def draw_sketch(
    rng: np.random.Generator,
    tempo: float | None = None,
    key: tuple[int, str] | None = None,
    tuning: float | None = None,
) -> Sketch:
    """Draw style, key, tempo and tuning; what is given is kept.

    Args:
        rng: source of chance.
        tempo: beats per minute within ``MIN_TEMPO``–``MAX_TEMPO``.
        key: tonic pitch class and mode; the style is then one that knows the mode, if any does.
        tuning: semitones.
    """
    styles = list(STYLES) if tempo is None else styles_at(tempo)
    if key is not None:
        styles = [style for style in styles if key[1] in style.progressions] or styles
    style = styles[rng.integers(len(styles))]
    modes = sorted(style.progressions)
    drawn_key = (int(rng.integers(12)), modes[rng.integers(len(modes))])
    drawn_tempo = float(np.round(rng.uniform(*style.tempo), 2))
    drawn_tuning = float(rng.normal(0.0, 0.12))
    tonic, mode = key or drawn_key
    return Sketch(
        style,
        tonic,
        mode,
        drawn_tempo if tempo is None else tempo,
        drawn_tuning if tuning is None else tuning,
    )


def count_bars(seconds: float, tempo: float) -> int:
    """Bars that fill a recording; the last one may be cut off by its end."""
    return math.ceil(seconds * tempo / (60.0 * BEATS))


def draw_form(rng: np.random.Generator, sketch: Sketch, bars: int) -> list[Bar]:
    """Lay out sections, chords and layers over a number of bars."""
    form = _FORMS[rng.integers(len(_FORMS))]
    unit = 2 if bars < 20 else 4
    layers = {
        kind: frozenset(options[rng.integers(len(options))].split())
        for kind, options in _LAYERS.items()
    }
    chords = _section_chords(rng, sketch)
    plan: list[Bar] = []
    position = 0
    while len(plan) < bars:
        kind = form[position % len(form)]
        long = kind in {"verse", "chorus"} and bars > 24 and rng.random() < 0.5
        length = unit * 2 if long else unit
        plan += _section(kind, length, chords[kind], layers[kind])
        position += 1
    plan = plan[:bars]
    plan[-1] = replace(plan[-1], ends=True)
    return plan


def _section(
    kind: str, length: int, chords: list[tuple[Chord, Chord]], layers: frozenset[str]
) -> list[Bar]:
    return [
        Bar(
            kind,
            chords[index % len(chords)],
            layers,
            _ENERGY[kind],
            starts=index == 0,
            ends=index == length - 1,
        )
        for index in range(length)
    ]


def _section_chords(
    rng: np.random.Generator, sketch: Sketch
) -> dict[str, list[tuple[Chord, Chord]]]:
    """Verse, chorus and bridge have their own progressions as far as the style has enough."""
    known = sketch.style.progressions
    texts = known.get(sketch.mode) or known[sorted(known)[0]]
    order = rng.permutation(len(texts))
    verse, chorus, bridge = (
        parse_progression(texts[order[index % len(texts)]], sketch.tonic) for index in range(3)
    )
    return {
        "intro": verse,
        "verse": verse,
        "riff": verse,
        "break": chorus,
        "chorus": chorus,
        "bridge": bridge,
        "outro": chorus,
    }
