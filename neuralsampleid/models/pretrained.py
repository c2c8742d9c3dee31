"""Encoders whose weights are ready before a run: where they lie, and how they are read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralsampleid.config import parse_encoder
from neuralsampleid.errors import UserError

if TYPE_CHECKING:
    from neuralsampleid.models.encoder import SegmentEncoder

# torch is needed for reading only, and every Snakemake process asks where weights lie.


def ready_weights(weights: str) -> Path:
    """The file that an encoder's section means.

    Raises:
        UserError: there is no such file.
    """
    path = Path(weights)
    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint, expected the weights of an encoder")
    return path


def load_configured(path: Path, section: dict[str, Any]) -> tuple[SegmentEncoder, str]:
    """An encoder of the configuration with its weights, ready for inference.

    Args:
        path: the weights.
        section: of the encoder; a pretrained one's settings stand in its weights.

    Returns:
        The encoder and its architecture.

    Raises:
        UserError: the file is no checkpoint of this project or holds another encoder.
    """
    from neuralsampleid.models.checkpoint import load_encoder
    from neuralsampleid.models.weights import architecture_of, load_any_encoder

    if section["architecture"] != "pretrained":
        return load_encoder(path, parse_encoder(section)), section["architecture"]
    architecture = architecture_of(path)
    if architecture is None:
        raise UserError(f"{path}: not a checkpoint of this project, expected a trained.pt")
    return load_any_encoder(path, architecture)[0], architecture
