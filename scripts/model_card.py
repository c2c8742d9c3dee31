"""Rule model_card: metrics, curves and what the file is → the card of the model that ships."""

from pathlib import Path

import pandas as pd
from _job import job

from neuralsampleid.catalogue.formats import METRICS, read_table
from neuralsampleid.config import DemoData, parse_encoder
from neuralsampleid.files import read_json, write_text
from neuralsampleid.library.probability import Calibration
from neuralsampleid.report.model_card import Released, model_card

if __name__ == "__main__":
    with job(snakemake):
        about = read_json(Path(snakemake.input.about), dict, "what rule release wrote")
        calibration = read_json(Path(snakemake.input.calibration), dict, "a calibration")
        released = Released(
            name="default",
            settings=parse_encoder(snakemake.params.encoder),
            data=DemoData.model_validate(snakemake.params.data),
            seed=snakemake.params.seed,
            calibration=Calibration.from_json(calibration),
            **about,
        )
        metrics = read_table(Path(snakemake.input.metrics), METRICS)
        curves = pd.read_csv(snakemake.input.curves)
        write_text(Path(snakemake.output.card), model_card(released, metrics, curves))
