"""Rule evaluate: one system's rankings → a row per query, and metrics with intervals."""

from pathlib import Path

from _job import job

from neuralsampleid.config import Evaluation
from neuralsampleid.data.formats import MATCHES, QUERIES, read_table
from neuralsampleid.evaluation.evaluate import per_query, summarise
from neuralsampleid.files import write_csv

if __name__ == "__main__":
    with job(snakemake):
        settings = Evaluation.model_validate(snakemake.params.evaluation)
        judged = per_query(
            read_table(Path(snakemake.input.matches), MATCHES),
            read_table(Path(snakemake.input.queries), QUERIES),
            settings.cutoffs,
        )
        metrics = summarise(judged, snakemake.wildcards.system, settings, snakemake.params.seed)
        write_csv(Path(snakemake.output.per_query), judged)
        write_csv(Path(snakemake.output.metrics), metrics)
