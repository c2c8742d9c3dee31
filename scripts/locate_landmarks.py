"""Rule locate_landmarks: rankings and peaks → where the first tracks match."""

from pathlib import Path

from _job import job

from neuralsampleid.catalogue.formats import MATCHES, QUERIES, read_table
from neuralsampleid.config import Landmarks, PeakFinding
from neuralsampleid.files import write_csv
from neuralsampleid.landmarks.store import read_all_peaks, read_peaks
from neuralsampleid.matching.fusion import clearest_in
from neuralsampleid.matching.landmarks import lines_by_landmarks
from neuralsampleid.matching.locating import first_tracks, locate

if __name__ == "__main__":
    with job(snakemake):
        params, found = snakemake.params, snakemake.input
        first = first_tracks(
            read_table(Path(found.matches), MATCHES), read_table(Path(found.queries), QUERIES)
        )
        rankings = [read_table(Path(path), MATCHES) for path in found.parts]
        first = clearest_in(first, rankings, params.place)
        lines_in = lines_by_landmarks(
            read_peaks(Path(found.query_peaks)),
            read_all_peaks(found.peaks),
            PeakFinding.model_validate(params.peaks),
            Landmarks.model_validate(params.landmarks),
        )
        write_csv(Path(snakemake.output.lines), locate(first, lines_in, 0.0))
