"""Rule count_parameters: published weights → numbers of stored and acting parameters."""

from pathlib import Path

from _job import job

from neuralsampleid.files import write_json
from neuralsampleid.models.encoder import parameter_counts
from neuralsampleid.models.weights import load_any_encoder, load_any_reranker
from neuralsampleid.released.artefacts import read_record

if __name__ == "__main__":
    with job(snakemake):
        counted = {}
        for folder in snakemake.input.weights:
            path = read_record(Path(folder)).path
            if path is not None:
                encoder, _ = load_any_encoder(Path(path), snakemake.params.encoder)
                counts = parameter_counts(encoder)
                counted |= {"stored": counts.stored, "acting": counts.acting}
        for folder in snakemake.input.reranker:
            path = read_record(Path(folder)).path
            if path is not None:
                parameters = load_any_reranker(Path(path)).parameters()
                counted["reranker"] = sum(parameter.numel() for parameter in parameters)
        write_json(Path(snakemake.output.counts), counted)
