"""Rule unpack_archive: an archive → a folder; empty where there is no archive."""

from pathlib import Path

from _job import job

from neuralsampleid.artefacts.archive import unpack
from neuralsampleid.artefacts.table import read_record

if __name__ == "__main__":
    with job(snakemake):
        archive = read_record(Path(snakemake.input.archive))
        folder = Path(snakemake.output.folder)
        if archive.path is None:
            folder.mkdir(parents=True)
        else:
            unpack(Path(archive.path), folder)
