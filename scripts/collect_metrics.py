"""Rule collect_metrics: long tables of all systems in the configuration's order, summaries."""

from pathlib import Path

from _job import job

from neuralsampleid.catalogue.formats import METRICS, read_table
from neuralsampleid.files import join_csv, write_json
from neuralsampleid.report.summary import summary_of

if __name__ == "__main__":
    with job(snakemake):
        for name, paths in snakemake.input.items():
            join_csv([Path(path) for path in paths], Path(snakemake.output[name]))
        metrics = read_table(Path(snakemake.output.metrics), METRICS, optional=["protocol"])
        for path in map(Path, snakemake.output.summaries):
            write_json(path, summary_of(metrics, path.stem))
