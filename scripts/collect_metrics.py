"""Rule collect_metrics: long tables of all systems in the configuration's order, summaries."""

from pathlib import Path

from _job import job

from neuralsampleid.catalogue.formats import METRICS, read_table
from neuralsampleid.files import write_json, write_text
from neuralsampleid.report.summary import summary_of

if __name__ == "__main__":
    with job(snakemake):
        for name, paths in snakemake.input.items():
            # Texts are joined as they are: reading and writing numbers could change them.
            parts = [Path(path).read_text(encoding="utf-8") for path in paths]
            header = parts[0].splitlines(keepends=True)[0]
            rows = "".join(part.removeprefix(header) for part in parts)
            write_text(Path(snakemake.output[name]), header + rows)
        metrics = read_table(Path(snakemake.output.metrics), METRICS, optional=["protocol"])
        for path in map(Path, snakemake.output.summaries):
            write_json(path, summary_of(metrics, path.stem))
