"""Rule index_shard: references and noise tracks that fall to a shard → a library of these."""

import logging
import os
from pathlib import Path

from _job import job, use_threads

from neuralsampleid.catalogue.tables import SEARCHED_ROLES, read_catalogue
from neuralsampleid.library.shards import Shard
from neuralsampleid.library.update import index_music

if __name__ == "__main__":
    with job(snakemake):
        use_threads(snakemake)
        tracks = read_catalogue(Path(snakemake.input.tracks).parent).tracks
        paths = [Path(path) for path in tracks["path"][tracks["role"].isin(SEARCHED_ROLES)]]
        music = Path(os.path.commonpath([path.parent for path in paths]))
        shard = Shard(int(snakemake.wildcards.number), snakemake.params.shards)
        summary = index_music(
            music,
            Path(snakemake.output.shard),
            snakemake.params.weights,
            files=[path for path in paths if shard.holds(path.relative_to(music))],
            threads=snakemake.threads,
        )
        for line in summary.lines():
            logging.info("%s", line)
