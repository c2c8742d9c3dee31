"""Rule separate: a shard of the training tracks → stems, and a list of what was skipped."""

import logging
from pathlib import Path

from _job import job

from neuralsampleid.catalogue.shards import in_shard
from neuralsampleid.catalogue.tables import read_catalogue
from neuralsampleid.config import Separation
from neuralsampleid.files import write_csv
from neuralsampleid.separation.backends import make_separator
from neuralsampleid.separation.tracks import separate_tracks

if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        settings = Separation.model_validate(params.separation)
        catalogue = read_catalogue(Path(snakemake.input.tracks).parent)
        tracks = in_shard(catalogue.with_role("train"), snakemake.wildcards.shard, params.shards)
        report = separate_tracks(
            tracks,
            make_separator(settings, params.device, params.precision),
            Path(params.stems),
            params.sample_rate,
            settings.format,
            # A neural separator fills the machine by itself.
            workers=1 if settings.backend == "htdemucs" else snakemake.threads,
        )
        for row in report[report["status"] == "skipped"].itertuples():
            logging.warning("skipped: %s", row.reason)
        write_csv(Path(snakemake.output.report), report)
