"""Rule calibrate_landmarks: queries and peaks → trials, and how probable an answer is by them."""

from pathlib import Path

from _job import job

from neuralsampleid.catalogue.formats import FULL_TRACK, QUERIES, read_table
from neuralsampleid.config import Landmarks, PeakFinding
from neuralsampleid.files import write_csv, write_json
from neuralsampleid.landmarks.store import read_all_peaks, read_peaks
from neuralsampleid.studies.trials import calibrate, run_landmark_trials

if __name__ == "__main__":
    with job(snakemake):
        queries = read_table(Path(snakemake.input.queries), QUERIES)
        trials = run_landmark_trials(
            read_peaks(Path(snakemake.input.query_peaks)),
            read_all_peaks(snakemake.input.peaks),
            PeakFinding.model_validate(snakemake.params.peaks),
            Landmarks.model_validate(snakemake.params.landmarks),
            queries[queries["task"] == FULL_TRACK],
            threads=snakemake.threads,
        )
        write_csv(Path(snakemake.output.trials), trials)
        write_json(Path(snakemake.output.calibration), calibrate(trials).as_json())
