"""Rule evaluate: one system's rankings and lines → a row per query, and metrics with intervals."""

from pathlib import Path

import pandas as pd
from _job import job

from neuralsampleid.catalogue.formats import LINES, MATCHES, QUERIES, read_table
from neuralsampleid.catalogue.tables import read_catalogue
from neuralsampleid.config import Evaluation
from neuralsampleid.evaluation.answers import (
    answer_curve,
    answer_metrics,
    answer_pairs,
    answer_quantities,
)
from neuralsampleid.evaluation.detail import (
    detailed_metrics,
    quantities,
    reliability,
    shown_pairs,
)
from neuralsampleid.evaluation.evaluate import asked_of, per_query, summarise
from neuralsampleid.evaluation.occurrences import (
    judge_lines,
    localisation_errors,
    localisation_metrics,
)
from neuralsampleid.files import write_csv

if __name__ == "__main__":
    with job(snakemake):
        settings = Evaluation.model_validate(snakemake.params.evaluation)
        own = (snakemake.wildcards.system, settings, snakemake.params.seed)
        matches = read_table(Path(snakemake.input.matches), MATCHES)
        queries = read_table(Path(snakemake.input.queries), QUERIES)
        lines = pd.concat([read_table(Path(path), LINES) for path in snakemake.input.lines])
        catalogue = read_catalogue(Path(snakemake.input.tracks).parent)
        queries = asked_of(matches, queries) if snakemake.params.partial else queries
        shows_places = len(lines) or not snakemake.params.partial
        judged = per_query(matches, queries, settings.cutoffs)
        located = judge_lines(lines, matches, queries, catalogue.occurrences)
        pairs, given = shown_pairs(matches, queries), answer_pairs(matches, queries)
        metrics = [
            summarise(judged, *own),
            detailed_metrics(judged, pairs, *own),
            answer_metrics(given, judged, *own),
            *([localisation_metrics(located, judged, *own)] if shows_places else []),
        ]
        numbers = [
            quantities(judged, pairs, *own),
            answer_quantities(given, judged, *own),
            *([localisation_errors(located, judged, *own)] if shows_places else []),
        ]
        out = snakemake.output
        write_csv(Path(out.per_query), judged)
        write_csv(Path(out.reliability), reliability(pairs, own[0]))
        write_csv(Path(out.answers), answer_curve(given, judged, own[0]))
        write_csv(Path(out.quantities), pd.concat(numbers))
        write_csv(Path(out.metrics), pd.concat(metrics))
