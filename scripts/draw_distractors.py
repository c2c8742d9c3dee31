"""Rule draw_distractors: real fingerprints → an enlarged catalogue, and how alike it is."""

from pathlib import Path

import numpy as np
from _job import job

from neuralsampleid.evaluation.scale import (
    neighbour_distances,
    sounding_tracks,
    write_enlarged,
)
from neuralsampleid.files import write_csv
from neuralsampleid.retrieval.store import open_store

if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        noise = sounding_tracks(open_store(Path(snakemake.input.noise_store)))
        queries = sounding_tracks(open_store(Path(snakemake.input.query_store)))
        distances = neighbour_distances(
            np.concatenate(list(queries.values())),
            list(noise.values()),
            params.components,
            params.seed,
        )
        write_enlarged(
            Path(snakemake.output.catalogue),
            sounding_tracks(open_store(Path(snakemake.input.reference_store))),
            noise,
            params.segments,
            params.components,
            params.seed,
        )
        write_csv(Path(snakemake.output.distances), distances)
