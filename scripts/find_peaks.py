"""Rule find_peaks: the tracks of one role → their spectral peaks."""

from pathlib import Path

from _job import job

from neuralsampleid.catalogue.tables import read_catalogue
from neuralsampleid.config import PeakFinding
from neuralsampleid.landmarks.store import peaks_of_tracks, write_peaks

if __name__ == "__main__":
    with job(snakemake):
        catalogue = read_catalogue(Path(snakemake.input.tracks).parent)
        tracks = catalogue.with_role(snakemake.wildcards.role)
        settings = PeakFinding.model_validate(snakemake.params.peaks)
        of_queries = snakemake.wildcards.role == "query"
        peaks = peaks_of_tracks(tracks, settings, of_queries)
        write_peaks(Path(snakemake.output.peaks), peaks)
