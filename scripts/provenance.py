"""Rule provenance: the merged configuration, versions and seed beside the results."""

from pathlib import Path

from _job import job

from neuralsampleid.config import parse_any_config
from neuralsampleid.files import write_json, write_text
from neuralsampleid.report.provenance import config_yaml, provenance

if __name__ == "__main__":
    with job(snakemake):
        config = parse_any_config(snakemake.params.config, "configuration")
        write_json(Path(snakemake.output.record), provenance(config, Path(snakemake.scriptdir)))
        write_text(Path(snakemake.output.config), config_yaml(config))
