"""Rule separation_quality: SI-SDR of the stems against the true ones."""

from pathlib import Path

import pandas as pd
from _job import job

from neuralsampleid.files import write_csv
from neuralsampleid.separation.quality import mean_quality, stem_quality

if __name__ == "__main__":
    with job(snakemake):
        report = pd.read_csv(snakemake.input.report, dtype=str)
        separated = report.loc[report["status"] == "separated", "track_id"]
        quality = stem_quality(
            Path(snakemake.input.stems), Path(snakemake.input.true_stems), separated
        )
        write_csv(Path(snakemake.output.quality), quality)
        write_csv(Path(snakemake.output.means), mean_quality(quality).round(2))
