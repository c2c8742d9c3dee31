"""Rule build_index: noise and reference fingerprints → a FAISS index."""

from pathlib import Path

from _job import job

from neuralsampleid.config import Index
from neuralsampleid.fingerprints.index import build_index
from neuralsampleid.fingerprints.store import open_stores

if __name__ == "__main__":
    with job(snakemake):
        segments = open_stores(snakemake.input.stores)
        index = build_index(
            segments.embeddings,
            Index.model_validate(snakemake.params.index),
            silent=segments.silent,
            device=snakemake.params.device,
            threads=snakemake.threads,
        )
        index.save(Path(snakemake.output.index))
        if index.reason:
            print(f"note: a {index.kind} index was built: {index.reason}")
