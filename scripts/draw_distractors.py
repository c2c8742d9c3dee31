"""Rule draw_distractors: real fingerprints → an enlarged catalogue, and how alike it is."""

from pathlib import Path

import numpy as np
from _job import job

from neuralsampleid.files import write_csv
from neuralsampleid.fingerprints.store import open_stores
from neuralsampleid.studies.scale import (
    neighbour_distances,
    sounding_tracks,
    write_enlarged,
)

if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        noise = sounding_tracks(open_stores(snakemake.input.noise_stores))
        queries = sounding_tracks(open_stores(snakemake.input.query_stores))
        distances = neighbour_distances(
            np.concatenate(list(queries.values())),
            list(noise.values()),
            params.components,
            params.seed,
        )
        write_enlarged(
            Path(snakemake.output.catalogue),
            sounding_tracks(open_stores(snakemake.input.reference_stores)),
            noise,
            params.segments,
            params.components,
            params.seed,
        )
        write_csv(Path(snakemake.output.distances), distances)
