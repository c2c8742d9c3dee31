"""Times and names as people read them."""

from __future__ import annotations

from neuralsampleid.audio.tags import Tags


def clock(seconds: float) -> str:
    """Minutes and seconds, such as 3:07, from one hour on 1:03:07; whole seconds, halves up."""
    minutes, second = divmod(int(seconds + 0.5), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02d}:{second:02d}" if hour else f"{minute}:{second:02d}"


def span(start_s: float, end_s: float) -> str:
    """A part of a track, such as 0:12–0:18."""
    return f"{clock(start_s)}–{clock(end_s)}"


def change(tempo_ratio: float | None, semitones: float | None) -> str:
    """What a match says of tempo and pitch, such as ``, tempo × 1.11, pitch +1.0``; maybe empty."""
    tempo = "" if tempo_ratio is None else f", tempo × {tempo_ratio:.2f}"
    pitch = round(semitones or 0.0, 1)
    return tempo + (f", pitch {pitch:+.1f}" if pitch else "")


def track_name(path: str, tags: Tags) -> str:
    """Such as ``Artist – Title (folder/file.mp3)``; the path alone if there are no tags."""
    name = printable(tags.name)
    return f"{name} ({printable(path)})" if name else printable(path)


def printable(name: str) -> str:
    """File names may hold anything, also what steers a terminal or ends a line."""
    return "".join(sign if sign.isprintable() else "?" for sign in name)
