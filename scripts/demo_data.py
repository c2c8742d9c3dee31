"""Rule demo_data: compose and render the demo data set."""

from pathlib import Path

from _job import job

from neuralsampleid.config import DemoData
from neuralsampleid.datasets.demo import make_demo

if __name__ == "__main__":
    with job(snakemake):
        make_demo(
            DemoData.model_validate(snakemake.params.data),
            snakemake.params.seed,
            Path(snakemake.output.tracks).parent,
            workers=snakemake.threads,
        )
