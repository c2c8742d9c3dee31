"""The paper's tables from upstream's fingerprints: both protocols, beside what the paper says.

Values are in percent. Quoted figures come from ``upstream/quoted.csv`` (table, system, metric, k,
query_seconds, group, value in percent, source); an empty value is one that nobody here has seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from neuralsampleid.artefacts.table import Obtained
from neuralsampleid.catalogue.formats import METRICS, Format, read_table
from neuralsampleid.errors import UserError
from neuralsampleid.report.labels import Labels, words
from neuralsampleid.report.tables import (
    Cell,
    Interval,
    Table,
    count_of,
    interval_of,
    middle_length,
    numbers_of,
    select,
)

UPSTREAM_METRICS: Format = {"system": str, "protocol": str, **METRICS}
QUOTED: Format = {
    "table": str,
    "system": str,
    "metric": str,
    "k": float,
    "query_seconds": float,
    "group": str,
    "value": float,  # percent
    "source": str,
}
SAMPLE_TYPES, INTERPOLATION = ("riff", "beat"), ("interpolated", "not_interpolated")
NOT_COUNTED = "–"
_QUOTED = "quoted"
_UNKNOWN = Interval(float("nan"), float("nan"), float("nan"))


def read_quoted(path: Path) -> pd.DataFrame:
    """Read ``quoted.csv``.

    Raises:
        UserError: the file is missing or no such table, a value is no percentage, or has no source.
    """
    quoted = read_table(path, QUOTED)
    for line, row in enumerate(quoted.itertuples(index=False), 2):
        if pd.isna(row.value):
            continue
        if not 0 <= row.value <= 100:
            raise UserError(f"{path}, line {line}: value is {row.value:g}, expected percent")
        if not row.source:
            raise UserError(f"{path}, line {line}: no source, expected where the figure stands")
    return quoted


def quoted_precision(quoted: pd.DataFrame, systems: Iterable[str]) -> dict[str, float]:
    """System → the paper's mAP in percent, for those whose figure is known."""
    rows = select(quoted, table="main", metric="map", group="all").dropna(subset=["value"])
    known = dict(zip(rows["system"], rows["value"], strict=True))
    return {system: float(known[system]) for system in systems if system in known}


def paper_tables(
    metrics: pd.DataFrame,
    systems: Labels,
    parameters: Mapping[str, Mapping[str, int]],
    quoted: pd.DataFrame,
    records: Sequence[Obtained],
    used_by: Mapping[str, str],
) -> dict[str, Table]:
    """All tables of an upstream run, by file name; the arguments are those of the tables below."""
    grouped = (middle_length(metrics), quoted)
    return {
        "main": precision_table(metrics, systems, parameters, quoted),
        "hit_rates": hit_rate_table(metrics, systems, quoted),
        "sample_types": group_table(metrics, systems, SAMPLE_TYPES, *grouped),
        "interpolation": group_table(metrics, systems, INTERPOLATION, *grouped),
        "artefacts": artefact_table(records, used_by),
    }


def precision_table(
    metrics: pd.DataFrame,
    systems: Labels,
    parameters: Mapping[str, Mapping[str, int]],
    quoted: pd.DataFrame,
) -> Table:
    """MAP per system and protocol, with numbers of parameters and the paper's figure.

    Args:
        metrics: columns ``UPSTREAM_METRICS``.
        systems: names with labels, in the order of the rows.
        parameters: system → stored, acting (of the encoder) and reranker; what is missing is
            unknown.
        quoted: of ``read_quoted``.
    """
    columns = (
        *("System", "Protocol", "Parameters stored", "Parameters acting", "Re-ranker parameters"),
        *("Tracks", "mAP (%)", "mAP quoted (%)", "Source of the quote"),
    )
    rows = []
    for system in systems:
        counts = parameters.get(system, {})
        said = select(quoted, table="main", system=system, metric="map")
        for protocol in _protocols(metrics):
            found = select(metrics, system=system, protocol=protocol, metric="map", group="all")
            row: tuple[Cell, ...] = (
                *(systems[system], words(protocol)),
                *(counts.get(name, NOT_COUNTED) for name in ("stored", "acting", "reranker")),
                *(count_of(found), interval_of(found), _quote(said), _source(said)),
            )
            rows.append(row)
    return Table(columns, tuple(rows))


def hit_rate_table(metrics: pd.DataFrame, systems: Labels, quoted: pd.DataFrame) -> Table:
    """Hit rates by query length; below each system and protocol the number of queries."""
    lengths, cutoffs = numbers_of(metrics, "query_seconds"), numbers_of(metrics, "k")
    rows: list[tuple[Cell, ...]] = []
    for system in systems:
        for protocol in _protocols(metrics):
            own = select(metrics, system=system, protocol=protocol, metric="hit_rate", group="all")
            about = (systems[system], words(protocol))
            by_length = [select(own, query_seconds=seconds) for seconds in lengths]
            for k in cutoffs:
                rates = (interval_of(select(part, k=k)) for part in by_length)
                rows.append((*about, int(k), *rates))
            rows.append((*about, "Queries", *(count_of(part) for part in by_length)))
        said = select(quoted, table="hit_rates", system=system, metric="hit_rate", group="all")
        for k in cutoffs:
            values = (_quote(select(said, k=k, query_seconds=seconds)) for seconds in lengths)
            rows.append((systems[system], words(_QUOTED), int(k), *values))
    columns = ("System", "Protocol", "k", *(f"{seconds:g} s (%)" for seconds in lengths))
    return Table(columns, tuple(rows))


def group_table(
    metrics: pd.DataFrame,
    systems: Labels,
    groups: Sequence[str],
    seconds: float,
    quoted: pd.DataFrame,
) -> Table:
    """MAP, and hit rates at one query length, by group; quoted figures in rows of their own."""
    cutoffs = numbers_of(metrics, "k")
    rows: list[tuple[Cell, ...]] = []
    for group in groups:
        for system in systems:
            about = (words(group), systems[system])
            for protocol in _protocols(metrics):
                own = select(metrics, system=system, protocol=protocol, group=group)
                precision = select(own, metric="map")
                rates = select(own, metric="hit_rate", query_seconds=seconds)
                hits = (interval_of(select(rates, k=k)) for k in cutoffs)
                counted = (count_of(precision), interval_of(precision), count_of(rates))
                rows.append((*about, words(protocol), *counted, *hits))
            said = select(quoted, system=system, group=group)
            hits = (
                _quote(select(said, metric="hit_rate", k=k, query_seconds=seconds)) for k in cutoffs
            )
            precise = _quote(select(said, metric="map"))
            uncounted = (NOT_COUNTED, precise, NOT_COUNTED)
            rows.append((*about, words(_QUOTED), *uncounted, *hits))
    columns = (
        *("Group", "System", "Protocol", "Tracks", "mAP (%)", "Segments"),
        *(f"Hit@{k:g} at {seconds:g} s (%)" for k in cutoffs),
    )
    return Table(columns, tuple(rows))


def artefact_table(records: Sequence[Obtained], used_by: Mapping[str, str]) -> Table:
    """What became of each upstream file.

    Args:
        records: in the order of the rows.
        used_by: file → what cannot be had without it; of files that nothing depends on, nothing.
    """
    rows: list[tuple[Cell, ...]] = []
    for record in records:
        without = used_by.get(record.name, "")
        state = "found" if record.path else f"missing{f': no {without}' if without else ''}"
        rows.append(
            (
                *(record.name, state),
                NOT_COUNTED if record.size is None else record.size,
                *(record.checksum or NOT_COUNTED, record.sha256 or NOT_COUNTED),
                *(record.version or NOT_COUNTED, record.reason or record.source),
            )
        )
    columns = ("File", "State", "Bytes", "Checksum", "SHA-256", "Version", "Where from")
    return Table(columns, tuple(rows))


def _protocols(metrics: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(metrics["protocol"]))


def _quote(rows: pd.DataFrame) -> Interval:
    value = float(rows["value"].iloc[0]) if len(rows) else float("nan")
    return Interval(value, _UNKNOWN.low, _UNKNOWN.high)


def _source(rows: pd.DataFrame) -> str:
    return rows["source"].iloc[0] if len(rows) and rows["source"].iloc[0] else NOT_COUNTED
