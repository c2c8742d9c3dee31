"""Rule own_music_data: folders of audio and an annotation table, as a catalogue."""

from pathlib import Path

from _job import job

from neuralsampleid.config import OwnMusicData
from neuralsampleid.datasets.own_music import make_own_music

if __name__ == "__main__":
    with job(snakemake):
        settings = OwnMusicData.model_validate(snakemake.params.data)
        make_own_music(
            settings, Path(snakemake.output.tracks).parent, Path(snakemake.output.decoded)
        )
