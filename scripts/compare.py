"""Rule compare: all systems' answers → paired differences, and who finds what others miss."""

from pathlib import Path

import pandas as pd
from _job import job

from neuralsampleid.catalogue.formats import METRICS, per_query_format, read_table
from neuralsampleid.config import Evaluation
from neuralsampleid.evaluation.comparison import compare, found_by_one
from neuralsampleid.files import write_csv
from neuralsampleid.report.tables import compared_cells, middle_length

if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        settings = Evaluation.model_validate(params.evaluation)
        seconds = middle_length(read_table(Path(snakemake.input.metrics), METRICS))
        columns = per_query_format(settings.cutoffs)
        tables = [read_table(Path(path), columns) for path in snakemake.input.per_query]
        judged = dict(zip(params.systems, tables, strict=True))
        cells = compared_cells(pd.concat(tables), settings, seconds)
        comparisons = compare(judged, cells, settings, params.seed)
        write_csv(Path(snakemake.output.comparisons), comparisons)
        write_csv(Path(snakemake.output.found_by_one), found_by_one(judged, settings.cutoffs))
