"""Rule build_index: noise and reference fingerprints → a FAISS index."""

from pathlib import Path

from _job import job

from neuralsampleid.config import Index
from neuralsampleid.fingerprints.database import Database
from neuralsampleid.fingerprints.index import build_index

if __name__ == "__main__":
    with job(snakemake):
        database = Database.open([Path(store) for store in snakemake.input.stores])
        index = build_index(
            database.embeddings,
            Index.model_validate(snakemake.params.index),
            silent=database.silent,
            device=snakemake.params.device,
            threads=snakemake.threads,
        )
        index.save(Path(snakemake.output.index))
        if index.reason:
            print(f"note: a {index.kind} index was built: {index.reason}")
