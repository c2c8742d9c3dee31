"""Rule ablation_report: each row's metrics with each seed → one table and one figure."""

from pathlib import Path

import pandas as pd
from _job import job

from neuralsampleid.catalogue.formats import METRICS, read_table
from neuralsampleid.files import write_csv
from neuralsampleid.report.drawing import save_figure
from neuralsampleid.report.rendering import write_table
from neuralsampleid.report.tables import middle_length
from neuralsampleid.studies.ablation_report import ablation_figure, ablation_table
from neuralsampleid.studies.ablations import by_seed, over_seeds

if __name__ == "__main__":
    with job(snakemake):
        rows, seeds = snakemake.params.rows, snakemake.params.seeds
        tables = [read_table(Path(path), METRICS) for path in snakemake.input.metrics]
        metrics = {
            seed: pd.concat(tables[len(rows) * place : len(rows) * (place + 1)])
            for place, seed in enumerate(seeds)
        }
        values = by_seed(metrics, next(iter(rows)))
        seconds = middle_length(pd.concat(tables))
        table = ablation_table(over_seeds(values), rows, seconds)
        stem = Path(snakemake.output.png).with_suffix("")
        write_csv(Path(snakemake.output.metrics), values)
        write_table(table, stem, (".csv", ".md", ".tex", ".txt"))
        save_figure(ablation_figure(values, rows), stem)
