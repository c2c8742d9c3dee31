"""Tables of relations between recordings that nobody may share, as a catalogue.

Whoever has the audio names each file by its id. ``read_relations`` reads three forms, all of the
repository MTG/whosampled-130k-dataset:

- JSON, relation id → ``src_audio_id`` (what was sampled), ``dst_audio_id`` (what samples it) and,
  in WhoSampled-130k's splits, artists, titles, ``part_sampled`` and times (``split-schema.md``);
- CSV with ``pair_id``, ``status`` and YouTube and track ids (SamplePairs); of ``used`` rows;
- TSV with ``Sample_id`` and YouTube addresses (Sample100).

A start without an end is no interval. Only where a sample is said to sound throughout does it have
one: from its first start to the end of the track.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from neuralsampleid.audio.ffmpeg import audio_seconds
from neuralsampleid.audio.folder import audio_files
from neuralsampleid.catalogue.formats import read_texts
from neuralsampleid.catalogue.tables import (
    OCCURRENCE_COLUMNS,
    TRACK_COLUMNS,
    Catalogue,
    write_catalogue,
)
from neuralsampleid.config import RelationsData
from neuralsampleid.datasets.sample100 import noise_tracks
from neuralsampleid.errors import UserError
from neuralsampleid.files import read_json

_LOG = logging.getLogger(__name__)
_PAIRS = ("pair_id", "status", "dst_track_id", "dst_youtube_id", "src_track_id", "src_youtube_id")
_URLS = ("Sample_id", "destination_url", "source_url")
_ID_IN_URL = re.compile(r"[?&]v=([\w-]+)")


@dataclass(frozen=True)
class Side:
    """One of the two recordings of a relation."""

    names: tuple[str, ...]  # that its file may have, without suffix; the first one is its id
    title: str = ""
    artist: str = ""


@dataclass(frozen=True)
class Relation:
    """One recording samples another."""

    sample_id: str
    query: Side
    reference: Side
    part: str = ""  # what was sampled, such as Drums
    throughout_from_s: float | None = None  # from where on it never stops; None: not said


@dataclass(frozen=True)
class Found:
    """Relations of which both recordings are there, and the files by id."""

    relations: list[Relation]
    files: dict[str, Path]


def read_relations(path: Path) -> list[Relation]:
    """Read a table of one of the three forms, by its suffix.

    Raises:
        UserError: it is missing, has another suffix, or lacks a column or field.
    """
    if path.suffix == ".json":
        records = read_json(path, dict, "an object of relations by id")
        return [_of_record(path, name, record) for name, record in records.items()]
    if path.suffix == ".csv":
        return list(_of_pairs(path))
    if path.suffix == ".tsv":
        return list(_of_urls(path))
    raise UserError(f"{path}: expected a table of relations that ends in .json, .csv or .tsv")


def make_relations(settings: RelationsData, folder: Path) -> Catalogue:
    """Write the catalogue's two files; say in the log what is left out.

    Raises:
        UserError: the table or a folder is wrong, or no relation has both of its files.
    """
    found = find_relations(settings)
    if not found.relations:
        raise UserError(
            f"{settings.audio}: no relation of {settings.relations} has both of its files, "
            "expected files named by audio id"
        )
    sides = {
        f"{role}_{side.names[0]}": (role, side)
        for relation in found.relations
        for role, side in (("query", relation.query), ("reference", relation.reference))
    }
    rows = []
    for track_id, (role, side) in sides.items():
        path = found.files[side.names[0]]
        rows.append((track_id, role, str(path), audio_seconds(path), side.title, side.artist))
    tracks = pd.DataFrame(rows, columns=list(TRACK_COLUMNS))
    if settings.noise is not None:
        noise = noise_tracks(Path(settings.noise)).assign(role="noise", artist="")
        noise["duration_s"] = [audio_seconds(Path(path)) for path in noise["path"]]
        tracks = pd.concat([tracks, noise[list(TRACK_COLUMNS)]], ignore_index=True)
    seconds = dict(zip(tracks["track_id"], tracks["duration_s"], strict=True))
    occurrences = pd.DataFrame([_row(relation, seconds) for relation in found.relations])
    occurrences = occurrences.reindex(columns=list(OCCURRENCE_COLUMNS))
    catalogue = Catalogue.of(tracks, occurrences)
    write_catalogue(catalogue, folder)
    return catalogue


def find_relations(settings: RelationsData) -> Found:
    """Look for the files of the relations; none is opened.

    A recording that samples another one is a query. Relations in which it is the one that is
    sampled are left out: as a reference it would be found in itself.

    Raises:
        UserError: the table or the folder of audio is wrong.
    """
    relations = read_relations(Path(settings.relations))
    by_name: dict[str, Path] = {}
    for path in audio_files(Path(settings.audio), some=True):
        by_name.setdefault(path.stem, path)
    files = {}
    for side in (side for relation in relations for side in (relation.query, relation.reference)):
        own = next((by_name[name] for name in side.names if name in by_name), None)
        if own is not None:
            files[side.names[0]] = own
    there = [
        relation
        for relation in relations
        if {relation.query.names[0], relation.reference.names[0]} <= files.keys()
    ]
    samplers = {relation.query.names[0] for relation in there}
    kept = [relation for relation in there if relation.reference.names[0] not in samplers]
    _LOG.info(
        "%s: %d relations; without audio of both sides: %d; left out, as the sampled track is a "
        "query itself: %d",
        *(settings.relations, len(relations), len(relations) - len(there)),
        len(there) - len(kept),
    )
    return Found(kept, files)


def roles_of(settings: RelationsData) -> list[str]:
    """The role of each track of the catalogue, before any audio is opened."""
    relations = find_relations(settings).relations
    queries = {relation.query.names[0] for relation in relations}
    references = {relation.reference.names[0] for relation in relations}
    noise = [] if settings.noise is None else audio_files(Path(settings.noise), some=True)
    return ["query"] * len(queries) + ["reference"] * len(references) + ["noise"] * len(noise)


def _row(relation: Relation, seconds: Mapping[str, float]) -> dict[str, object]:
    query, reference = f"query_{relation.query.names[0]}", relation.reference.names[0]
    row: dict[str, object] = {
        **{name: "" for name, kind in OCCURRENCE_COLUMNS.items() if kind is str},
        "sample_id": relation.sample_id,
        "query_id": query,
        "reference_id": f"reference_{reference}",
        "sample_type": relation.part,
    }
    start = relation.throughout_from_s
    if start is not None and 0 <= start < seconds[query]:
        row |= {"query_start_s": start, "query_end_s": seconds[query]}
    return row


def _of_record(path: Path, name: str, record: Any) -> Relation:  # noqa: ANN401 - of JSON
    """A relation of JSON."""
    try:
        query, reference = (
            Side(
                (str(record[f"{side}_audio_id"]),),
                str(record.get(f"{side}_song", "")),
                ", ".join(record.get(f"{side}_artist", [])),
            )
            for side in ("dst", "src")
        )
        start, times = None, record.get("dst_timings") or {}
        if times.get("throughout") and times.get("start_times"):
            start = min(map(float, str(times["start_times"]).split(",")))
        return Relation(name, query, reference, str(record.get("part_sampled", "")), start)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path}: relation '{name}' cannot be read ({error!r}), expected src_audio_id and "
            "dst_audio_id, as split-schema.md says"
        ) from error


def _of_pairs(path: Path) -> Iterator[Relation]:
    """Relations of SamplePairs."""
    table = read_texts(path, _PAIRS, "a table of pairs", blanks=True)
    for row in table[table["status"] == "used"].itertuples(index=False):
        query = Side((row.dst_youtube_id, row.dst_track_id))
        reference = Side((row.src_youtube_id, row.src_track_id))
        yield Relation(row.pair_id, query, reference)


def _of_urls(path: Path) -> Iterator[Relation]:
    """Relations of Sample100, of those that have both addresses."""
    try:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    except (OSError, UnicodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UserError(f"{path}: cannot be read ({error}), expected a table with tabs") from error
    missing = [name for name in _URLS if name not in table]
    if missing:
        raise UserError(f"{path}: has no column '{missing[0]}', expected {', '.join(_URLS)}")
    for row in table.itertuples(index=False):
        query, reference = map(_ID_IN_URL.search, (row.destination_url, row.source_url))
        if query and reference:
            yield Relation(row.Sample_id, Side((query[1],)), Side((reference[1],)))
