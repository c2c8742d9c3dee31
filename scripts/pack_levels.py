"""Rule pack_levels: a shard's packed stems → the levels of its sources."""

from pathlib import Path

from _job import job, use_threads

from neuralsampleid.config import ConstantQ
from neuralsampleid.training.level_packs import pack_levels
from neuralsampleid.training.packs import open_packed

if __name__ == "__main__":
    with job(snakemake):
        use_threads(snakemake)
        front_end = ConstantQ.model_validate(snakemake.params.front_end)
        packed = open_packed([Path(snakemake.input.packed)])
        pack_levels(packed, front_end, Path(snakemake.output.levels))
