"""Rule scale_figure: what indexes keep and cost at all sizes → one table and one figure."""

from pathlib import Path

import pandas as pd
from _job import job

from neuralsampleid.files import write_csv
from neuralsampleid.report.drawing import save_figure
from neuralsampleid.studies.scale_figure import scale_figure

if __name__ == "__main__":
    with job(snakemake):
        tables = [pd.read_csv(path) for path in snakemake.input.tables]
        indexes = pd.concat(tables, ignore_index=True)
        indexes = indexes.astype({"lists": "Int64", "probes": "Int64"})
        figure = scale_figure(indexes, pd.read_csv(snakemake.input.distances))
        save_figure(figure, Path(snakemake.output.png).with_suffix(""))
        write_csv(Path(snakemake.output.table), indexes)
