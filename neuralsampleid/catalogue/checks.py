"""The check of an annotation table: everything that is wrong with it is said at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from neuralsampleid.errors import UserError

SHOWN_ROWS = 20  # of the wrong ones
END_TOLERANCE_S = 0.1  # ends are rounded, and decoders differ about that of an MP3 file
_SIDES = ("query", "reference")


def check_annotations(
    table: pd.DataFrame,
    tracks: pd.DataFrame,
    numbers: Sequence[str],
    where: Path,
    *,
    within_tracks: bool,
) -> None:
    """Check every row of a table of occurrences.

    Args:
        table: the catalogue's columns, numbers as numbers or as text; the index is the line.
        tracks: ``track_id``, ``role``, ``duration_s`` (NaN where unknown).
        numbers: columns that must hold numbers or nothing.
        where: the file, for the message.
        within_tracks: whether an interval may not end after its track does. Not so for annotations
            of other people, whose edition of a track may be longer than one's own.

    Raises:
        UserError: at least one row is wrong. One wrong row is one line; several are a line each, at
            most ``SHOWN_ROWS``.
    """
    known = {str(row.track_id): row for row in tracks.itertuples(index=False)}
    values = {column: pd.to_numeric(table[column], errors="coerce") for column in numbers}
    wrong = []
    for place, (line, row) in enumerate(zip(table.index, table.to_dict("records"), strict=True)):
        found = {column: float(values[column].iat[place]) for column in numbers}
        problems = [*_not_numbers(row, found)]
        for side in _SIDES:
            problems += _wrong_track(row, side, known)
            problems += _wrong_interval(row, found, side, known, within_tracks)
        if problems:
            wrong.append((line, "; ".join(problems)))
    complain(where, wrong)


def complain(where: Path, wrong: Sequence[tuple[int, str]]) -> None:
    """Raise an error that lists wrong rows, (line, what is wrong) each; none are no error.

    Raises:
        UserError: there is at least one.
    """
    if not wrong:
        return
    if len(wrong) == 1:
        raise UserError(f"{where}, line {wrong[0][0]}: {wrong[0][1]}")
    lines = [f"{where}: {len(wrong)} rows are wrong"]
    lines += [f"  line {line}: {problem}" for line, problem in wrong[:SHOWN_ROWS]]
    if len(wrong) > SHOWN_ROWS:
        lines.append(f"  and {len(wrong) - SHOWN_ROWS} more")
    raise UserError("\n".join(lines))


def _not_numbers(row: Mapping[str, object], found: Mapping[str, float]) -> Iterator[str]:
    for column, value in found.items():
        text = str(row[column]).strip()
        if math.isnan(value) and text not in {"", "nan"}:
            yield f"{column} is '{text}', expected a number"


def _wrong_track(row: Mapping[str, object], side: str, known: Mapping[str, object]) -> list[str]:
    track = known.get(str(row[f"{side}_id"]))
    role = getattr(track, "role", None)
    if role == side:
        return []
    what = "unknown" if role is None else f"a {role} track"
    return [f"{side}_id '{row[f'{side}_id']}' is {what}, expected a {side} track"]


def _wrong_interval(
    row: Mapping[str, object],
    found: Mapping[str, float],
    side: str,
    known: Mapping[str, object],
    within_tracks: bool,
) -> Iterator[str]:
    names = (f"{side}_start_s", f"{side}_end_s")
    start, end = (found[name] for name in names)
    if any(math.isnan(found[name]) and str(row[name]).strip() not in {"", "nan"} for name in names):
        return  # said already: not a number
    if math.isnan(start) and math.isnan(end):
        return
    if not 0 <= start < end < math.inf:
        yield (
            f"{side} interval {start}–{end} s, expected 0 ≤ start < end, "
            "or both empty where unknown"
        )
        return
    seconds = float(getattr(known.get(str(row[f"{side}_id"])), "duration_s", math.nan))
    if within_tracks and end > seconds + END_TOLERANCE_S:
        yield f"{side} interval ends at {end} s, beyond its track's end at {seconds:.2f} s"
