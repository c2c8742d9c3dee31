"""Rule evaluate_upstream: upstream fingerprints → answers and metrics under one protocol."""

import logging
from pathlib import Path

import pandas as pd
from _job import job, use_threads

from neuralsampleid.artefacts.table import read_record
from neuralsampleid.config import UpstreamEvaluation
from neuralsampleid.files import write_csv, write_json
from neuralsampleid.upstream.layout import find_fingerprints
from neuralsampleid.upstream.tables import (
    PER_QUERY_COLUMNS,
    UPSTREAM_METRICS,
    per_query,
    read_groups,
    summarise,
)


def found(folders: list[str]) -> dict[str, Path]:
    """Paths of files by name, without those that there are not."""
    records = [read_record(Path(folder)) for folder in folders]
    return {record.name: Path(record.path) for record in records if record.path is not None}


if __name__ == "__main__":
    with job(snakemake):
        params, files = snakemake.params, snakemake.input
        needed = [*files.archive, *files.ground_truth, *files.reranker]
        paths = [read_record(Path(folder)) for folder in needed]
        missing = [record.reason for record in paths if record.path is None]
        answers = pd.DataFrame(columns=list(PER_QUERY_COLUMNS))
        metrics = pd.DataFrame(columns=list(UPSTREAM_METRICS))
        summary = {"not_run": missing}
        if missing:
            logging.warning("not run: %s", "; ".join(missing))
        else:
            from neuralsampleid.models.weights import load_any_reranker
            from neuralsampleid.upstream.folder import default_segments, evaluate_folder

            use_threads(snakemake)
            settings = UpstreamEvaluation.model_validate(params.evaluation)
            archive, ground_truth, *reranker = (Path(record.path) for record in paths)
            lengths = default_segments(params.system, settings.query_seconds)
            judged = evaluate_folder(
                find_fingerprints(Path(files.fingerprints)),
                ground_truth,
                params.system,
                snakemake.wildcards.protocol,
                params.index,
                lengths,
                *(load_any_reranker(path) for path in reranker),
                threads=snakemake.threads,
            )
            groups = read_groups(
                params.groups,
                found(files.groups),
                next(iter(found(files.query_index).values()), None),
                next(iter(found(files.annotations).values()), None),
            )
            seconds = dict(zip(settings.query_seconds, lengths, strict=True))
            answers = per_query(judged, snakemake.wildcards.protocol, seconds, groups)
            system, protocol = snakemake.wildcards.system, snakemake.wildcards.protocol
            metrics = summarise(
                answers, system, protocol, list(params.groups), settings, params.seed
            )
            summary = judged.as_json()
        write_csv(Path(snakemake.output.per_query), answers)
        write_csv(Path(snakemake.output.metrics), metrics)
        write_json(Path(snakemake.output.summary), summary)
