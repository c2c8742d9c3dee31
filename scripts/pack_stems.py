"""Rule pack_stems: stems → one memory-mapped file at an encoder's sample rate."""

from pathlib import Path

import pandas as pd
from _job import job

from neuralsampleid.training.packed import pack_stems

if __name__ == "__main__":
    with job(snakemake):
        report = pd.read_csv(snakemake.input.report, dtype=str)
        pack_stems(
            Path(snakemake.input.stems),
            report.loc[report["status"] == "separated", "track_id"].tolist(),
            int(snakemake.wildcards.rate),
            Path(snakemake.output.packed),
        )
