"""Rule free_music_data: packages' audio and recipes → queries, training excerpts, catalogue."""

from pathlib import Path

from _job import job

from neuralsampleid.config import FreeMusicData
from neuralsampleid.datasets.free_music import make_free_music

if __name__ == "__main__":
    with job(snakemake):
        make_free_music(
            FreeMusicData.model_validate(snakemake.params.data),
            [Path(path) for path in snakemake.input.found],
            Path(snakemake.output.tracks).parent,
            workers=snakemake.threads,
        )
