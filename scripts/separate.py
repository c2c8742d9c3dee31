"""Rule separate: training tracks → stems."""

import logging
from pathlib import Path

from _job import job

from neuralsampleid.config import Separation
from neuralsampleid.data.catalogue import read_catalogue
from neuralsampleid.files import write_csv
from neuralsampleid.separation.backends import make_separator
from neuralsampleid.separation.tracks import separate_tracks

if __name__ == "__main__":
    with job(snakemake):
        settings = Separation.model_validate(snakemake.params.separation)
        tracks = read_catalogue(Path(snakemake.input.tracks).parent).with_role("train")
        report = separate_tracks(
            tracks,
            make_separator(settings),
            Path(snakemake.output.stems),
            snakemake.params.sample_rate,
            progress=lambda done, total: logging.info("%d of %d tracks", done, total),
            # A neural separator fills the machine by itself.
            workers=1 if settings.backend == "htdemucs" else snakemake.threads,
        )
        for row in report[report["status"] == "skipped"].itertuples():
            logging.warning("skipped: %s", row.reason)
        write_csv(Path(snakemake.output.report), report)
