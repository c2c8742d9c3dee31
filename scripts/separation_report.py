"""Rule separation_report: the shards' lists of separated and skipped tracks → one list."""

from pathlib import Path

from _job import job

from neuralsampleid.files import write_csv
from neuralsampleid.separation.tracks import read_reports

if __name__ == "__main__":
    with job(snakemake):
        report = read_reports([Path(path) for path in snakemake.input])
        write_csv(Path(snakemake.output.report), report)
