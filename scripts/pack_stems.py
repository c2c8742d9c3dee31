"""Rule pack_stems: a shard's stems → one memory-mapped file at an encoder's sample rate."""

from pathlib import Path

from _job import job

from neuralsampleid.separation.tracks import read_report, separated_ids
from neuralsampleid.training.packs import pack_stems

if __name__ == "__main__":
    with job(snakemake):
        pack_stems(
            Path(snakemake.params.stems),
            separated_ids(read_report(Path(snakemake.input.report))),
            int(snakemake.wildcards.rate),
            Path(snakemake.output.packed),
        )
