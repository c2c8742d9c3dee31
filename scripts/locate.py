"""Rule locate: a system's rankings, fingerprints and an index → where the first tracks match."""

from pathlib import Path

from _job import job

from neuralsampleid.catalogue.formats import MATCHES, read_table
from neuralsampleid.catalogue.tables import read_catalogue
from neuralsampleid.files import write_csv
from neuralsampleid.fingerprints.index import load_index
from neuralsampleid.fingerprints.store import open_stores
from neuralsampleid.matching.locating import locate

if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        tracks = read_catalogue(Path(snakemake.input.tracks).parent).tracks
        lengths = dict(zip(tracks["track_id"], tracks["duration_s"], strict=True))
        queries, searched = (
            open_stores(paths).with_seconds(lengths)
            for paths in (snakemake.input.query_stores, snakemake.input.stores)
        )
        lines = locate(
            read_table(Path(snakemake.input.matches), MATCHES),
            queries,
            searched,
            load_index(Path(snakemake.input.index), params.device),
            candidates=params.candidates,
            references=params.tracks,
            threads=snakemake.threads,
        )
        write_csv(Path(snakemake.output.lines), lines)
