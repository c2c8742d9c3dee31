"""What of the open benchmark's two tables a run uses, and the files that it wants of packages.

Of the recipes only those columns are read that say which tracks a query is made of: every Snakemake
process plans by them, and need not import what renders queries.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import pandas as pd

from neuralsampleid.catalogue.formats import Format, read_table
from neuralsampleid.catalogue.tables import check_track_id
from neuralsampleid.config import FreeMusicData
from neuralsampleid.datasets.debian import WantedFile
from neuralsampleid.datasets.packages import obtain
from neuralsampleid.errors import UserError
from neuralsampleid.files import write_csv

TRACKS: Format = {
    "track_id": str,
    "package": str,  # Debian's name
    "path": str,  # in the package; of a zip archive's member: path/of.zip!member
    "sha256": str,  # of the audio file
    "title": str,
    "composer": str,
    "licence": str,  # SPDX id where there is one
    "licence_source": str,  # where it was read
    "family": str,  # one composer, or those who share material; on one side of the splits
    "split": str,  # one of SPLITS
    "part": str,  # one of PARTS: may be sampled, or is laid under samples; empty in training
    "duration_s": float,
}
FOUND: Format = {
    "track_id": str,
    "reason": str,  # why its file is not there; empty if it is
}
DEVIATIONS: Format = {
    "id": str,  # of a track or query
    "deviation": str,  # why it is left out, or how its audio differs from the recipe's
}
_RECIPE: Format = {
    **{"query_id": str, "split": str, "grade": str},  # as in composer/recipes
    **{"host": str, "reference_id": str},
}
SPLITS = ("train", "validation", "fitting", "test")
PARTS = ("catalogue", "host")
_PACKAGE, _SHA256 = re.compile(r"[a-z0-9][a-z0-9+.-]+"), re.compile(r"[0-9a-f]{64}")
_ROOT = Path(__file__).parents[2]  # of the workflow, which the tables' paths are relative to


def said_of_deviations(deviations: pd.DataFrame) -> str:
    """How whole the benchmark is, for a person.

    Args:
        deviations: ``DEVIATIONS``.
    """
    if deviations.empty:
        return "Every query has the levels of its recipe and no track is missing"
    first = deviations.iloc[0]
    return (
        f"{len(deviations)} tracks or queries are left out or differ from the recipe (see "
        f"deviations.csv; first: {first.id}: {first.deviation})"
    )


def table_path(name: str) -> Path:
    """Where a table is that the configuration names."""
    return _ROOT / name


def read_tracks(path: Path) -> pd.DataFrame:
    """The table of tracks, ``TRACKS``.

    Raises:
        UserError: the file or a column is missing; the first row that is wrong, with its line.
    """
    table = read_table(path, TRACKS, "the table of free music")
    seen: set[str] = set()
    splits: dict[str, str] = {}
    for line, row in enumerate(table.to_dict("records"), 2):
        where = f"{path}, line {line}"
        check_track_id(row["track_id"], where)
        if row["track_id"] in seen:
            raise UserError(f"{where}: track id '{row['track_id']}' stands twice")
        seen.add(row["track_id"])
        if problem := _problem(row):
            raise UserError(f"{where}: {problem}")
        split = splits.setdefault(row["family"], row["split"])
        if split != row["split"]:
            raise UserError(
                f"{where}: family '{row['family']}' is in split '{row['split']}' and in '{split}', "
                "expected one"
            )
    return table


def _problem(row: Mapping[str, object]) -> str:
    """The first thing that is wrong with a row, or nothing."""
    inside = PurePosixPath(str(row["path"]))
    parts = ("",) if row["split"] == "train" else PARTS
    right = {
        "package": (_PACKAGE.fullmatch(str(row["package"])), "a name of Debian's"),
        "path": (
            inside.name and not inside.is_absolute() and ".." not in inside.parts,
            "an audio file's in the package, without '/' or './' before it",
        ),
        "sha256": (_SHA256.fullmatch(str(row["sha256"])), "64 hexadecimal digits"),
        "split": (row["split"] in SPLITS, f"one of {', '.join(SPLITS)}"),
        "part": (row["part"] in parts, " or ".join(parts) or f"nothing in split {row['split']}"),
        "family": (row["family"], "a composer's name"),
        "duration_s": (float(str(row["duration_s"])) > 0, "a number of seconds"),
    }
    wrong = (
        f"{name} is '{row[name]}', expected {what}" for name, (ok, what) in right.items() if not ok
    )
    return next(wrong, "")


def chosen_tracks(settings: FreeMusicData) -> pd.DataFrame:
    """The tracks that a run uses: of its split, and those to train on; ``TRACKS``.

    Raises:
        UserError: as for ``read_tracks``, or none is left.
    """
    table = read_tracks(table_path(settings.tracks))
    splits = [settings.split, *(["train"] if settings.training_seconds is not None else [])]
    chosen = table["split"].isin(splits)
    if settings.packages is not None:
        unknown = set(settings.packages) - set(table["package"])
        if unknown:
            raise UserError(
                f"data.packages: '{min(unknown)}' is none of {settings.tracks}, expected "
                f"{', '.join(sorted(set(table['package'])))}"
            )
        chosen &= table["package"].isin(settings.packages)
    if not (chosen & (table["split"] == settings.split)).any():
        raise UserError(f"{settings.tracks}: no track is of split '{settings.split}' as data asks")
    return table[chosen].reset_index(drop=True)


def chosen_samples(settings: FreeMusicData, tracks: pd.DataFrame) -> pd.DataFrame:
    """The samples of a run's queries, a row each, in the recipes' order.

    Args:
        settings: which split, grades, and how many queries of each.
        tracks: ``chosen_tracks``; a query is chosen only if all that it is made of is among them.

    Returns:
        query_id, split, grade, host (or empty), reference_id.

    Raises:
        UserError: the table is wrong, or no query is chosen.
    """
    path = table_path(settings.recipe)
    rows = read_table(path, _RECIPE, "a table of recipes")
    rows = rows[rows["split"] == settings.split]
    table = read_tracks(table_path(settings.tracks)).set_index("track_id")
    parts = table.loc[table["split"] == settings.split, "part"]
    for column, part in (("reference_id", "catalogue"), ("host", "host")):
        wrong = rows[(rows[column].map(parts) != part) & (rows[column] != "")]
        for row in wrong.to_dict("records"):
            raise UserError(
                f"{path}: {row['query_id']} uses '{row[column]}', expected a track of part {part} "
                f"and split {settings.split} of {settings.tracks}"
            )
    there = {*tracks["track_id"], ""}
    usable = rows["host"].isin(there) & rows["reference_id"].isin(there)
    rows = rows[usable.groupby(rows["query_id"]).transform("all")]
    names: set[str] = set()
    for grade in settings.grades:
        of_grade = rows.loc[rows["grade"] == grade, "query_id"].drop_duplicates()
        names |= set(of_grade[: settings.queries])
    if not names:
        raise UserError(f"{path}: no query of split '{settings.split}' is as section data asks")
    return rows[rows["query_id"].isin(names)].reset_index(drop=True)


def roles(tracks: pd.DataFrame, samples: pd.DataFrame) -> pd.Series[str]:
    """What each track is in a run: train, reference (a query samples it), noise, or '' (a host).

    Args:
        tracks: ``chosen_tracks``.
        samples: of ``chosen_samples``.
    """
    found = tracks["split"].where(tracks["split"] == "train", "noise")
    found = found.mask(tracks["track_id"].isin(samples["reference_id"]), "reference")
    return found.mask(tracks["part"] == "host", "")


def planned_free_music(settings: FreeMusicData) -> dict[str, int]:
    """How many tracks of each role there will be; errors as for ``chosen_samples``."""
    tracks = chosen_tracks(settings)
    samples = chosen_samples(settings, tracks)
    return {**Counter(roles(tracks, samples)), "query": samples["query_id"].nunique()}


def packages(settings: FreeMusicData) -> list[str]:
    """The packages of a run, sorted; errors as for ``chosen_tracks``."""
    return sorted(set(chosen_tracks(settings)["package"]))


def audio_path(track: Mapping[str, object], folder: Path) -> Path:
    """Where a track's file lies in the folder that runs share."""
    suffix = PurePosixPath(str(track["path"])).suffix.lower()
    return folder / str(track["package"]) / f"{track['track_id']}{suffix}"


def package_files(settings: FreeMusicData, package: str) -> list[list[str]]:
    """What is wanted of a package, whatever the split, as runs share it: id, path and SHA-256."""
    table = read_tracks(table_path(settings.tracks))
    columns = ["track_id", "path", "sha256"]
    rows: list[list[str]] = table.loc[table["package"] == package, columns].to_numpy().tolist()
    return rows


def get_package(package: str, files: list[list[str]], debs: Path | None, found: Path) -> None:
    """Write a package's audio files and, at last, which are there.

    Args:
        package: its name.
        files: of ``package_files``.
        debs: see ``packages.obtain``.
        found: the table to write, ``FOUND``; the files go into the folder beside it, see
            ``audio_path``. Those that are there already stay as they are.

    Raises:
        UserError: the package is not to be had, or broken.
    """
    wanted = [
        WantedFile(
            path,
            sha256,
            audio_path({"track_id": name, "path": path, "package": package}, found.parent),
        )
        for name, path, sha256 in files
    ]
    reasons = obtain(package, wanted, debs, found.parent / ".downloads")
    rows = [(name, reasons[file]) for (name, _, _), file in zip(files, wanted, strict=True)]
    write_csv(found, pd.DataFrame(rows, columns=list(FOUND)))
