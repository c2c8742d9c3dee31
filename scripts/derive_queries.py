"""Rule derive_queries: the catalogue's occurrences → queries."""

from pathlib import Path

from _job import job

from neuralsampleid.config import Evaluation
from neuralsampleid.data.catalogue import read_catalogue
from neuralsampleid.evaluation.protocol import derive_queries
from neuralsampleid.files import write_csv

if __name__ == "__main__":
    with job(snakemake):
        settings = Evaluation(
            query_seconds=snakemake.params.query_seconds, max_gap_s=snakemake.params.max_gap_s
        )
        catalogue = read_catalogue(Path(snakemake.input.tracks).parent)
        write_csv(Path(snakemake.output.queries), derive_queries(catalogue, settings))
