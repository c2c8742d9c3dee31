"""Rule tables: metrics and comparisons → CSV, Markdown, LaTeX, HTML and text tables."""

from pathlib import Path

from _job import job

from neuralsampleid.catalogue.formats import COMPARISONS, METRICS, read_table
from neuralsampleid.report.detail_tables import (
    answer_table,
    comparison_table,
    localisation_table,
    rank_table,
)
from neuralsampleid.report.rendering import write_table
from neuralsampleid.report.tables import (
    conditions_among,
    grade_table,
    group_table,
    length_table,
    main_table,
    middle_length,
    sample_types_of,
    winners_of,
)

if __name__ == "__main__":
    with job(snakemake):
        metrics = read_table(Path(snakemake.input.metrics), METRICS)
        quantities = read_table(Path(snakemake.input.quantities), METRICS)
        comparisons = read_table(Path(snakemake.input.comparisons), COMPARISONS)
        systems, folder = snakemake.params.systems, Path(snakemake.output[0]).parent
        seconds, significance = middle_length(metrics), 1 - snakemake.params.confidence
        winners = winners_of(comparisons, significance)
        types, conditions = sample_types_of(metrics), conditions_among(metrics)
        made = {
            "main": main_table(metrics, systems, seconds, winners),
            "hit_rates": length_table(metrics, systems, winners),
            "sample_types": group_table(metrics, systems, seconds, types, winners),
            "grades": grade_table(metrics, systems, seconds, winners),
            "conditions": group_table(metrics, systems, seconds, conditions),
            "localisation": localisation_table(metrics, quantities, systems),
            "answers": answer_table(metrics, quantities, systems, seconds),
            "median_ranks": rank_table(quantities, systems),
            "comparisons": comparison_table(comparisons, systems, significance),
        }
        for name in snakemake.params.tables:
            write_table(made[name], folder / name)
