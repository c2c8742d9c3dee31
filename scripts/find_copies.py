"""Rule find_copies: tracks → which of them the rankings of which query leave out, and why."""

import sys
from pathlib import Path

from _job import job

from neuralsampleid.catalogue.tables import read_catalogue
from neuralsampleid.evaluation.copies import said_of, tracks_left_out
from neuralsampleid.files import write_csv
from neuralsampleid.landmarks.store import read_all_peaks

if __name__ == "__main__":
    with job(snakemake):
        left_out = tracks_left_out(
            read_catalogue(Path(snakemake.input.tracks).parent),
            read_all_peaks(snakemake.input.peaks),
        )
        write_csv(Path(snakemake.output.left_out), left_out)
        if said := said_of(left_out):
            print(f"warning: {said}", file=sys.stderr)
