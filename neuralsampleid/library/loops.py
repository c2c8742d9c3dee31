"""Loops: many matches of one excerpt, which a person reads as one line."""

from __future__ import annotations

from collections.abc import Sequence

from neuralsampleid.line import Line

FEWEST = 5  # matches that are folded
_SAME_S, _SAME_TEMPO, _SAME_SEMITONES = 0.5, 0.02, 0.5  # between matches of one loop, at most


def folded(matches: Sequence[Line]) -> list[list[Line]]:
    """Matches of a track, those of a loop together.

    A loop is at least ``FEWEST`` matches of one part of the reference at one tempo and pitch.

    Args:
        matches: of one track, in the order of the query's time.

    Returns:
        Loops, and every other match by itself; in the order of their first matches.
    """
    groups: list[list[Line]] = []
    for match in matches:
        group = next((group for group in groups if _are_alike(group[0], match)), None)
        if group is None:
            groups.append([match])
        else:
            group.append(match)
    parts = [
        part
        for group in groups
        for part in ([group] if len(group) >= FEWEST else [[match] for match in group])
    ]
    return sorted(parts, key=lambda part: part[0].query_start_s)


def _are_alike(one: Line, other: Line) -> bool:
    return (
        abs(one.reference_start_s - other.reference_start_s) <= _SAME_S
        and abs(one.reference_end_s - other.reference_end_s) <= _SAME_S
        and abs((one.tempo_ratio or 1.0) - (other.tempo_ratio or 1.0)) <= _SAME_TEMPO
        and abs((one.pitch_semitones or 0.0) - (other.pitch_semitones or 0.0)) <= _SAME_SEMITONES
    )
