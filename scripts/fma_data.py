"""Rule fma_data: clips of FMA and what there is of Sample100, as one catalogue."""

from pathlib import Path

from _job import job

from neuralsampleid.config import FmaData
from neuralsampleid.datasets.fma import make_fma

if __name__ == "__main__":
    with job(snakemake):
        clips, metadata = snakemake.params.folders
        # An optional archive that could not be had is an empty folder.
        if metadata in snakemake.input.unpacked and not any(Path(metadata).iterdir()):
            metadata = None
        make_fma(
            FmaData.model_validate(snakemake.params.data),
            Path(clips),
            None if metadata is None else Path(metadata),
            Path(snakemake.output.tracks).parent,
            workers=snakemake.threads,
        )
