"""Sample100-ext as a catalogue: its annotations, and the audio that a user may have of it.

Nobody may share the audio, so a folder is searched for files that are named by track id
(``find_tracks``). ``found.csv`` says of every track what was found; the catalogue has only those
tracks, and the samples of which both sides are there. Without a folder the catalogue describes all
tracks and none has a path: enough to evaluate fingerprints made elsewhere.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from neuralsampleid.audio.ffmpeg import audio_seconds
from neuralsampleid.audio.folder import audio_files
from neuralsampleid.catalogue.tables import (
    ABSENCE,
    OCCURRENCE_COLUMNS,
    TRACK_COLUMNS,
    Catalogue,
    write_catalogue,
)
from neuralsampleid.config import Sample100Data
from neuralsampleid.datasets.sample100_annotations import Annotations, presences, read_annotations
from neuralsampleid.errors import UserError
from neuralsampleid.files import write_csv

FOUND_COLUMNS = ("track_id", "role", "path", "duplicates")
UNANNOTATED = "unannotated"  # kind of a row without interval: it is not said when it sounds
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sample100:
    """The data set as far as it is there.

    Attributes:
        catalogue: of the tracks that were found; of all, without paths, if no folder was given.
        found: ``FOUND_COLUMNS``; every track of the data set and every noise track. The role is
            empty for a track in no relation, the path for one that was not found.
        unannotated: ids of the relations without intervals.
    """

    catalogue: Catalogue
    found: pd.DataFrame
    unannotated: list[str]


def make_sample100(settings: Sample100Data, folder: Path) -> Sample100:
    """Write the catalogue's two files and ``found.csv``; say in the log what is missing.

    Raises:
        UserError: the annotations are not as expected, a folder does not exist, a file is no audio,
            or audio was given but has no query with its reference in it.
    """
    data = read_sample100(settings)
    report_found(data, settings, folder)
    write_catalogue(data.catalogue, folder)
    return data


def report_found(data: Sample100, settings: Sample100Data, folder: Path) -> None:
    """Write ``found.csv``; say in the log what is missing."""
    found, tracks = data.found, data.catalogue.tracks
    _LOG.info("relations without annotated intervals: %s", ", ".join(data.unannotated) or "none")
    unrelated = found.loc[found["role"] == "", "track_id"]
    _LOG.info("tracks in no relation, left out: %s", ", ".join(unrelated) or "none")
    for row in found[found["duplicates"] != ""].itertuples(index=False):
        _LOG.warning("track %s: %s is used, not %s", row.track_id, row.path, row.duplicates)
    if settings.audio is not None:
        missing = found.loc[(found["path"] == "") & (found["role"] != ""), "track_id"]
        _LOG.info("found the audio of %d tracks", len(tracks))
        _LOG.info("no audio of %d tracks: %s", len(missing), ", ".join(missing) or "none")
    write_csv(folder / "found.csv", found)


def read_sample100(settings: Sample100Data) -> Sample100:
    """Read annotations and look for audio; errors as for ``make_sample100``."""
    annotations = read_annotations(Path(settings.annotations))
    found = _look_for(annotations, settings)
    everything = _tracks(annotations, found)
    occurrences = occurrences_of(annotations)
    if settings.audio is not None:
        there = set(found.loc[found["path"] != "", "track_id"])
        both = occurrences["query_id"].isin(there) & occurrences["reference_id"].isin(there)
        if not both.any():
            raise UserError(
                f"{settings.audio}: no query and its reference are there, expected files named by "
                f"track id such as {everything['track_id'].iat[0]}.mp3"
            )
        occurrences = occurrences[both]
        everything = everything[everything["track_id"].isin(there)]
    return Sample100(Catalogue.of(everything, occurrences), found, annotations.unannotated())


def find_sample100(settings: Sample100Data) -> pd.DataFrame:
    """The catalogue's tracks as rows of ``found``, without opening an audio file."""
    found = _look_for(read_annotations(Path(settings.annotations)), settings)
    there = (found["path"] != "") | (settings.audio is None)
    return found[(found["role"] != "") & there]


def find_tracks(folder: Path | None, track_ids: Iterable[str]) -> pd.DataFrame:
    """Look for the tracks' files.

    A file belongs to a track if its name without the suffix is the track's id, in upper or lower
    case, in the folder or any folder below it. If several bear one id, the first by path is taken,
    one that needs no ffmpeg before one that does, and the others are named.

    Args:
        folder: where to look; None: nothing is found.
        track_ids: in the order of the result.

    Returns:
        track_id, path (absolute; empty if not found), duplicates (the other files with that id,
        joined by '|').

    Raises:
        UserError: the folder does not exist.
    """
    by_id: dict[str, list[str]] = defaultdict(list)
    for path in audio_files(folder) if folder is not None else []:
        by_id[path.stem.lower()].append(str(path))
    files = [(track_id, by_id.get(track_id.lower(), [])) for track_id in track_ids]
    rows = [(track_id, "".join(paths[:1]), "|".join(paths[1:])) for track_id, paths in files]
    return pd.DataFrame(rows, columns=["track_id", "path", "duplicates"])


def noise_tracks(folder: Path) -> pd.DataFrame:
    """Take every audio file of a folder for a noise track.

    Its id is ``noise_`` and the file's name, with every character that an id cannot have replaced
    by '_' and, where two would be the same, with a number after it.

    Returns:
        track_id, path, title (the file's name without suffix), duplicates (always empty).

    Raises:
        UserError: the folder does not exist or holds no audio file.
    """
    rows, taken = [], set()
    for path in audio_files(folder, some=True):
        base = "noise_" + re.sub(r"[^A-Za-z0-9_.\-]", "_", path.stem)[:80]
        track_id, number = base, 1
        while track_id.lower() in taken:
            number += 1
            track_id = f"{base}_{number}"
        taken.add(track_id.lower())
        rows.append((track_id, str(path), path.stem, ""))
    return pd.DataFrame(rows, columns=["track_id", "path", "title", "duplicates"])


def occurrences_of(annotations: Annotations) -> pd.DataFrame:
    """All that the annotations say, in the catalogue's columns; absences included, by ``kind``.

    ``kind`` is the annotators' type of an interval; ``implied`` where the sample sounds between
    absences; ``unannotated``, without interval, where no file says when it sounds. An interval's
    place in the reference is the first one there with the same label, or the only one there is.

    Returns:
        ``OCCURRENCE_COLUMNS``, by sample id, start and end.
    """
    intervals = annotations.intervals
    absences = intervals[(intervals["side"] == "query") & (intervals["type"] == ABSENCE)]
    sounding = _with_reference(presences(intervals), intervals[intervals["side"] == "reference"])
    relations = annotations.relations["sample_id"]
    bare = relations[~relations.isin(sounding["sample_id"])].to_frame().assign(type=UNANNOTATED)
    rows = pd.concat([part for part in (sounding, absences, bare) if not part.empty])
    table = rows.merge(annotations.relations, on="sample_id", validate="many_to_one").rename(
        columns={"start_s": "query_start_s", "end_s": "query_end_s", "type": "kind"}
    )
    table = table.reindex(columns=list(OCCURRENCE_COLUMNS))
    order = ["sample_id", "query_start_s", "query_end_s"]
    return table.sort_values(order, kind="stable", ignore_index=True)


def _with_reference(sounding: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Add reference_start_s and reference_end_s."""
    places = reference.rename(columns={"start_s": "reference_start_s", "end_s": "reference_end_s"})
    times = ["reference_start_s", "reference_end_s"]
    by_label = places.drop_duplicates(["sample_id", "label"])[["sample_id", "label", *times]]
    only = places.drop_duplicates("sample_id", keep=False).set_index("sample_id")[times]
    joined = sounding.merge(by_label, on=["sample_id", "label"], how="left")
    fallback = joined[["sample_id"]].join(only, on="sample_id")
    for column in times:
        joined[column] = joined[column].fillna(fallback[column])
    return joined


def _look_for(annotations: Annotations, settings: Sample100Data) -> pd.DataFrame:
    relations = annotations.relations
    roles = dict.fromkeys(relations["query_id"], "query")
    roles |= dict.fromkeys(relations["reference_id"], "reference")
    track_ids = annotations.tracks["track_id"]
    found = find_tracks(Path(settings.audio) if settings.audio else None, track_ids)
    found["role"] = [roles.get(track_id, "") for track_id in track_ids]
    if settings.noise is not None:
        noise = noise_tracks(Path(settings.noise)).assign(role="noise")
        twice = sorted(set(noise["track_id"]) & set(track_ids))
        if twice:
            raise UserError(f"{settings.noise}: '{twice[0]}' is the id of an annotated track")
        found = pd.concat([found, noise], ignore_index=True)
    return found[list(FOUND_COLUMNS)]


def _tracks(annotations: Annotations, found: pd.DataFrame) -> pd.DataFrame:
    """``TRACK_COLUMNS`` of all tracks with a role."""
    named = annotations.tracks.set_index("track_id")[["title", "artist"]]
    table = found[found["role"] != ""].join(named, on="track_id")
    noise = table["role"] == "noise"
    table.loc[noise, "title"] = [Path(path).stem for path in table.loc[noise, "path"]]
    table = table.fillna({"title": "", "artist": ""})
    table["duration_s"] = [
        audio_seconds(Path(path)) if path else float("nan") for path in table["path"]
    ]
    return table[list(TRACK_COLUMNS)]
