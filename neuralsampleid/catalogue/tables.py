"""The catalogue: which tracks there are, and which sample occurs where.

Every data set, published or a user's own, becomes two files in one folder: ``tracks.csv`` and
``occurrences.csv``. Paths in ``tracks.csv`` are relative to that folder or absolute.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from neuralsampleid.catalogue.checks import check_annotations
from neuralsampleid.catalogue.formats import Format, read_table, read_texts
from neuralsampleid.errors import UserError
from neuralsampleid.files import write_csv

ABSENCE = "absence"  # the kind of an interval in which the sample is said not to sound
ROLES = ("train", "query", "reference", "noise")
TRACK_COLUMNS = ("track_id", "role", "path", "duration_s", "title", "artist")
OCCURRENCE_COLUMNS = (
    "sample_id",
    "query_id",
    "reference_id",
    "query_start_s",
    "query_end_s",
    "reference_start_s",
    "reference_end_s",
    "kind",
    "sample_type",
    "interpolation",
    "tempo_ratio",
    "pitch_semitones",
)
_TEXTS = ("sample_id", "query_id", "reference_id", "kind", "sample_type", "interpolation")
_TRACKS: Format = {name: float if name == "duration_s" else str for name in TRACK_COLUMNS}
_NUMBERS = tuple(name for name in OCCURRENCE_COLUMNS if name not in _TEXTS)
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
    tracks = read_table(folder / "tracks.csv", _TRACKS, expected)
    tracks["path"] = [str((folder / path).resolve()) if path else "" for path in tracks["path"]]
    check_tracks(tracks, folder / "tracks.csv")
    path = folder / "occurrences.csv"
    texts = read_texts(path, OCCURRENCE_COLUMNS, expected)
    occurrences = checked_occurrences(texts, tracks, path, within_tracks=within_tracks)
    absent = occurrences["kind"] == ABSENCE
    occurrences, absences = (
        rows.reset_index(drop=True) for rows in (occurrences[~absent], occurrences[absent])
    )
    return Catalogue(tracks, occurrences, absences)


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
    rows = zip(tracks["track_id"], tracks["role"], strict=True)
    for line, (track_id, role) in enumerate(rows, 2):
        where = f"{path}, line {line}"
        check_track_id(track_id, where)
        if track_id in seen:
            raise UserError(f"{where}: track id '{track_id}' stands twice, expected unique ids")
        if role not in ROLES:
            raise UserError(f"{where}: role '{role}', expected one of {', '.join(ROLES)}")
        seen.add(track_id)


def checked_occurrences(
    table: pd.DataFrame, tracks: pd.DataFrame, path: Path, *, within_tracks: bool
) -> pd.DataFrame:
    """Check a table of occurrences and turn its numbers into such.

    Args:
        table: ``OCCURRENCE_COLUMNS``, as text or as numbers; the index is the line in the file.
        tracks: ``TRACK_COLUMNS``.
        path: the file, for messages.
        within_tracks: whether an interval may not end after its track does.

    Raises:
        UserError: rows are wrong; all of them are listed.
    """
    check_annotations(table, tracks, _NUMBERS, path, within_tracks=within_tracks)
    numbers = {name: pd.to_numeric(table[name]).astype(float) for name in _NUMBERS}
    return table.assign(**numbers).reset_index(drop=True)


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
