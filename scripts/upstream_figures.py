"""Rule upstream_figures: metrics and quoted figures → PNG and PDF."""

from pathlib import Path

from _job import job

from neuralsampleid.catalogue.formats import read_table
from neuralsampleid.report.drawing import save_figure
from neuralsampleid.report.figures import hit_rate_figure, map_figure
from neuralsampleid.upstream.report import UPSTREAM_METRICS, quoted_precision, read_quoted

if __name__ == "__main__":
    with job(snakemake):
        metrics = read_table(Path(snakemake.input.metrics), UPSTREAM_METRICS)
        systems, protocols = snakemake.params.systems, snakemake.params.protocols
        quoted = quoted_precision(read_quoted(Path(snakemake.input.quoted)), systems)
        folder = Path(snakemake.output[0]).parent
        kinds = dict.fromkeys(systems, "encoder")
        save_figure(hit_rate_figure(metrics, systems, kinds, protocols), folder / "hit_rates")
        drawn = map_figure(metrics, systems, kinds, protocols, quoted)
        save_figure(drawn, folder / "map")
