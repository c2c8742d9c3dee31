"""Rule tables: the long metrics table → CSV, Markdown, LaTeX, HTML and text tables."""

from pathlib import Path

from _job import job

from neuralsampleid.data.formats import METRICS, read_table
from neuralsampleid.files import write_text
from neuralsampleid.report.rendering import html_table, plain_table, write_table
from neuralsampleid.report.tables import group_table, length_table, main_table, middle_length

if __name__ == "__main__":
    with job(snakemake):
        metrics = read_table(Path(snakemake.input.metrics), METRICS)
        systems, folder = snakemake.params.systems, Path(snakemake.output[0]).parent
        seconds = middle_length(metrics)
        made = {
            "main": main_table(metrics, systems, seconds),
            "hit_rates": length_table(metrics, systems),
            "sample_types": group_table(metrics, systems, seconds),
        }
        for name, table in made.items():
            write_table(table, folder / name)
            write_text(folder / f"{name}.html", html_table(table))
            write_text(folder / f"{name}.txt", plain_table(table))
