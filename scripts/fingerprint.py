"""Rule fingerprint: a shard of the tracks of one role → a fingerprint store."""

from pathlib import Path

from _job import job, use_threads

from neuralsampleid.catalogue.shards import in_shard
from neuralsampleid.catalogue.tables import read_catalogue
from neuralsampleid.devices import resolve_device, resolve_precision
from neuralsampleid.files import sha256_of
from neuralsampleid.fingerprints.fingerprinting import fingerprint_tracks
from neuralsampleid.fingerprints.readings import fingerprint_queries
from neuralsampleid.fingerprints.store import writing_store
from neuralsampleid.models.reading_cnn import ReadingCnnEncoder
from neuralsampleid.models.weights import load_configured

if __name__ == "__main__":
    with job(snakemake):
        use_threads(snakemake)
        device = resolve_device(snakemake.params.device)
        precision = resolve_precision(snakemake.params.precision, device)
        weights = Path(snakemake.input.weights)
        encoder, architecture = load_configured(weights, snakemake.params.encoder)
        catalogue = read_catalogue(Path(snakemake.input.tracks).parent)
        tracks = catalogue.with_role(snakemake.wildcards.role)
        meta = {
            "encoder": architecture,
            "settings": snakemake.params.encoder,
            "weights_sha256": sha256_of(weights),
            "device": device,
            "precision": precision,
        }
        own = in_shard(tracks, snakemake.wildcards.shard, snakemake.params.shards)
        with writing_store(Path(snakemake.output.store), meta) as store:
            encoder = encoder.to(device)
            if isinstance(encoder, ReadingCnnEncoder) and snakemake.wildcards.role == "query":
                fingerprint_queries(encoder, own, store, precision=precision)
            else:
                nodes = snakemake.params.nodes
                fingerprint_tracks(encoder, own, store, nodes=nodes, precision=precision)
