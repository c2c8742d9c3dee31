"""Rule figures: metrics, ranks, learning curves and stem quality → PNG and PDF."""

from pathlib import Path

import pandas as pd
from _job import job

from neuralsampleid.catalogue.formats import (
    ANSWERS,
    METRICS,
    RELIABILITY,
    per_query_format,
    read_table,
)
from neuralsampleid.report import detail_figures, figures
from neuralsampleid.report.drawing import save_figure
from neuralsampleid.report.tables import conditions_among, middle_length

if __name__ == "__main__":
    with job(snakemake):
        metrics = read_table(Path(snakemake.input.metrics), METRICS)
        quantities = read_table(Path(snakemake.input.quantities), METRICS)
        answered = read_table(Path(snakemake.input.answers), ANSWERS)
        systems, folder = snakemake.params.systems, Path(snakemake.output[0]).parent
        cutoffs, seconds = snakemake.params.cutoffs, middle_length(metrics)
        columns = per_query_format(cutoffs)
        tables = [read_table(Path(path), columns) for path in snakemake.input.per_query]
        judged = dict(zip(systems, tables, strict=True))
        kinds, conditions = snakemake.params.kinds, conditions_among(metrics)
        drawn = {
            "hit_rates": figures.hit_rate_figure(metrics, systems, kinds),
            "map": figures.map_figure(metrics, systems, kinds),
            "ranks": figures.ranks_figure(judged, systems, cutoffs),
            "conditions": detail_figures.conditions_figure(
                metrics, systems, kinds, conditions, seconds
            ),
            "localisation": detail_figures.localisation_figure(metrics, systems),
            "answers": detail_figures.answer_figure(answered, metrics, quantities, systems, kinds),
        }
        if snakemake.params.reranked:
            reliability = read_table(Path(snakemake.input.reliability), RELIABILITY)
            drawn["calibration"] = detail_figures.calibration_figure(reliability, systems)
        if snakemake.input.curves:
            curves = pd.concat([pd.read_csv(path) for path in snakemake.input.curves])
            curves = curves[curves["metric"] != "learning_rate"]
            drawn["learning_curves"] = figures.learning_curves_figure(curves)
        if snakemake.input.quality:
            quality = pd.read_csv(snakemake.input.quality)
            drawn["separation"] = figures.separation_figure(quality)
        for name, figure in drawn.items():
            save_figure(figure, folder / name)
