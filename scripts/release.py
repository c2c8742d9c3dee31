"""Rule release: a trained encoder → a small file of it, and what its card tells of that file."""

from pathlib import Path

from _job import job

from neuralsampleid.files import write_json
from neuralsampleid.models.encoder import parameter_counts
from neuralsampleid.models.shipping import write_half
from neuralsampleid.models.weights import architecture_of, load_any_encoder

if __name__ == "__main__":
    with job(snakemake):
        model = Path(snakemake.output.model)
        similarity = write_half(Path(snakemake.input.weights), model)
        encoder, _ = load_any_encoder(model, architecture_of(model))
        about = {
            "size_bytes": model.stat().st_size,
            "parameters": parameter_counts(encoder).stored,
            "embedding_size": encoder.embedding_size,
            "similarity": similarity,
        }
        write_json(Path(snakemake.output.about), about)
