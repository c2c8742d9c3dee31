"""Rule fuse: rankings of several systems → one ranking."""

from pathlib import Path

from _job import job

from neuralsampleid.catalogue.formats import MATCHES, read_table
from neuralsampleid.files import write_csv
from neuralsampleid.matching.fusion import fuse

if __name__ == "__main__":
    with job(snakemake):
        rankings = [read_table(Path(path), MATCHES) for path in snakemake.input.matches]
        write_csv(Path(snakemake.output.matches), fuse(rankings, snakemake.params.tracks))
