"""Rule take_weights: pretrained weights become those of an encoder of this run."""

import shutil
from pathlib import Path

from _job import job

from neuralsampleid.files import replacing_file
from neuralsampleid.models.weights import load_configured

if __name__ == "__main__":
    with job(snakemake):
        given = Path(snakemake.input.weights)
        load_configured(given, snakemake.params.encoder)  # wrong ones are said here, by their name
        with replacing_file(Path(snakemake.output.weights)) as temporary:
            shutil.copyfile(given, temporary)
