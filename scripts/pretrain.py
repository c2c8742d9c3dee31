"""Rule pretrain: packed stems, or their levels → a trained encoder and its learning curves."""

from pathlib import Path

import pandas as pd
from _job import job, run_tasks, use_threads, wants_tasks

from neuralsampleid.config import ReadingCnn, parse_encoder
from neuralsampleid.files import write_csv
from neuralsampleid.models.checkpoint import save_encoder
from neuralsampleid.processes import is_first_process
from neuralsampleid.training.fitting import end, prepare_folder
from neuralsampleid.training.level_packs import open_levels
from neuralsampleid.training.machine import this_machine
from neuralsampleid.training.packs import open_packed
from neuralsampleid.training.pretraining import pretrain

if __name__ == "__main__":
    with job(snakemake):
        use_threads(snakemake)
        settings = parse_encoder(snakemake.params.encoder)
        folders = [Path(folder) for folder in snakemake.input.packed]
        if isinstance(settings, ReadingCnn):
            packed = open_levels(folders, settings.front_end.bins)
        else:
            packed = open_packed(folders)
        weights = Path(snakemake.output.weights)
        # No output of the rule: checkpoints survive an interruption, and training resumes.
        checkpoints = weights.parent / "checkpoints"
        training = (settings, packed, snakemake.params.seed)
        params = snakemake.params
        machine = this_machine(snakemake.threads, params.device, params.precision)
        if wants_tasks(snakemake):
            # Before tasks look into it at once.
            prepare_folder(checkpoints, *training, machine.precision)
            run_tasks(snakemake)
        else:
            trained = pretrain(*training, checkpoints, machine)
            if is_first_process():
                curves = pd.read_csv(checkpoints / "curves.csv")
                curves.insert(0, "encoder", snakemake.wildcards.encoder)
                write_csv(Path(snakemake.output.curves), curves)
                save_encoder(weights, trained.encoder, settings)
                end(checkpoints)
