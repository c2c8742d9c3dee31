"""Rule pack_levels: a shard's packed stems, or its tracks → the levels of their sources."""

from pathlib import Path

from _job import job, use_threads

from neuralsampleid.catalogue.shards import in_shard
from neuralsampleid.catalogue.tables import read_catalogue
from neuralsampleid.config import ConstantQ
from neuralsampleid.training.level_packs import pack_levels
from neuralsampleid.training.packs import open_packed
from neuralsampleid.training.source_levels import levels_of_mixes, levels_of_stems

if __name__ == "__main__":
    with job(snakemake):
        use_threads(snakemake)
        front_end = ConstantQ.model_validate(snakemake.params.front_end)
        if snakemake.input.packed:
            packed = open_packed([Path(snakemake.input.packed[0])])
            levels = levels_of_stems(packed, front_end)
        else:
            tracks = read_catalogue(Path(snakemake.input.tracks).parent).with_role("train")
            own = in_shard(tracks, snakemake.wildcards.shard, snakemake.params.shards)
            levels = levels_of_mixes(own, front_end)
        pack_levels(levels, Path(snakemake.output.levels))
