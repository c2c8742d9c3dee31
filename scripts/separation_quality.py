"""Rule separation_quality: SI-SDR of the stems against the true ones."""

from pathlib import Path

from _job import job

from neuralsampleid.files import write_csv
from neuralsampleid.separation.quality import mean_quality, stem_quality
from neuralsampleid.separation.tracks import read_report, separated_ids

if __name__ == "__main__":
    with job(snakemake):
        separated = separated_ids(read_report(Path(snakemake.input.report)))
        quality = stem_quality(
            Path(snakemake.params.stems), Path(snakemake.input.true_stems), separated
        )
        write_csv(Path(snakemake.output.quality), quality)
        write_csv(Path(snakemake.output.means), mean_quality(quality).round(2))
