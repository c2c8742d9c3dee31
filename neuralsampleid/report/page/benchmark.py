"""The queries of a benchmark: what a system found beside what is annotated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from neuralsampleid.catalogue.formats import FULL_TRACK
from neuralsampleid.catalogue.tables import Catalogue
from neuralsampleid.report.labels import words
from neuralsampleid.report.page.html import Page, ShownFigure
from neuralsampleid.report.page.views import (
    Found,
    Link,
    Outcome,
    QueryView,
    ReferenceView,
    Span,
    is_annotated,
)
from neuralsampleid.report.tables import Table


def query_views(
    catalogue: Catalogue,
    seconds: Mapping[str, float],
    matches: pd.DataFrame,
    lines: pd.DataFrame,
    judged: pd.DataFrame,
    references: int,
) -> list[QueryView]:
    """One view for every full-track query, in the order of ``judged``.

    Something found is right if it meets an annotated occurrence of that reference: their times
    overlap in the query and in the reference, as far as both are annotated.

    Args:
        catalogue: the tracks and what is annotated.
        seconds: length of the tracks.
        matches: columns of ``formats.MATCHES``, of one system.
        lines: columns of ``formats.LINES``, of the same.
        judged: its table with one row per query (``formats.per_query_format``).
        references: tracks shown of every ranking; those that are missing there follow.
    """
    tracks = catalogue.tracks.set_index("track_id")
    rankings = matches[(matches["task"] == FULL_TRACK) & (matches["rank"] <= references)]
    views = []
    for query in judged[judged["task"] == FULL_TRACK].itertuples():
        occurrences = catalogue.occurrences
        annotated = occurrences[occurrences["query_id"] == query.query_id]
        ranking = rankings[rankings["query_id"] == query.query_id].sort_values("rank")
        found = lines[lines["query_id"] == query.query_id]
        ranked = dict(zip(ranking["reference_id"], ranking["rank"].astype(int), strict=True))
        missing = [name for name in sorted(set(annotated["reference_id"])) if name not in ranked]
        shown = [
            _reference_view(
                track_id,
                _title(tracks.loc[track_id], track_id),
                seconds[track_id],
                ranked.get(track_id),
                annotated[annotated["reference_id"] == track_id],
                found[found["reference_id"] == track_id],
            )
            for track_id in [*ranked, *missing]
        ]
        kinds = sorted({kind for kind in annotated["sample_type"] if kind})
        views.append(
            QueryView(
                query.query_id,
                _title(tracks.loc[query.query_id], query.query_id),
                seconds[query.query_id],
                _outcome(query.first_rank, references),
                f"{_rank_note(query.first_rank)}, average precision {100 * query.ap:.1f} %",
                tuple(kinds),
                tuple(shown),
            )
        )
    return views


def track_seconds(catalogue: Catalogue, lines: pd.DataFrame) -> dict[str, float]:
    """Length of every track; of one without audio, up to the last time that is known of it.

    Args:
        catalogue: the tracks and what is annotated.
        lines: columns of ``formats.LINES``.
    """
    last: dict[str, float] = {}
    for table in (catalogue.occurrences, lines):
        for role in ("query", "reference"):
            ends = table.groupby(f"{role}_id")[f"{role}_end_s"].max().dropna()
            last |= {name: max(end, last.get(name, 1.0)) for name, end in ends.items()}
    known = zip(catalogue.tracks["track_id"], catalogue.tracks["duration_s"], strict=True)
    return {name: last.get(name, 1.0) if pd.isna(length) else length for name, length in known}


def benchmark_page(
    run: str,
    seed: int,
    systems: Mapping[str, str],
    system: str,
    references: int,
    *,
    views: Sequence[QueryView],
    clips: Mapping[str, bytes],
    table: Table,
    figures: Sequence[Path],
    captions: Mapping[str, str],
    remarks: Sequence[str] = (),
) -> Page:
    """The page of a run.

    Args:
        run: its name.
        seed: its seed.
        systems: the labels of all that it compares, by name.
        system: the one whose queries are shown.
        references: tracks shown of every ranking.
        views: of ``query_views``.
        clips: their sound by name.
        table: the main table.
        figures: PNG files.
        captions: of the main table and of each figure, by name.
        remarks: what a person should know of the music and the rankings.
    """
    return Page(
        title=f"Sample identification: {run}",
        subtitle=f"{len(systems)} systems and bounds, {len(views)} query tracks, seed {seed}. "
        "What each number means: docs/metrics.md; versions: provenance.json.",
        views=views,
        about_views=f"Each query above the first {references} tracks that the system "
        f"“{systems[system]}” finds in it, and above those sampled in it that are not among "
        "them. Tracks are ranked by all of their votes; the parts found are those where the votes "
        "line up.",
        table=table,
        table_caption=" ".join([captions["main_table"], *(f"{one}." for one in remarks)]),
        figures=[
            ShownFigure(
                path.stem, words(path.stem), captions[f"{path.stem}_figure"], path.read_bytes()
            )
            for path in figures
        ],
        clips=clips,
    )


def _reference_view(
    track_id: str,
    title: str,
    seconds: float,
    rank: int | None,
    annotated: pd.DataFrame,
    found: pd.DataFrame,
) -> ReferenceView:
    right = not annotated.empty
    truth = [_annotated_link(row) for row in annotated.itertuples()]
    links = []
    for row in found.itertuples():
        link = Link(
            Span(row.query_start_s, row.query_end_s),
            Span(row.reference_start_s, row.reference_end_s),
            "false_alarm",
            None if pd.isna(row.tempo_ratio) else float(row.tempo_ratio),
            float(row.score),
        )
        verdict: Found = "false_alarm"
        if right:
            verdict = "right" if any(_meet(link, other) for other in truth) else "elsewhere"
        links.append(replace(link, verdict=verdict))
    judged = [
        replace(other, verdict="met") if any(_meet(link, other) for link in links) else other
        for other in truth
    ]
    met = sum(other.verdict == "met" for other in judged)
    note = f"{met} of {len(judged)} annotated occurrences met" if right else ""
    return ReferenceView(track_id, title, seconds, rank, right, note, (*judged, *links))


def _annotated_link(row: object) -> Link:
    tempo = row.tempo_ratio  # type: ignore[attr-defined]
    return Link(
        _span(row.query_start_s, row.query_end_s),  # type: ignore[attr-defined]
        _span(row.reference_start_s, row.reference_end_s),  # type: ignore[attr-defined]
        "missed",
        None if pd.isna(tempo) else float(tempo),
    )


def _span(start: float, end: float) -> Span | None:
    return None if pd.isna(start) or pd.isna(end) else Span(float(start), float(end))


def _meet(found: Link, annotated: Link) -> bool:
    """Whether the times agree as far as they are known; nothing is met where no time is known."""
    assert not is_annotated(found)
    pairs = [(found.query, annotated.query), (found.reference, annotated.reference)]
    known = [(one, other) for one, other in pairs if one is not None and other is not None]
    return bool(known) and all(one.overlaps(other) for one, other in known)


def _title(track: pd.Series[str], track_id: str) -> str:
    parts = [part for part in (track["artist"], track["title"]) if part]
    return " – ".join(parts) or track_id


def _outcome(first_rank: float, references: int) -> Outcome:
    if pd.isna(first_rank) or first_rank > references:
        return "missed"
    return "first" if first_rank == 1 else "among"


def _rank_note(first_rank: float) -> str:
    if pd.isna(first_rank):
        return "no right track found"
    return "right track first" if first_rank == 1 else f"first right track at rank {first_rank:.0f}"
