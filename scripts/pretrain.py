"""Rule pretrain: packed stems → a trained encoder and its learning curves."""

from pathlib import Path

import pandas as pd
from _job import job, use_threads

from neuralsampleid.config import parse_encoder
from neuralsampleid.files import write_csv
from neuralsampleid.models.checkpoint import save_encoder
from neuralsampleid.training.packed import open_packed
from neuralsampleid.training.pretrain import pretrain

if __name__ == "__main__":
    with job(snakemake):
        use_threads(snakemake)
        settings = parse_encoder(snakemake.params.encoder)
        # No output of the rule: checkpoints survive an interruption, and training resumes.
        checkpoints = Path(snakemake.output.weights).parent / "checkpoints"
        trained = pretrain(
            settings,
            open_packed([Path(folder) for folder in snakemake.input.packed]),
            snakemake.params.seed,
            checkpoints,
            workers=snakemake.threads - 1,
        )
        curves = pd.read_csv(checkpoints / "curves.csv")
        curves.insert(0, "encoder", snakemake.wildcards.encoder)
        write_csv(Path(snakemake.output.curves), curves)
        save_encoder(Path(snakemake.output.weights), trained.encoder, settings)
