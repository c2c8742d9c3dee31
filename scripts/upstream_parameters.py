"""Rule upstream_parameters: weights → numbers of stored and acting parameters by system."""

from pathlib import Path

from _job import job

from neuralsampleid.artefacts.table import read_record
from neuralsampleid.files import write_json
from neuralsampleid.models.encoder import parameter_counts
from neuralsampleid.models.weights import load_any_encoder, load_any_reranker

if __name__ == "__main__":
    with job(snakemake):
        records = [read_record(Path(folder)) for folder in snakemake.input]
        found = {record.name: Path(record.path) for record in records if record.path is not None}
        counted: dict[str, dict[str, int]] = {}
        for system in snakemake.params.systems:
            counted[system["name"]] = own = {}
            if system["weights"] in found:
                encoder, _ = load_any_encoder(found[system["weights"]], system["encoder"])
                counts = parameter_counts(encoder)
                own |= {"stored": counts.stored, "acting": counts.acting}
            if system["reranker"] in found:
                reranker = load_any_reranker(found[system["reranker"]])
                own["reranker"] = sum(parameter.numel() for parameter in reranker.parameters())
        write_json(Path(snakemake.output.counts), counted)
