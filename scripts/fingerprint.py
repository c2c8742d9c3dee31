"""Rule fingerprint: a shard of the tracks of one role → a fingerprint store."""

from pathlib import Path

from _job import job, use_threads

from neuralsampleid.catalogue.shards import in_shard
from neuralsampleid.catalogue.tables import read_catalogue
from neuralsampleid.devices import resolve_device, resolve_precision
from neuralsampleid.files import sha256_of
from neuralsampleid.fingerprints.fingerprinting import fingerprint_tracks
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
        fingerprint_tracks(
            encoder.to(device),
            in_shard(tracks, snakemake.wildcards.shard, snakemake.params.shards),
            Path(snakemake.output.store),
            meta,
            nodes=snakemake.params.nodes,
            precision=precision,
        )
