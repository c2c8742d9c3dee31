"""Rule collect_answers: the answers of all shards of queries → one table."""

from pathlib import Path

from _job import job

from neuralsampleid.files import join_csv

if __name__ == "__main__":
    with job(snakemake):
        join_csv([Path(path) for path in snakemake.input.answers], Path(snakemake.output.answers))
