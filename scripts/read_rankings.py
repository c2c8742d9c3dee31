"""Rule read_rankings: another program's file → rankings, and where tracks match."""

from pathlib import Path

from _job import job

from neuralsampleid.catalogue.formats import QUERIES, read_table
from neuralsampleid.catalogue.tables import TRACK_COLUMNS
from neuralsampleid.files import write_csv
from neuralsampleid.matching.external import lines_of, matches_of, read_rankings

if __name__ == "__main__":
    with job(snakemake):
        queries = read_table(Path(snakemake.input.queries), QUERIES)
        tracks = read_table(Path(snakemake.input.tracks), TRACK_COLUMNS)
        rankings = read_rankings(Path(snakemake.input.rankings), queries, tracks)
        matches = matches_of(rankings, queries, snakemake.params.tracks)
        write_csv(Path(snakemake.output.matches), matches)
        write_csv(Path(snakemake.output.lines), lines_of(rankings, matches))
