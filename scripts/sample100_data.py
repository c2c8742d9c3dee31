"""Rule sample100_data: the annotations of Sample100, and what audio there is, as a catalogue."""

from pathlib import Path

from _job import job

from neuralsampleid.config import Sample100Data
from neuralsampleid.datasets.sample100 import make_sample100

if __name__ == "__main__":
    with job(snakemake):
        settings = Sample100Data.model_validate(snakemake.params.data)
        make_sample100(settings, Path(snakemake.output.tracks).parent)
