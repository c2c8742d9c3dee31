"""The styles: how each kind of music is played, read from ``styles.yaml``.

Patterns are read on a grid of sixteenths, 16 characters a bar (32: two bars in turn).

* drums: ``X`` accent, ``x`` stroke, ``o`` ghost stroke, ``.`` rest
* bass: ``R`` root, ``r`` soft root, ``8`` octave, ``3 5 6 7`` chord degrees, ``a`` approach to
  the next root, ``w`` a step of a walking line, ``-`` hold, ``.`` rest
* chords: ``X x o`` the whole chord (loud to soft), ``1``–``4`` one of its notes from below
  (an arpeggio), ``-`` hold, ``.`` rest
* progressions: one word a bar, Roman numerals, a comma between two chords in one bar
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Groove = Mapping[str, str]


@dataclass(frozen=True)
class Comping:
    """Instruments that play chords, and the rhythms they choose from."""

    programs: tuple[int, ...]
    patterns: tuple[str, ...]


@dataclass(frozen=True)
class Style:
    """How a kind of music is played; programs are General MIDI numbers from 0."""

    name: str
    tempo: tuple[float, float]  # beats per minute
    swing: tuple[float, float]  # 0 straight, 1 triplets
    swing_steps: int  # which notes swing: 2 eighths, 1 sixteenths
    progressions: Mapping[str, tuple[str, ...]]  # by mode
    kits: tuple[int, ...]
    grooves: tuple[Groove, ...]
    bass_programs: tuple[int, ...]
    bass: tuple[str, ...]
    comping: tuple[Comping, ...]
    pads: tuple[int, ...]
    riffs: tuple[int, ...]
    leads: tuple[int, ...]


def styles_at(tempo: float) -> list[Style]:
    """The styles that are played at a tempo in beats per minute."""
    return [style for style in STYLES if style.tempo[0] <= tempo <= style.tempo[1]]


def _read(path: Path) -> tuple[Style, ...]:
    entries = _immutable(yaml.safe_load(path.read_text(encoding="utf-8")))
    styles = []
    for entry in entries:
        comping = tuple(Comping(**instruments) for instruments in entry.pop("comping"))
        styles.append(Style(**entry, comping=comping))
    return tuple(styles)


def _immutable(value: Any) -> Any:  # noqa: ANN401 - as YAML
    """Lists as tuples, at every depth."""
    if isinstance(value, dict):
        return {key: _immutable(part) for key, part in value.items()}
    return tuple(map(_immutable, value)) if isinstance(value, list) else value


STYLES = _read(Path(__file__).with_name("styles.yaml"))
