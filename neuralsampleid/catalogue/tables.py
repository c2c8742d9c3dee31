"""The catalogue: which tracks there are, and which sample occurs where.

Every data set, published or a user's own, becomes two files in one folder: ``tracks.csv`` and
``occurrences.csv``. Paths in ``tracks.csv`` are relative to that folder or absolute. Everything
that is wrong with a table of occurrences is said at once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import pandas as pd

from neuralsampleid.catalogue.formats import Format, is_blank, read_table, read_texts
from neuralsampleid.errors import UserError
from neuralsampleid.files import require_text, write_csv

ABSENCE = "absence"  # the kind of an interval in which the sample is said not to sound
ROLES = ("train", "query", "reference", "noise")
SEARCHED_ROLES = ("reference", "noise")  # whose tracks are ranked
TRACK_COLUMNS: Format = {
    "track_id": str,
    "role": str,
    "path": str,
    "duration_s": float,
    "title": str,
    "artist": str,
}
OCCURRENCE_COLUMNS: Format = {
    "sample_id": str,
    "query_id": str,
    "reference_id": str,
    "query_start_s": float,
    "query_end_s": float,
    "reference_start_s": float,
    "reference_end_s": float,
    "kind": str,
    "sample_type": str,
    "interpolation": str,
    "tempo_ratio": float,
    "pitch_semitones": float,
}
SHOWN_ROWS = 20  # of the wrong ones
_ALIKE = 0.7  # share of letters that two names have in common, before one is meant by the other
END_TOLERANCE_S = 0.1  # ends are rounded, and decoders differ about that of an MP3 file
_TRACK_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}")


def _no_rows() -> pd.DataFrame:
    return pd.DataFrame(columns=list(OCCURRENCE_COLUMNS))


@dataclass(frozen=True)
class Catalogue:
    """Tracks and the occurrences of samples in them.

    ``tracks`` has ``TRACK_COLUMNS`` (duration in seconds, paths absolute after reading, empty where
    there is no audio); ``occurrences`` has ``OCCURRENCE_COLUMNS``: one row per interval of a query
    in which a sample sounds, or without interval if it is only known to sound in that query.
    ``tempo_ratio`` is the query's speed over the reference's (1.1: 10 % faster);
    ``pitch_semitones`` is how far the sample was shifted up. Text columns are empty and number
    columns NaN where unknown. ``absences`` has the same columns: intervals in which a sample is
    said not to sound. In the file both stand in one table and ``kind`` tells them apart; here they
    are kept apart, so that none can be taken for a positive.
    """

    tracks: pd.DataFrame
    occurrences: pd.DataFrame
    absences: pd.DataFrame = field(default_factory=_no_rows)

    @classmethod
    def of(cls, tracks: pd.DataFrame, rows: pd.DataFrame) -> Catalogue:
        """A catalogue of tracks and rows of both kinds, as they stand in the file."""
        absent = rows["kind"] == ABSENCE
        parts = (part.reset_index(drop=True) for part in (tracks, rows[~absent], rows[absent]))
        return cls(*parts)

    def with_role(self, role: str) -> pd.DataFrame:
        """The tracks of one role in file order.

        Raises:
            UserError: no track has that role.
        """
        chosen = self.tracks[self.tracks["role"] == role]
        if chosen.empty:
            raise UserError(f"tracks.csv: no track has the role '{role}', expected at least one")
        return chosen.reset_index(drop=True)


def read_catalogue(folder: Path, *, within_tracks: bool = False) -> Catalogue:
    """Read and check ``tracks.csv`` and ``occurrences.csv``; make paths absolute.

    Args:
        folder: where both lie.
        within_tracks: whether an interval may not end after its track does.

    Raises:
        UserError: a file or column is missing, or a row is wrong; all wrong occurrences are listed.
    """
    expected = "a table of a catalogue"
    tracks = read_table(folder / "tracks.csv", TRACK_COLUMNS, expected, blanks=True)
    tracks["path"] = [str((folder / path).resolve()) if path else "" for path in tracks["path"]]
    check_tracks(tracks, folder / "tracks.csv")
    path = folder / "occurrences.csv"
    texts = read_texts(path, OCCURRENCE_COLUMNS, expected, blanks=True)
    rows = checked_occurrences(texts, tracks, path, within_tracks=within_tracks)
    return Catalogue.of(tracks, rows)


def write_catalogue(catalogue: Catalogue, folder: Path) -> None:
    """Check the catalogue and write its two files; paths stay as they are given."""
    rows = catalogue.occurrences
    if not catalogue.absences.empty:
        rows = pd.concat([rows, catalogue.absences], ignore_index=True)
    check_tracks(catalogue.tracks, folder / "tracks.csv")
    numbered = rows.set_axis(pd.RangeIndex(2, len(rows) + 2))
    checked_occurrences(numbered, catalogue.tracks, folder / "occurrences.csv", within_tracks=False)
    write_csv(folder / "tracks.csv", catalogue.tracks[list(TRACK_COLUMNS)])
    write_csv(folder / "occurrences.csv", rows[list(OCCURRENCE_COLUMNS)])


def check_tracks(tracks: pd.DataFrame, path: Path) -> None:
    """Check ids and roles.

    Raises:
        UserError: the first thing that is wrong, with the file and line it stands in.
    """
    seen: set[str] = set()
    rows = zip(tracks["track_id"], tracks["role"], tracks["path"], strict=True)
    for line, (track_id, role, file) in enumerate(rows, 2):
        where = f"{path}, line {line}"
        check_track_id(track_id, where)
        if track_id in seen:
            raise UserError(f"{where}: track id '{track_id}' stands twice, expected unique ids")
        if role not in ROLES:
            raise UserError(f"{where}: role '{role}', expected one of {', '.join(ROLES)}")
        require_text(file)
        seen.add(track_id)


def check_track_id(track_id: str, where: str) -> None:
    """Refuse ids that cannot be file names on every system.

    Raises:
        UserError: the id is empty, too long, or has other characters than letters, digits, _ . -
    """
    if not _TRACK_ID.fullmatch(track_id):
        raise UserError(
            f"{where}: track id {track_id!r} cannot be a file name, expected up to 100 letters, "
            "digits, '_', '.', '-', beginning with a letter, digit or '_'"
        )


def checked_occurrences(
    table: pd.DataFrame,
    tracks: pd.DataFrame,
    path: Path,
    *,
    within_tracks: bool,
    names: Mapping[str, Collection[str]] | None = None,
) -> pd.DataFrame:
    """Check a table of occurrences and turn its numbers into such.

    Args:
        table: ``OCCURRENCE_COLUMNS``, as text or as numbers; the index is the line in the file.
        tracks: ``TRACK_COLUMNS``.
        path: the file, for the message.
        within_tracks: whether an interval may not end after its track does. Not so for annotations
            of other people, whose edition of a track may be longer than one's own.
        names: role → what the file may call its tracks, to be suggested; None: their ids.

    Raises:
        UserError: at least one row is wrong. One wrong row is one line; several are a line each, at
            most ``SHOWN_ROWS``.
    """
    columns = [name for name, kind in OCCURRENCE_COLUMNS.items() if kind is float]
    numbers = table[columns].apply(pd.to_numeric, errors="coerce").astype(float)
    known = {row.track_id: (row.role, row.duration_s) for row in tracks.itertuples()}
    if names is None:
        names = {role: list(part) for role, part in tracks.groupby("role")["track_id"]}
    rows = zip(table.to_dict("records"), numbers.to_dict("records"), strict=True)
    problems = ["; ".join(_problems(*row, known, names, within_tracks)) for row in rows]
    wrong = [pair for pair in zip(table.index, problems, strict=True) if pair[1]]
    if len(wrong) == 1:
        raise UserError(f"{path}, line {wrong[0][0]}: {wrong[0][1]}")
    if wrong:
        lines = [f"line {line}: {problem}" for line, problem in wrong]
        raise UserError(listed(f"{path}: {len(wrong)} rows are wrong", lines))
    return table.assign(**numbers).reset_index(drop=True)


def listed(headline: str, lines: Sequence[str]) -> str:
    """A message of several lines: what is wrong, each time, and how often it is not shown."""
    more = len(lines) - SHOWN_ROWS
    shown = [*lines[:SHOWN_ROWS], *([f"and {more} more"] if more > 0 else [])]
    return "\n  ".join([headline, *shown])


def _problems(
    row: Mapping[str, object],
    numbers: Mapping[str, float],
    known: Mapping[str, tuple[str, float]],
    choices: Mapping[str, Collection[str]],
    within_tracks: bool,
) -> Iterator[str]:
    """What is wrong with a row, given as it was read and with its numbers, NaN where they fail."""
    failed = {
        column: text
        for column, value in numbers.items()
        if math.isnan(value) and not is_blank(text := str(row[column]))
    }
    for column, text in failed.items():
        yield f"{column} is '{text}', expected a number"
    for side in ("query", "reference"):
        track_id, names = str(row[f"{side}_id"]), (f"{side}_start_s", f"{side}_end_s")
        role, seconds = known.get(track_id, (None, math.nan))
        if role != side:
            what = "unknown" if role is None else f"a {role} track"
            near = _nearest(track_id, choices.get(side, ()))
            meant = f"; did you mean '{near}'?" if near else ""
            yield f"{side}_id '{track_id}' is {what}, expected a {side} track{meant}"
        start, end = (numbers[name] for name in names)
        if failed.keys() & names or (math.isnan(start) and math.isnan(end)):
            continue
        if not 0 <= start < end < math.inf:
            yield (
                f"{side} interval {start}–{end} s, expected 0 ≤ start < end, "
                "or both empty where unknown"
            )
        elif within_tracks and end > seconds + END_TOLERANCE_S:
            yield f"{side} interval ends at {end} s, beyond its track's end at {seconds:.2f} s"


def _nearest(name: str, choices: Collection[str]) -> str | None:
    """The name that somebody may have meant by another one."""
    by_letters = {choice.casefold(): choice for choice in choices}
    near = get_close_matches(name.casefold(), by_letters, 1, _ALIKE)
    return by_letters[near[0]] if near else None
