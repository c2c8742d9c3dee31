"""A drum loop, written as text: ``boom_bap 2 92.5 0.6 16``.

Style, number of its groove (1, 2, …), beats per minute, swing (0 to 1), General MIDI drum kit. It
repeats exactly, as a drum machine does; no chance is in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neuralsampleid.audio.sound import Waveform
from neuralsampleid.composer.compose import Part
from neuralsampleid.composer.drums import DRUM_GAINS_DB, DRUM_KEYS
from neuralsampleid.composer.form import BEATS
from neuralsampleid.composer.mixing import db
from neuralsampleid.composer.render import render_part
from neuralsampleid.composer.rhythm import LOUDNESS, STEP, STEPS, bar_of, swung
from neuralsampleid.composer.styles import STYLES
from neuralsampleid.errors import UserError

_BY_NAME = {style.name: style for style in STYLES}


@dataclass(frozen=True)
class DrumLoop:
    """A groove of a style at a tempo."""

    style: str
    groove: int  # from 1
    tempo: float  # beats per minute
    swing: float
    kit: int

    def __str__(self) -> str:
        return f"{self.style} {self.groove} {self.tempo:g} {self.swing:g} {self.kit}"


def parse_drum_loop(text: str, where: str) -> DrumLoop:
    """Read the description of a loop.

    Raises:
        UserError: style or groove is unknown, or a number is wrong.
    """
    try:
        style, groove, tempo, swing, kit = text.split()
        loop = DrumLoop(style, int(groove), float(tempo), float(swing), int(kit))
        _BY_NAME[style].grooves[range(1, 100).index(loop.groove)]
    except (ValueError, LookupError) as error:
        raise UserError(
            f"{where}: drums '{text}', expected a style of styles.yaml, the number of its groove, "
            "beats per minute, swing and kit, as in 'boom_bap 2 92.5 0.6 16'"
        ) from error
    if not (40 <= loop.tempo <= 220 and 0 <= loop.swing <= 1 and 0 <= loop.kit <= 127):
        raise UserError(
            f"{where}: drums '{text}', expected 40 to 220 beats per minute, swing 0 to 1, kit 0 "
            "to 127"
        )
    return loop


def render_drum_loop(loop: DrumLoop, soundfont: Path, seconds: float, sample_rate: int) -> Waveform:
    """Play a loop from its first beat on, float32 (samples,), not normalised."""
    style = _BY_NAME[loop.style]
    strokes = [
        (bar * BEATS + step * STEP, DRUM_KEYS[voice][0], LOUDNESS[symbol] * _gain(voice))
        for bar in range(int(seconds * loop.tempo / 60 / BEATS) + 1)
        for voice, pattern in style.grooves[loop.groove - 1].items()
        for step, symbol in enumerate(bar_of(pattern * (2 * STEPS // len(pattern)), bar))
        if symbol != "."
    ]
    beats, keys, loudness = np.array(sorted(strokes)).T
    start = swung(beats, loop.swing, style.swing_steps) * 60 / loop.tempo
    notes = np.stack([start, np.full(len(start), 0.5), keys, loudness.clip(0.05, 1.0)], axis=1)
    return render_part(
        Part("drums", "drums", loop.kit, notes, 0.0, 0.0), soundfont, seconds, sample_rate
    )


def _gain(voice: str) -> float:
    return db(DRUM_GAINS_DB.get(voice, 0.0))
