"""Rule upstream_parameters: weights → numbers of stored and acting parameters by system."""

from pathlib import Path

from _job import job

from neuralsampleid.artefacts.table import read_record
from neuralsampleid.config import UpstreamSystem
from neuralsampleid.files import write_json
from neuralsampleid.upstream.tables import count_parameters

if __name__ == "__main__":
    with job(snakemake):
        records = [read_record(Path(folder)) for folder in snakemake.input]
        systems = [UpstreamSystem.model_validate(row) for row in snakemake.params.systems]
        counts = count_parameters(systems, {record.name: record for record in records})
        write_json(Path(snakemake.output.counts), counts)
