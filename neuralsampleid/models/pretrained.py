"""The encoders of a configuration with their weights, ready ones among them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neuralsampleid.config import parse_encoder
from neuralsampleid.errors import UserError
from neuralsampleid.models.checkpoint import load_encoder
from neuralsampleid.models.encoder import SegmentEncoder
from neuralsampleid.models.weights import architecture_of, load_any_encoder


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
    if section["architecture"] != "pretrained":
        return load_encoder(path, parse_encoder(section)), section["architecture"]
    architecture = architecture_of(path)
    if architecture is None:
        raise UserError(f"{path}: not a checkpoint of this project, expected a trained.pt")
    return load_any_encoder(path, architecture)[0], architecture
