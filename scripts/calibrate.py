"""Rule calibrate: queries and fingerprints → trials, and how probable an answer is by them."""

from pathlib import Path

from _job import job, use_threads

from neuralsampleid.catalogue.formats import FULL_TRACK, QUERIES, read_table
from neuralsampleid.files import write_csv, write_json
from neuralsampleid.fingerprints.store import open_stores
from neuralsampleid.studies.trials import calibrate, run_trials

if __name__ == "__main__":
    with job(snakemake):
        use_threads(snakemake)
        queries = read_table(Path(snakemake.input.queries), QUERIES)
        trials = run_trials(
            open_stores(snakemake.input.query_stores),
            open_stores(snakemake.input.stores),
            queries[queries["task"] == FULL_TRACK],
            threads=snakemake.threads,
        )
        write_csv(Path(snakemake.output.trials), trials)
        write_json(Path(snakemake.output.calibration), calibrate(trials).as_json())
