"""Rule bound: queries and what is annotated → a perfect or a random ranking."""

from pathlib import Path

from _job import job

from neuralsampleid.catalogue.formats import QUERIES, read_table
from neuralsampleid.catalogue.tables import read_catalogue
from neuralsampleid.evaluation.bounds import oracle, random_ranking
from neuralsampleid.files import write_csv

if __name__ == "__main__":
    with job(snakemake):
        queries = read_table(Path(snakemake.input.queries), QUERIES)
        catalogue = read_catalogue(Path(snakemake.input.tracks).parent)
        ranks, seed = snakemake.params.tracks, snakemake.params.seed
        if snakemake.wildcards.system == "oracle":
            matches, lines = oracle(queries, catalogue, ranks)
        else:
            matches, lines = random_ranking(queries, catalogue, ranks, seed)
        write_csv(Path(snakemake.output.matches), matches)
        write_csv(Path(snakemake.output.lines), lines)
