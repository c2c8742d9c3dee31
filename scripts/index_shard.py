"""Rule index_shard: references and noise tracks that fall to a shard → a library of these."""

import logging
import os
from pathlib import Path

from _job import job, use_threads

from neuralsampleid.catalogue.tables import read_catalogue
from neuralsampleid.library.shards import Shard
from neuralsampleid.library.update import index_music

if __name__ == "__main__":
    with job(snakemake):
        use_threads(snakemake)
        catalogue = read_catalogue(Path(snakemake.input.tracks).parent)
        roles = [catalogue.with_role(role)["path"] for role in snakemake.params.roles]
        paths = [Path(path) for own in roles for path in own]
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
