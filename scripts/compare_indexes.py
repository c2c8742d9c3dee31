"""Rule compare_indexes: a catalogue of some size → what each kind of index keeps and costs."""

from pathlib import Path

from _job import job

from neuralsampleid.catalogue.formats import QUERIES, read_table
from neuralsampleid.files import write_csv
from neuralsampleid.fingerprints.store import open_stores
from neuralsampleid.studies.scale import (
    compare_kinds,
    open_enlarged,
    queries_of_length,
    sounding_tracks,
)

if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        references = sounding_tracks(open_stores(snakemake.input.reference_stores))
        queries = read_table(Path(snakemake.input.queries), QUERIES)
        table = compare_kinds(
            open_enlarged(
                Path(snakemake.input.catalogue),
                int(snakemake.wildcards.segments),
                list(references),
            ),
            queries_of_length(queries, params.query_seconds),
            open_stores(snakemake.input.query_stores),
            params.kinds,
            candidates=params.candidates,
            seed=params.seed,
            threads=snakemake.threads,
        )
        write_csv(Path(snakemake.output.table), table)
