"""Rule evaluate: one system's rankings → a row per query, and metrics with intervals."""

from pathlib import Path

import pandas as pd
from _job import job

from neuralsampleid.catalogue.formats import MATCHES, QUERIES, read_table
from neuralsampleid.catalogue.tables import read_catalogue
from neuralsampleid.config import Evaluation
from neuralsampleid.evaluation.detail import (
    detailed_metrics,
    quantities,
    reliability,
    shown_pairs,
)
from neuralsampleid.evaluation.evaluate import per_query, summarise
from neuralsampleid.files import write_csv

if __name__ == "__main__":
    with job(snakemake):
        settings = Evaluation.model_validate(snakemake.params.evaluation)
        system, seed = snakemake.wildcards.system, snakemake.params.seed
        matches = read_table(Path(snakemake.input.matches), MATCHES)
        queries = read_table(Path(snakemake.input.queries), QUERIES)
        catalogue = read_catalogue(Path(snakemake.input.tracks).parent)
        judged = per_query(matches, queries, settings.cutoffs, catalogue.occurrences)
        pairs = shown_pairs(matches, queries)
        metrics = [
            summarise(judged, system, settings, seed),
            detailed_metrics(judged, pairs, system, settings, seed),
        ]
        write_csv(Path(snakemake.output.per_query), judged)
        write_csv(Path(snakemake.output.reliability), reliability(pairs, system))
        write_csv(
            Path(snakemake.output.quantities), quantities(judged, pairs, system, settings, seed)
        )
        write_csv(Path(snakemake.output.metrics), pd.concat(metrics))
