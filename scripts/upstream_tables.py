"""Rule upstream_tables: metrics, parameters and quoted figures → the paper's tables."""

import json
from pathlib import Path

from _job import job

from neuralsampleid.artefacts.table import read_record
from neuralsampleid.catalogue.formats import read_table
from neuralsampleid.report.rendering import write_table
from neuralsampleid.upstream.report import UPSTREAM_METRICS, paper_tables, read_quoted

if __name__ == "__main__":
    with job(snakemake):
        files, params = snakemake.input, snakemake.params
        tables = paper_tables(
            read_table(Path(files.metrics), UPSTREAM_METRICS),
            params.systems,
            json.loads(Path(files.parameters).read_text()),
            read_quoted(Path(files.quoted)),
            [read_record(Path(path)) for path in files.artefacts],
            params.used_by,
        )
        folder = Path(snakemake.output[0]).parent
        for name, table in tables.items():
            write_table(table, folder / name)
