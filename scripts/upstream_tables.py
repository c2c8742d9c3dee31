"""Rule upstream_tables: metrics, parameters and quoted figures → the paper's tables."""

import json
from pathlib import Path

from _job import job

from neuralsampleid.artefacts.table import read_record
from neuralsampleid.catalogue.formats import read_table
from neuralsampleid.report.rendering import write_table
from neuralsampleid.report.tables import middle_length
from neuralsampleid.upstream.report import (
    INTERPOLATION,
    SAMPLE_TYPES,
    artefact_table,
    hit_rate_table,
    precision_table,
    published_group_table,
    read_quoted,
)
from neuralsampleid.upstream.tables import UPSTREAM_METRICS

if __name__ == "__main__":
    with job(snakemake):
        metrics = read_table(Path(snakemake.input.metrics), UPSTREAM_METRICS)
        quoted = read_quoted(Path(snakemake.input.quoted))
        systems, folder = snakemake.params.systems, Path(snakemake.output[0]).parent
        parameters = json.loads(Path(snakemake.input.parameters).read_text())
        records = [read_record(Path(path)) for path in snakemake.input.artefacts]
        grouped = (metrics, systems), (middle_length(metrics), quoted)
        made = {
            "main": precision_table(metrics, systems, parameters, quoted),
            "hit_rates": hit_rate_table(metrics, systems, quoted),
            "sample_types": published_group_table(*grouped[0], SAMPLE_TYPES, *grouped[1]),
            "interpolation": published_group_table(*grouped[0], INTERPOLATION, *grouped[1]),
            "artefacts": artefact_table(records, snakemake.params.used_by),
        }
        for name, table in made.items():
            write_table(table, folder / name)
