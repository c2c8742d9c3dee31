"""Rule train_reranker: a frozen encoder and packed stems → the re-ranker."""

from pathlib import Path

import pandas as pd
from _job import job, use_threads

from neuralsampleid.config import Reranker, parse_encoder
from neuralsampleid.files import write_csv
from neuralsampleid.models.checkpoint import load_encoder, save_reranker
from neuralsampleid.training.fitting import end
from neuralsampleid.training.machine import this_machine
from neuralsampleid.training.packs import open_packed
from neuralsampleid.training.reranking import train_reranker

if __name__ == "__main__":
    with job(snakemake):
        use_threads(snakemake)
        settings = Reranker.model_validate(snakemake.params.reranker)
        encoder_settings = parse_encoder(snakemake.params.encoder)
        weights = Path(snakemake.output.weights)
        checkpoints = weights.parent / "checkpoints"  # as of an encoder
        model = train_reranker(
            settings,
            load_encoder(Path(snakemake.input.weights), encoder_settings),
            encoder_settings,
            open_packed([Path(folder) for folder in snakemake.input.packed]),
            snakemake.params.seed,
            checkpoints,
            this_machine(snakemake.threads, snakemake.params.device, snakemake.params.precision),
        )
        curves = pd.read_csv(checkpoints / "curves.csv")
        curves.insert(0, "encoder", snakemake.wildcards.reranker)
        write_csv(Path(snakemake.output.curves), curves)
        save_reranker(weights, model, settings)
        end(checkpoints)
