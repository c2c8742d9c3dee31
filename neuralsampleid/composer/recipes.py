"""Recipes of queries that sample real recordings: what is cut, changed and laid where.

A recipe is the whole truth about its query: ``queries.render_query`` makes the same audio from it
everywhere, up to rounding. In a table a row is a sample; a query with two has two rows, which agree
in what is said of the query. Lists are joined by ``;``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from neuralsampleid.catalogue.formats import Format, read_table
from neuralsampleid.catalogue.tables import check_track_id
from neuralsampleid.composer.drum_loop import parse_drum_loop
from neuralsampleid.composer.effects import parse_effects
from neuralsampleid.composer.grades import GRADES, PROCESSES
from neuralsampleid.composer.parts import PARTS
from neuralsampleid.composer.treatment import Treatment
from neuralsampleid.errors import UserError
from neuralsampleid.files import write_csv

_QUERY: Format = {
    "query_id": str,
    "split": str,  # train, validation, fitting or test
    "grade": str,  # one of GRADES
    "seconds": float,  # of the query
    "host": str,  # track over which samples are laid, or empty
    "host_start_s": float,  # where the host begins to be heard; 0 without
    "drums": str,  # see drum_loop, or empty
    "drums_level_db": float,  # mean power of the drums over the host; 0 without one of them
    "band_levels_db": str,  # what the audio must have, see bands
}
_SAMPLE: Format = {
    "sample_id": str,
    "reference_id": str,
    "cuts": str,  # slices of the reference (s) in the order they are played, 12.345-15.678;…
    "starts": str,  # of the passes in the query (s)
    "part": str,  # one of PARTS
    "process": str,  # one of PROCESSES
    "tempo_ratio": float,  # speed in the query over that in the reference
    "pitch_semitones": float,  # shifted up by so much
    "effects": str,  # see effects
    "level_db": float,  # mean power over everything else, in each occurrence
}
RECIPE: Format = {**_QUERY, **_SAMPLE}
_ROUNDING_S = 0.001
_VARISPEED_TOLERANCE = 0.01  # semitones: pitch and ratio are rounded each for itself


@dataclass(frozen=True)
class Place:
    """One occurrence: a slice of one pass; times in seconds."""

    query_start_s: float
    query_end_s: float
    reference_start_s: float
    reference_end_s: float


@dataclass(frozen=True)
class SampleRecipe:
    """What of a reference is laid where, and what is done to it; see ``RECIPE``."""

    sample_id: str
    reference_id: str
    cuts: tuple[tuple[float, float], ...]
    starts: tuple[float, ...]
    part: str
    treatment: Treatment
    effects: str
    level_db: float

    @property
    def pass_s(self) -> float:
        """How long a pass lasts in the query."""
        return sum(end - start for start, end in self.cuts) / self.treatment.tempo_ratio

    def places(self) -> list[Place]:
        """Every occurrence, in order of time: the slices of each pass follow each other."""
        places = []
        for moment in self.starts:
            for start, end in self.cuts:
                until = moment + (end - start) / self.treatment.tempo_ratio
                places.append(Place(moment, until, start, end))
                moment = until  # noqa: PLW2901 - the next slice begins where this one ends
        return places


@dataclass(frozen=True)
class QueryRecipe:
    """A query; see ``RECIPE``. ``band_levels_db`` is empty until it has been rendered."""

    query_id: str
    split: str
    grade: str
    seconds: float
    host: str
    host_start_s: float
    drums: str
    drums_level_db: float
    samples: tuple[SampleRecipe, ...] = ()
    band_levels_db: tuple[float, ...] = ()


def read_recipes(path: Path) -> list[QueryRecipe]:
    """Read and check a table of recipes; queries and their samples in its order.

    Raises:
        UserError: a column is missing or a row is wrong, with its line and what was found.
    """
    table = read_table(path, RECIPE, "a table of recipes")
    queries: dict[str, QueryRecipe] = {}
    sample_ids: set[str] = set()
    for line, row in enumerate(table.to_dict("records"), 2):
        where = f"{path}, line {line}"
        for name, kind in RECIPE.items():
            if kind is float and not math.isfinite(row[name]):
                raise UserError(f"{where}: {name} is '{row[name]}', expected a number")
        query, sample = _query_of(row, where), _sample_of(row, where)
        known = queries.get(query.query_id, query)
        if replace(known, samples=()) != query:
            raise UserError(
                f"{where}: differs from the first line of {query.query_id}, expected the same "
                f"{', '.join(_QUERY)}"
            )
        if sample.sample_id in sample_ids:
            raise UserError(
                f"{where}: sample_id '{sample.sample_id}' stands twice, expected unique ids"
            )
        sample_ids.add(sample.sample_id)
        queries[query.query_id] = replace(known, samples=(*known.samples, sample))
        _check_places(queries[query.query_id], where)
    return list(queries.values())


def write_recipes(path: Path, queries: Iterable[QueryRecipe]) -> None:
    """Write a table of recipes."""
    rows = [_row_of(query, sample) for query in queries for sample in query.samples]
    write_csv(path, pd.DataFrame(rows, columns=list(RECIPE)))


def _row_of(query: QueryRecipe, sample: SampleRecipe) -> dict[str, object]:
    row = {
        **vars(query),
        **vars(sample),
        **vars(sample.treatment),
        "pitch_semitones": sample.treatment.semitones,
        "cuts": ";".join(f"{start:.3f}-{end:.3f}" for start, end in sample.cuts),
        "starts": ";".join(f"{start:.3f}" for start in sample.starts),
        "band_levels_db": ";".join(f"{level:.1f}" for level in query.band_levels_db),
    }
    return {name: row[name] for name in RECIPE}


def _query_of(row: Mapping[str, Any], where: str) -> QueryRecipe:
    """The query of a row, as yet without its samples."""
    check_track_id(row["query_id"], where)
    _check_choice(row, "grade", GRADES, where)
    _check_positive(row, "seconds", where)
    if row["drums"]:
        parse_drum_loop(row["drums"], where)
    elif not row["host"]:
        raise UserError(f"{where}: host and drums are empty, expected one of them or both")
    levels = _numbers(row, "band_levels_db", where)
    return QueryRecipe(**{**{name: row[name] for name in _QUERY}, "band_levels_db": levels})


def _sample_of(row: Mapping[str, Any], where: str) -> SampleRecipe:
    _check_choice(row, "part", PARTS, where)
    _check_choice(row, "process", tuple(PROCESSES), where)
    _check_positive(row, "tempo_ratio", where)
    ratio, semitones = row["tempo_ratio"], row["pitch_semitones"]
    expected = {"varispeed": 12 * math.log2(ratio), "untouched": 0.0, "stretch": 0.0}
    pitch = expected.get(row["process"], semitones)
    if abs(pitch - semitones) > _VARISPEED_TOLERANCE or (
        row["process"] in {"untouched", "shift"} and ratio != 1
    ):
        raise UserError(
            f"{where}: process {row['process']} with tempo_ratio {ratio:g} and pitch_semitones "
            f"{semitones:g}, expected numbers that it can bring about"
        )
    parse_effects(row["effects"], where)
    cuts = [_numbers(row, "cuts", where, cut, "-") for cut in row["cuts"].split(";")]
    if not all(len(cut) == 2 and 0 <= cut[0] < cut[1] for cut in cuts):
        raise UserError(f"{where}: cuts are '{row['cuts']}', expected such as '12.345-15.678;…'")
    return SampleRecipe(
        row["sample_id"],
        row["reference_id"],
        tuple((start, end) for start, end in cuts),
        _numbers(row, "starts", where),
        row["part"],
        Treatment(row["process"], ratio, semitones),
        row["effects"],
        row["level_db"],
    )


def _check_places(query: QueryRecipe, where: str) -> None:
    """Refuse passes that lie outside of the query or on each other."""
    passes = sorted(
        (start, start + sample.pass_s) for sample in query.samples for start in sample.starts
    )
    edges = [(0.0, 0.0), *passes, (query.seconds, query.seconds)]
    for (_, end), (start, _) in pairwise(edges):
        if end > start + _ROUNDING_S:
            raise UserError(
                f"{where}: a pass of {query.query_id} ends at {end:.3f} s, expected at most "
                f"{start:.3f} s, where the next one begins or the query ends"
            )


def _check_choice(row: Mapping[str, Any], name: str, known: Iterable[str], where: str) -> None:
    if row[name] not in known:
        raise UserError(f"{where}: {name} is '{row[name]}', expected one of {', '.join(known)}")


def _check_positive(row: Mapping[str, Any], name: str, where: str) -> None:
    if row[name] <= 0:
        raise UserError(f"{where}: {name} is {row[name]:g}, expected a number over 0")


def _numbers(
    row: Mapping[str, Any], name: str, where: str, text: str | None = None, mark: str = ";"
) -> tuple[float, ...]:
    """The numbers of a list, or of a part of it; none of an empty one."""
    text = row[name] if text is None else text
    try:
        return tuple(float(number) for number in text.split(mark) if text)
    except ValueError as error:
        raise UserError(f"{where}: {name} is '{row[name]}', expected a list of numbers") from error
