"""Rule initialise: an encoder with fresh weights, the floor of every comparison."""

from pathlib import Path

from _job import job

from neuralsampleid.config import parse_encoder
from neuralsampleid.models.checkpoint import make_encoder, save_encoder

if __name__ == "__main__":
    with job(snakemake):
        settings = parse_encoder(snakemake.params.encoder)
        encoder = make_encoder(settings, snakemake.params.seed)
        save_encoder(Path(snakemake.output.weights), encoder, settings)
