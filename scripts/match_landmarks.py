"""Rule match_landmarks: queries and peaks → rankings."""

from pathlib import Path

from _job import job

from neuralsampleid.catalogue.formats import QUERIES, read_table
from neuralsampleid.config import Landmarks, PeakFinding
from neuralsampleid.files import write_csv
from neuralsampleid.landmarks.store import read_all_peaks, read_peaks
from neuralsampleid.matching.landmarks import rank_by_landmarks

if __name__ == "__main__":
    with job(snakemake):
        matches = rank_by_landmarks(
            read_table(Path(snakemake.input.queries), QUERIES),
            read_peaks(Path(snakemake.input.query_peaks)),
            read_all_peaks(snakemake.input.peaks),
            PeakFinding.model_validate(snakemake.params.peaks),
            Landmarks.model_validate(snakemake.params.landmarks),
            ranks=snakemake.params.tracks,
            threads=snakemake.threads,
        )
        write_csv(Path(snakemake.output.matches), matches)
