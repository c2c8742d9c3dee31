"""The upstream system's answers as a row per query and as rows of the metrics table.

In the tables of such a run ``protocol`` is released or corrected; ``task`` says which queries a row
is about, as in every other run.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from neuralsampleid.artefacts.table import Obtained
from neuralsampleid.catalogue.formats import (
    FULL_TRACK,
    SEGMENT,
    join,
    split,
)
from neuralsampleid.config import UpstreamData, UpstreamEvaluation, UpstreamSystem
from neuralsampleid.evaluation.intervals import Bootstrap
from neuralsampleid.evaluation.summary import metrics_table, written_length
from neuralsampleid.models.encoder import parameter_counts
from neuralsampleid.models.weights import load_any_encoder, load_any_reranker
from neuralsampleid.upstream.folder import default_segments, evaluate_folder
from neuralsampleid.upstream.groups import QueryGroups, read_groups
from neuralsampleid.upstream.layout import find_fingerprints
from neuralsampleid.upstream.protocol import Answers, IndexKind, Protocol
from neuralsampleid.upstream.report import UPSTREAM_METRICS

PER_QUERY_COLUMNS = (
    "protocol",
    "task",
    "query_id",
    "occurrence",
    "query_seconds",
    "groups",
    "first_rank",
    "ap",
)
_LOG = logging.getLogger(__name__)


class SystemTables(NamedTuple):
    """What the evaluation of one system under one protocol is written as."""

    per_query: pd.DataFrame  # PER_QUERY_COLUMNS
    metrics: pd.DataFrame  # UPSTREAM_METRICS
    summary: dict[str, Any]  # averages and rankings, or why it was not run


def evaluate_system(
    system: UpstreamSystem,
    protocol: Protocol,
    data: UpstreamData,
    files: Mapping[str, Obtained],
    unpacked: Path,
    *,
    index: IndexKind,
    evaluation: UpstreamEvaluation,
    seed: int,
    threads: int,
) -> SystemTables:
    """Evaluate one system; where a file that it needs is missing, the tables are empty.

    Args:
        system: its name and the names of its files.
        protocol: released or corrected.
        data: the names of the other files.
        files: what became of each; with the annotations, groups of queries come from these.
        unpacked: the folder into which the archive of its fingerprints was unpacked.
        index: ``flat`` or ``ivfpq``.
        evaluation: lengths, cutoffs, and the bootstrap's settings.
        seed: of the bootstrap.
        threads: of the CPU.

    Raises:
        UserError: a file is broken, or the files disagree.
    """
    needed = (system.fingerprints, data.ground_truth, system.reranker)
    missing = [files[name].reason for name in needed if name and files[name].path is None]
    if missing:
        _LOG.warning("not run: %s", "; ".join(missing))
        return SystemTables(
            pd.DataFrame(columns=list(PER_QUERY_COLUMNS)),
            pd.DataFrame(columns=list(UPSTREAM_METRICS)),
            {"not_run": missing},
        )
    paths = _paths(files)
    lengths = default_segments(system.system, evaluation.query_seconds)
    answers = evaluate_folder(
        find_fingerprints(unpacked),
        paths[data.ground_truth],
        system.system,
        protocol,
        index,
        lengths,
        None if system.reranker is None else load_any_reranker(paths[system.reranker]),
        threads=threads,
    )
    groups = read_groups(
        data.groups, paths, paths.get(data.query_index), paths.get(data.annotations or "")
    )
    seconds = dict(zip(evaluation.query_seconds, lengths, strict=True))
    table = per_query(answers, protocol, seconds, groups)
    averages = summarise(table, system.name, protocol, list(data.groups), evaluation, seed)
    return SystemTables(table, averages, answers.as_json())


def count_parameters(
    systems: Sequence[UpstreamSystem], files: Mapping[str, Obtained]
) -> dict[str, dict[str, int]]:
    """System → numbers of parameters: stored and acting of its encoder, and of its re-ranker.

    Those of weights that are missing are left out.
    """
    paths = _paths(files)
    counts: dict[str, dict[str, int]] = {}
    for system in systems:
        own = counts.setdefault(system.name, {})
        if system.weights in paths:
            encoder, _ = load_any_encoder(paths[system.weights], system.encoder)
            own |= parameter_counts(encoder)._asdict()
        if system.reranker in paths:
            reranker = load_any_reranker(paths[system.reranker])
            own["reranker"] = sum(parameter.numel() for parameter in reranker.parameters())
    return counts


def _paths(files: Mapping[str, Obtained]) -> dict[str, Path]:
    """Where the files are that there are."""
    return {name: Path(file.path) for name, file in files.items() if file.path is not None}


def per_query(
    answers: Answers, protocol: str, seconds: Mapping[float, int], groups: QueryGroups
) -> pd.DataFrame:
    """A row for each whole track, and one for each occurrence and length.

    Args:
        answers: one system's answers.
        protocol: by which.
        seconds: query length → number of segments, as asked about.
        groups: of the queries.

    Returns:
        ``PER_QUERY_COLUMNS``; groups as by ``formats.join``.
    """
    of_tracks = groups.of_tracks(answer.track for answer in answers.track_answers)
    of_occurrences = groups.of_occurrences(
        {answer.occurrence: answer.track for answer in answers.segment_answers}
    )
    rows: list[tuple[object, ...]] = []
    for track in answers.track_answers:
        about = (track.track, "", None, join(of_tracks[track.track]))
        rows.append((protocol, FULL_TRACK, *about, None, track.average_precision))
    for length, segments in seconds.items():
        for answer in answers.segment_answers:
            if answer.segments == segments:
                joined = join(of_occurrences[answer.occurrence])
                asked = (answer.track, answer.occurrence, length, joined)
                rows.append((protocol, SEGMENT, *asked, answer.first_rank, None))
    table = pd.DataFrame(rows, columns=list(PER_QUERY_COLUMNS))
    return table.astype({"first_rank": "Int64", "ap": "float64", "query_seconds": "float64"})


def summarise(
    answers: pd.DataFrame,
    system: str,
    protocol: str,
    groups: Sequence[str],
    evaluation: UpstreamEvaluation,
    seed: int,
) -> pd.DataFrame:
    """Average over queries, with intervals over query tracks.

    Args:
        answers: what ``per_query`` returned.
        system: its name in the config.
        protocol: released or corrected.
        groups: beside ``all``; one without queries has rows with 0 queries and no value.
        evaluation: lengths, cutoffs, and the bootstrap's settings.
        seed: of the bootstrap.

    Returns:
        ``UPSTREAM_METRICS``, fractions to six decimals.
    """
    bootstrap = Bootstrap(evaluation.resamples, evaluation.confidence, seed)
    rows: list[tuple[object, ...]] = []
    members = {"all": answers} | {
        group: answers[[group in split(joined) for joined in answers["groups"]]] for group in groups
    }
    for group, chosen in members.items():
        tracks = chosen[chosen["task"] == FULL_TRACK]
        mean = bootstrap.mean(tracks["ap"], tracks["query_id"])
        rows.append((system, FULL_TRACK, "map", None, None, group, *mean))
    for seconds in sorted(evaluation.query_seconds):
        length = written_length(seconds)
        for k in sorted(evaluation.cutoffs):
            for group, chosen in members.items():
                segments = chosen[chosen["query_seconds"] == seconds]
                hits = (segments["first_rank"] <= k).fillna(value=False).astype(float)
                mean = bootstrap.mean(hits, segments["query_id"])
                rows.append((system, SEGMENT, "hit_rate", k, length, group, *mean))
    return metrics_table(rows).assign(protocol=protocol)[list(UPSTREAM_METRICS)]
