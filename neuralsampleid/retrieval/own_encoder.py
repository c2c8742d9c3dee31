"""The encoder that a catalogue of own music is made with, and how to get one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neuralsampleid.errors import UserError
from neuralsampleid.files import sha256_of
from neuralsampleid.models.encoder import SegmentEncoder
from neuralsampleid.models.named import DEFAULT, SHIPPED, weights_file
from neuralsampleid.models.weights import Architecture, Graph, architecture_of, load_any_encoder
from neuralsampleid.retrieval.fingerprint import segment_seconds
from neuralsampleid.retrieval.probability import read_calibration


def encoder_for_new(
    name: str | None, architecture: Architecture | None, graph: Graph | None
) -> tuple[SegmentEncoder, dict[str, Any]]:
    """An encoder, and what a catalogue says of it.

    Args:
        name: of weights, see ``weights_file``; None: the default model.
        architecture: None if the checkpoint says it.
        graph: of ``gnn``, see ``load_any_encoder``.

    Raises:
        UserError: there are no weights, they do not fit, or do not say what they are of.
    """
    weights = weights_file(name or DEFAULT)
    known = architecture or architecture_of(weights)
    if known is None:
        raise UserError(
            f"{weights}: does not say what it is of, expected --encoder gnn or resnet_ibn"
        )
    encoder, settings = load_any_encoder(weights, known, graph)
    about = {
        "architecture": known,
        "graph": graph,
        "settings": settings.model_dump(mode="json", exclude={"training"}),
        "weights": str(weights.resolve()),
        "weights_sha256": sha256_of(weights),
        "calibration": read_calibration(weights),
        "embedding_size": encoder.embedding_size,
        "segment_s": segment_seconds(settings),
        "hop_s": encoder.segment_hop * encoder.front_end.hop_length / encoder.front_end.sample_rate,
    }
    return encoder, about


def encoder_of_catalogue(folder: Path, about: dict[str, Any], name: str | None) -> SegmentEncoder:
    """The encoder that made a catalogue; see ``weights_of_catalogue``."""
    path = weights_of_catalogue(folder, about, name)
    return load_any_encoder(path, about["architecture"], about["graph"])[0]


def weights_of_catalogue(folder: Path, about: dict[str, Any], name: str | None) -> Path:
    """The file of the weights that made a catalogue.

    Args:
        folder: the catalogue, for messages.
        about: what it says of itself.
        name: of its weights, see ``weights_file``; None: they are where they were, or the default
            model's.

    Raises:
        UserError: the file is missing or holds other weights than the catalogue's.
    """
    path = weights_file(name) if name else Path(about["weights"])
    if not path.is_file() and SHIPPED.is_file() and sha256_of(SHIPPED) == about["weights_sha256"]:
        path = SHIPPED  # this project lay elsewhere when the catalogue was made
    if not path.is_file():
        raise UserError(
            f"{path}: no such checkpoint, expected the weights that {folder} was made with; "
            "say with --weights where they are"
        )
    found = sha256_of(path)
    if found != about["weights_sha256"]:
        raise UserError(
            f"{path}: other weights (SHA-256 {found[:12]}…) than those that {folder} was made "
            f"with, expected {about['weights_sha256'][:12]}… or another --out for these"
        )
    return path
