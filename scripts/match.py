"""Rule match: queries, fingerprints and an index → rankings."""

from pathlib import Path

from _job import job, use_threads

from neuralsampleid.catalogue.formats import QUERIES, read_table
from neuralsampleid.config import Reranker
from neuralsampleid.files import write_csv
from neuralsampleid.fingerprints.index import load_index
from neuralsampleid.fingerprints.readings import open_readings
from neuralsampleid.fingerprints.store import open_stores
from neuralsampleid.matching.fingerprints import Reranking, rank_by_fingerprints
from neuralsampleid.matching.readings import rank_by_readings

if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        query_segments = open_stores(snakemake.input.query_stores)
        reranking = None
        if params.reranker is not None:
            from neuralsampleid.devices import resolve_device, resolve_precision
            from neuralsampleid.models.checkpoint import load_reranker

            use_threads(snakemake)
            device = resolve_device(params.device)
            settings = Reranker.model_validate(params.reranker)
            reranker = load_reranker(
                Path(snakemake.input.reranker[0]), settings, query_segments.nodes.shape[1:]
            )
            reranking = Reranking(
                reranker.to(device),
                settings.rescoring.candidates,
                settings.rescoring.weight,
                resolve_precision(params.precision, device),
            )
        queries = read_table(Path(snakemake.input.queries), QUERIES)
        searched = open_stores(snakemake.input.stores)
        readings = open_readings(snakemake.input.query_stores)
        if readings:
            matches = rank_by_readings(queries, readings, searched, ranks=params.tracks)
        else:
            matches = rank_by_fingerprints(
                queries,
                query_segments,
                searched,
                load_index(Path(snakemake.input.index), params.device),
                candidates=params.candidates,
                ranks=params.tracks,
                reranking=reranking,
                threads=snakemake.threads,
            )
        write_csv(Path(snakemake.output.matches), matches)
