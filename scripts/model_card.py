"""Rule model_card: metrics, curves, the file's description, notes → the shipped model's card."""

from pathlib import Path

import pandas as pd
from _job import job

from neuralsampleid.catalogue.formats import METRICS, read_table
from neuralsampleid.config import DemoData, parse_encoder
from neuralsampleid.files import read_json, write_text
from neuralsampleid.library.probability import read_calibration
from neuralsampleid.report.model_card import Shipped, model_card

if __name__ == "__main__":
    with job(snakemake):
        about = read_json(Path(snakemake.input.about), dict, "what rule release wrote")
        shipped = Shipped(
            name=snakemake.params.shipped,
            settings=parse_encoder(snakemake.params.encoder),
            data=DemoData.model_validate(snakemake.params.data),
            seed=snakemake.params.seed,
            confidence=snakemake.params.confidence,
            calibration=read_calibration(Path(snakemake.input.calibration)),
            **about,
        )
        metrics = read_table(Path(snakemake.input.metrics), METRICS)
        curves = pd.read_csv(snakemake.input.curves)
        notes = Path(snakemake.input.notes).read_text(encoding="utf-8")
        write_text(Path(snakemake.output.card), model_card(shipped, metrics, curves, notes))
