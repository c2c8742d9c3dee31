"""Rule evaluate_upstream: upstream fingerprints → answers and metrics under one protocol."""

from pathlib import Path

from _job import job, use_threads

from neuralsampleid.artefacts.table import read_record
from neuralsampleid.config import UpstreamData, UpstreamEvaluation, UpstreamSystem
from neuralsampleid.files import write_csv, write_json
from neuralsampleid.upstream.tables import evaluate_system

if __name__ == "__main__":
    with job(snakemake):
        use_threads(snakemake)
        params = snakemake.params
        records = [read_record(Path(folder)) for folder in snakemake.input.artefacts]
        tables = evaluate_system(
            UpstreamSystem.model_validate(params.system),
            snakemake.wildcards.protocol,
            UpstreamData.model_validate(params.data),
            {record.name: record for record in records},
            Path(snakemake.input.fingerprints),
            index=params.index,
            evaluation=UpstreamEvaluation.model_validate(params.evaluation),
            seed=params.seed,
            threads=snakemake.threads,
        )
        write_csv(Path(snakemake.output.per_query), tables.per_query)
        write_csv(Path(snakemake.output.metrics), tables.metrics)
        write_json(Path(snakemake.output.summary), tables.summary)
