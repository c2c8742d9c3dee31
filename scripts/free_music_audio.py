"""Rule free_music_audio: the audio files that are wanted of a Debian package."""

from pathlib import Path

from _job import job

from neuralsampleid.datasets.free_music_tables import get_package

if __name__ == "__main__":
    with job(snakemake):
        debs = snakemake.params.debs
        get_package(
            snakemake.wildcards.package,
            snakemake.params.files,
            None if debs is None else Path(debs),
            Path(snakemake.output.found),
        )
