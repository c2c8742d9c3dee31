"""Rule compare_indexes: a catalogue of some size → what each kind of index keeps and costs."""

from pathlib import Path

from _job import job

from neuralsampleid.data.formats import QUERIES, read_table
from neuralsampleid.evaluation.scale import (
    compare_kinds,
    open_enlarged,
    queries_of_length,
    sounding_tracks,
)
from neuralsampleid.files import write_csv
from neuralsampleid.retrieval.store import open_store

if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        references = sounding_tracks(open_store(Path(snakemake.input.reference_store)))
        queries = read_table(Path(snakemake.input.queries), QUERIES)
        table = compare_kinds(
            open_enlarged(
                Path(snakemake.input.catalogue),
                int(snakemake.wildcards.segments),
                list(references),
            ),
            queries_of_length(queries, params.query_seconds),
            open_store(Path(snakemake.input.query_store)),
            params.kinds,
            candidates=params.candidates,
            seed=params.seed,
            threads=snakemake.threads,
        )
        write_csv(Path(snakemake.output.table), table)
