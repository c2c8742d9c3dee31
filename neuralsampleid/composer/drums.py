"""Drummers: grooves with variations, fills, cymbals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from neuralsampleid.composer.form import BEATS, Bar
from neuralsampleid.composer.rhythm import LOUDNESS, STEP, STEPS, Event, bar_of
from neuralsampleid.composer.styles import Groove, Style

# General MIDI percussion keys; a song chooses one of them for each voice.
DRUM_KEYS: Mapping[str, tuple[int, ...]] = {
    "kick": (35, 36),
    "snare": (38, 40),
    "rim": (37,),
    "clap": (39,),
    "hat": (42, 44),
    "open": (46,),
    "ride": (51, 59),
    "crash": (49, 57),
    "tom_low": (41, 45),
    "tom_mid": (47,),
    "tom_high": (48, 50),
    "conga_low": (64,),
    "conga_high": (63, 62),
    "shaker": (70, 82),
    "tambourine": (54,),
    "cowbell": (56,),
    "triangle": (81,),
    "agogo": (67, 68),
}
DRUM_GAINS_DB: Mapping[str, float] = {
    "kick": 2.0,
    "hat": -9.0,
    "open": -6.0,
    "ride": -7.0,
    "crash": -5.0,
    "tom_low": -6.0,
    "tom_mid": -6.0,
    "tom_high": -5.0,
    "shaker": -10.0,
    "tambourine": -10.0,
    "cowbell": -12.0,
    "triangle": -14.0,
    "agogo": -11.0,
    "conga_low": -8.0,
    "conga_high": -8.0,
}
_METAL = ("hat", "open", "ride", "shaker", "triangle", "tambourine")
_FILL_VOICES = ("snare", "tom_high", "tom_mid", "tom_low")
_LENGTH = {"crash": 8.0, "ride": 4.0, "open": 2.0}  # beats; others ring out in one


def write_drums(rng: np.random.Generator, style: Style, bars: Sequence[Bar]) -> list[Event]:
    """Write the drum part of a song.

    The song gets its own kit and its own version of two grooves of the style (one for the
    choruses); a section ends with a fill and begins with a crash.
    """
    kit = _draw_kit(rng)
    order = rng.permutation(len(style.grooves))
    verse = _own_groove(rng, style.grooves[order[0]])
    chorus = _own_groove(rng, style.grooves[order[1]]) if rng.random() < 0.5 else _brighter(verse)
    fills = [_draw_fill(rng) for _ in range(2)]
    crashes = rng.random() < 0.75
    events: list[Event] = []
    for index, bar in enumerate(bars):
        if not bar.layers & {"drums", "hats"}:
            continue
        groove = chorus if bar.section in {"chorus", "riff"} else verse
        if "drums" not in bar.layers:
            groove = {voice: groove[voice] for voice in groove if voice in _METAL}
        strokes = _strokes(rng, groove, index)
        if bar.ends and "drums" in bar.layers:
            strokes = _with_fill(strokes, fills[int(rng.random() < 0.3)])
        if bar.starts and crashes and bar.section in {"chorus", "riff"}:
            strokes.append((0, "crash", 0.9))
        events += [
            Event(
                index * BEATS + step * STEP,
                _LENGTH.get(voice, 1.0),
                kit[voice][0],
                loudness * bar.energy * kit[voice][1],
            )
            for step, voice, loudness in strokes
        ]
    return events


def _draw_kit(rng: np.random.Generator) -> dict[str, tuple[int, float]]:
    """For each voice its key and its gain in this song's drum mix."""
    return {
        voice: (
            int(keys[rng.integers(len(keys))]),
            float(10 ** ((DRUM_GAINS_DB.get(voice, 0.0) + rng.normal(-2.0, 2.0)) / 20)),
        )
        for voice, keys in DRUM_KEYS.items()
    }


def _own_groove(rng: np.random.Generator, groove: Groove) -> dict[str, str]:
    """Two bars of a groove with this song's own kicks, ghost strokes and cymbal."""
    own = {voice: pattern * (2 * STEPS // len(pattern)) for voice, pattern in groove.items()}
    if "kick" in own:
        own["kick"] = _sprinkled(rng, own["kick"], "x", strokes=2, dropped=0.12)
    backbeat = next((voice for voice in ("snare", "rim", "clap") if voice in own), None)
    if backbeat is not None:
        own[backbeat] = _sprinkled(rng, own[backbeat], "o", strokes=3, dropped=0.0)
    if "hat" in own:
        own["hat"] = _sprinkled(rng, own["hat"], "o", strokes=2, dropped=0.08)
        if rng.random() < 0.2:
            own["ride"] = own.pop("hat")
    if rng.random() < 0.3:
        extra = ("shaker", "tambourine", "conga_high", "cowbell")[rng.integers(4)]
        own.setdefault(extra, _draw_ostinato(rng))
    return own


def _sprinkled(
    rng: np.random.Generator, pattern: str, stroke: str, strokes: int, dropped: float
) -> str:
    """Add up to ``strokes`` strokes at rests off the beat; drop some that are not accents."""
    steps = ["." if symbol in "xo" and rng.random() < dropped else symbol for symbol in pattern]
    for step in rng.integers(len(steps), size=int(rng.integers(strokes + 1))):
        if steps[step] == "." and step % 4:
            steps[step] = stroke
    return "".join(steps)


def _draw_ostinato(rng: np.random.Generator) -> str:
    weights = np.tile([0.8, 0.2, 0.6, 0.3], STEPS // 4)
    return "".join("x" if hit else "." for hit in rng.random(STEPS) < weights)


def _brighter(groove: Mapping[str, str]) -> dict[str, str]:
    """The same groove with its hi-hat half open."""
    bright = dict(groove)
    if "hat" in bright:
        hat = bright["hat"]
        bright["open"] = "".join("x" if step % 4 == 2 else "." for step in range(len(hat)))
        bright["hat"] = "".join("." if step % 4 == 2 else hat[step] for step in range(len(hat)))
    return bright


def _strokes(
    rng: np.random.Generator, groove: Mapping[str, str], bar: int
) -> list[tuple[int, str, float]]:
    """The strokes of one bar as (step, voice, loudness); now and then a ghost stroke more."""
    strokes = [
        (step, voice, LOUDNESS[symbol])
        for voice, pattern in groove.items()
        for step, symbol in enumerate(bar_of(pattern, bar))
        if symbol != "."
    ]
    if "snare" in groove and rng.random() < 0.25:
        strokes.append((int(rng.choice([3, 7, 9, 11, 15])), "snare", 0.3))
    return strokes


def _draw_fill(rng: np.random.Generator) -> list[tuple[int, str, float]]:
    """A run over snare and toms in the last beat or two."""
    start = int(rng.choice([8, 10, 12, 12, 14]))
    density = rng.uniform(0.6, 1.0)
    steps = [step for step in range(start, STEPS) if rng.random() < density or step == start]
    return [
        (
            step,
            _FILL_VOICES[min(3, int(4 * index / len(steps) + rng.integers(2)))],
            float(rng.uniform(0.6, 1.0)),
        )
        for index, step in enumerate(steps)
    ]


def _with_fill(
    strokes: list[tuple[int, str, float]], fill: list[tuple[int, str, float]]
) -> list[tuple[int, str, float]]:
    """Replace what the hands play from the start of the fill on; the foot goes on."""
    start = fill[0][0]
    return [stroke for stroke in strokes if stroke[0] < start or stroke[1] == "kick"] + fill
