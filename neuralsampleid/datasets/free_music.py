"""The open benchmark: freely licensed music of Debian's packages, and queries made of it.

Which track is what, and how each query is made, stand in two committed tables. A query is rendered
from its recipe; where its levels in octave bands then differ from the recipe's, that is told.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from neuralsampleid.audio.io import read_audio, write_audio
from neuralsampleid.audio.sound import Waveform
from neuralsampleid.catalogue.formats import SAMPLES, read_table
from neuralsampleid.catalogue.tables import (
    OCCURRENCE_COLUMNS,
    TRACK_COLUMNS,
    Catalogue,
    write_catalogue,
)
from neuralsampleid.composer.bands import TOLERANCE_DB, band_levels, difference_db
from neuralsampleid.composer.grades import VERSION
from neuralsampleid.composer.queries import RATE, occurrence_rows, render_query, sample_rows
from neuralsampleid.composer.recipes import QueryRecipe, read_recipes
from neuralsampleid.composer.soundfont import write_soundfont
from neuralsampleid.config import FreeMusicData
from neuralsampleid.datasets.free_music_tables import (
    DEVIATIONS,
    FOUND,
    audio_path,
    chosen_samples,
    chosen_tracks,
    roles,
    table_path,
)
from neuralsampleid.errors import UserError
from neuralsampleid.files import read_json, remove_leftovers, write_csv, write_json
from neuralsampleid.processes import in_parallel

# In samples.csv beside the level; the part is the sample type.
_DIMENSIONS = ("grade", "slices", "process")
_LOG = logging.getLogger(__name__)


def make_free_music(
    settings: FreeMusicData, found: Sequence[Path], folder: Path, workers: int = 1
) -> Catalogue:
    """Render the queries, cut the training excerpts, and write the catalogue.

    ``audio/<id>.flac`` are queries and training excerpts, mono at 22,050 Hz, each with an
    ``<id>.json`` that says of what it was made: what is made of the same is left as it is. At last
    ``deviations.csv``, ``samples.csv``, ``tracks.csv`` and ``occurrences.csv`` are written.

    Args:
        settings: which tracks and queries.
        found: tables ``FOUND``, one per package, in the folder of the audio.
        folder: of the catalogue.
        workers: processes.

    Raises:
        UserError: a table is wrong, a file that should be there is not, or no query is left.
    """
    tracks = chosen_tracks(settings)
    samples = chosen_samples(settings, tracks)
    reasons = _reasons(found)
    reasons = {name: reasons[name] for name in tracks["track_id"] if reasons.get(name)}
    tracks = tracks[~tracks["track_id"].isin(reasons)]
    deviations = [(name, f"left out: {reason}") for name, reason in reasons.items()]
    names = set(samples["query_id"])
    recipes = [one for one in read_recipes(table_path(settings.recipe)) if one.query_id in names]
    queries = []
    for recipe in recipes:
        if missing := ", ".join(sorted(_sources(recipe) & reasons.keys())):
            deviations.append((recipe.query_id, f"left out: it is made of {missing}"))
        else:
            queries.append(recipe)
    if not queries:
        raise UserError(f"{settings.recipe}: no query is left, {deviations[0][1]}")
    samples = samples[samples["query_id"].isin({recipe.query_id for recipe in queries})]
    files = _files(tracks, Path(settings.folder))
    deviations += _make_audio(settings, tracks, queries, files, folder / "audio", workers)
    for name, deviation in deviations:
        _LOG.warning("%s: %s", name, deviation)
    write_csv(folder / "deviations.csv", pd.DataFrame(deviations, columns=list(DEVIATIONS)))
    write_csv(folder / "samples.csv", _samples(queries))
    catalogue = Catalogue(
        _tracks(settings, tracks.assign(role=roles(tracks, samples)), queries, files, folder),
        pd.DataFrame(
            [row for recipe in queries for row in occurrence_rows(recipe)],
            columns=list(OCCURRENCE_COLUMNS),
        ),
    )
    write_catalogue(catalogue, folder)
    return catalogue


def _sources(recipe: QueryRecipe) -> set[str]:
    """Ids of the tracks that a query is made of."""
    return {sample.reference_id for sample in recipe.samples} | ({recipe.host} - {""})


def _reasons(found: Sequence[Path]) -> dict[str, str]:
    """Track id → why its file is not there, empty if it is."""
    tables = [read_table(path, FOUND) for path in found]
    return {row.track_id: row.reason for table in tables for row in table.itertuples()}


def _files(tracks: pd.DataFrame, folder: Path) -> dict[str, Path]:
    """Track id → file."""
    files = {row["track_id"]: audio_path(row, folder) for row in tracks.to_dict("records")}
    for row in tracks.itertuples():
        if not files[row.track_id].is_file():
            raise UserError(
                f"{files[row.track_id]}: no such file, expected it to be there as "
                f"{folder / row.package}.csv says; remove that table to get it again"
            )
    return files


@dataclass(frozen=True)
class _Workshop:
    """What makes a piece of audio from a recipe or of a training track."""

    files: Mapping[str, Path]  # by track id
    checksums: Mapping[str, str]  # of these
    seconds: float  # of a training excerpt
    soundfont: Path
    folder: Path

    def make(self, item: QueryRecipe | str) -> float:
        """Write a query or a training excerpt unless it is there.

        Returns:
            By how many dB a query's levels differ from the recipe's where they do most; 0 of an
            excerpt.
        """
        name, used = (item, {item}) if isinstance(item, str) else (item.query_id, _sources(item))
        about = self.seconds if isinstance(item, str) else item
        state = (VERSION, about, [self.checksums[source] for source in sorted(used)])
        origin = hashlib.sha256(repr(state).encode()).hexdigest()
        target, note = self.folder / f"{name}.flac", self.folder / f"{name}.json"
        if target.is_file() and note.is_file():
            made = read_json(note, dict, "what a piece of audio was made of")
            if made["origin"] == origin:
                return float(str(made["difference_db"]))
        audio, difference = self._audio(item)
        note.unlink(missing_ok=True)
        write_audio(target, audio, RATE)
        write_json(note, {"origin": origin, "difference_db": difference})
        return difference

    def _audio(self, item: QueryRecipe | str) -> tuple[Waveform, float]:
        if isinstance(item, str):
            return _middle(self.files[item], self.seconds), 0.0
        rendered = render_query(item, lambda name: _whole(self.files[name]), self.soundfont).audio
        levels = band_levels(rendered, RATE)
        return rendered, round(difference_db(levels, item.band_levels_db), 1)


@lru_cache(maxsize=8)  # a host is heard in several queries, which often follow each other
def _whole(path: Path) -> Waveform:
    return read_audio(path, RATE)


def _middle(path: Path, seconds: float) -> Waveform:
    """So much of a file from its middle, or all of a shorter one."""
    audio = read_audio(path, RATE)
    length = round(seconds * RATE)
    start = max(0, len(audio) - length) // 2
    return audio[start : start + length]


def _make_audio(
    settings: FreeMusicData,
    tracks: pd.DataFrame,
    queries: Sequence[QueryRecipe],
    files: Mapping[str, Path],
    folder: Path,
    workers: int,
) -> Iterator[tuple[str, str]]:
    """Write queries and training excerpts; yields the queries that differ from their recipes."""
    training = list(tracks.loc[tracks["split"] == "train", "track_id"])
    items = [*queries, *training]
    names = [recipe.query_id for recipe in queries] + training
    remove_leftovers(folder, {f"{name}.{kind}" for name in names for kind in ("flac", "json")})
    checksums = dict(zip(tracks["track_id"], tracks["sha256"], strict=True))
    with TemporaryDirectory() as temporary:
        soundfont = write_soundfont(Path(temporary) / "general_midi.sf2")
        seconds = settings.training_seconds or 0.0
        workshop = _Workshop(files, checksums, seconds, soundfont, folder)
        differences = in_parallel(workshop.make, items, workers)
    for name, difference in zip(names, differences, strict=True):
        if difference > TOLERANCE_DB:
            yield (
                name,
                f"its level in an octave differs by {difference} dB from the recipe's, expected at "
                f"most {TOLERANCE_DB}",
            )


def _samples(queries: Sequence[QueryRecipe]) -> pd.DataFrame:
    """``formats.SAMPLES`` with the dimensions of the conditions."""
    rows = pd.DataFrame([row for recipe in queries for row in sample_rows(recipe)])
    rows["slices"] = rows["slices"].map(lambda slices: "one" if slices == 1 else "several")
    return rows[[*SAMPLES, *_DIMENSIONS]]


def _tracks(
    settings: FreeMusicData,
    tracks: pd.DataFrame,
    queries: Sequence[QueryRecipe],
    files: Mapping[str, Path],
    folder: Path,
) -> pd.DataFrame:
    """``TRACK_COLUMNS`` of tracks with roles; paths are relative to the catalogue's folder."""
    table = tracks.assign(artist=tracks["composer"])
    table = table[table["role"] != ""]
    table["path"] = [os.path.relpath(files[name], folder) for name in table["track_id"]]
    training = table["role"] == "train"
    table.loc[training, "path"] = "audio/" + table["track_id"] + ".flac"
    shortened = table["duration_s"].clip(upper=settings.training_seconds)
    table["duration_s"] = table["duration_s"].mask(training, shortened)
    rows = [
        (one.query_id, "query", f"audio/{one.query_id}.flac", one.seconds, one.query_id, "")
        for one in queries
    ]
    both = [table[list(TRACK_COLUMNS)], pd.DataFrame(rows, columns=list(TRACK_COLUMNS))]
    return pd.concat(both, ignore_index=True)
