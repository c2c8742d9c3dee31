"""Rule derive_queries: the catalogue's occurrences → queries, with and without their answers."""

from pathlib import Path

import pandas as pd
from _job import job

from neuralsampleid.catalogue.formats import LEFT_OUT, SAMPLES, read_table
from neuralsampleid.catalogue.tables import read_catalogue
from neuralsampleid.config import Queries
from neuralsampleid.evaluation.conditions import describe
from neuralsampleid.evaluation.queries import derive_queries, leave_out, without_answers
from neuralsampleid.files import write_csv

if __name__ == "__main__":
    with job(snakemake):
        settings = Queries.model_validate(snakemake.params.queries)
        catalogue = read_catalogue(Path(snakemake.input.tracks).parent)
        samples = [
            read_table(Path(path), SAMPLES, further=True) for path in snakemake.input.samples
        ]
        queries = derive_queries(catalogue, settings)
        left_out = read_table(Path(snakemake.input.left_out), LEFT_OUT)
        queries = leave_out(queries, left_out)
        queries["conditions"] = describe(
            queries, catalogue.occurrences, settings.conditions, *samples
        )
        absent = without_answers(queries, catalogue.occurrences)
        write_csv(Path(snakemake.output.queries), pd.concat([queries, absent]))
