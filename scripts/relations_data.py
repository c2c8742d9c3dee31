"""Rule relations_data: a table of relations, and what audio of them there is, as a catalogue."""

from pathlib import Path

from _job import job

from neuralsampleid.config import RelationsData
from neuralsampleid.datasets.relations import make_relations

if __name__ == "__main__":
    with job(snakemake):
        settings = RelationsData.model_validate(snakemake.params.data)
        make_relations(settings, Path(snakemake.output.tracks).parent)
