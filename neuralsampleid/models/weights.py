"""Weights that a person names: a checkpoint of this project or a published one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, cast, get_args

import torch
from pydantic import ValidationError

from neuralsampleid.config import EncoderSettings, Gnn, Reranker, ResNetIbn, parse_encoder
from neuralsampleid.errors import UserError
from neuralsampleid.models.checkpoint import load_encoder, load_reranker
from neuralsampleid.models.encoder import SegmentEncoder
from neuralsampleid.models.reranker import CrossAttentionReranker
from neuralsampleid.models.upstream_checkpoint import load_released_encoder, load_released_reranker

Architecture = Literal["gnn", "resnet_ibn"]
Graph = Literal["bypassed", "connected"]

_UNKNOWN_SETTINGS = "settings that this version does not know, expected those of this project"


def load_any_encoder(
    path: Path, architecture: Architecture, graph: Graph | None = None
) -> tuple[SegmentEncoder, EncoderSettings]:
    """An encoder ready for inference, and the settings it was built with.

    A checkpoint of this project brings its settings; a published one has the released size.

    Args:
        path: the weights.
        architecture: what they are of.
        graph: of ``gnn``; None takes what our checkpoint was trained with, and ``bypassed`` for a
            published one, whose training had no effective graph.

    Raises:
        UserError: the file is missing, no checkpoint, or of another architecture or size; or a
            graph mode is given for ``resnet_ibn``.
    """
    if graph is not None and architecture != "gnn":
        raise UserError(f"graph '{graph}': '{architecture}' has no graph, expected none")
    own = _own_content(path)
    if own is None:
        # Published weights get the release's own choice of neighbours: same weights, same outputs.
        gnn = Gnn(graph=graph or "bypassed", neighbour_order="heap")
        released = ResNetIbn() if architecture == "resnet_ibn" else gnn
        return load_released_encoder(path, released), released
    _require(path, own, architecture)
    try:
        settings = parse_encoder({**own["settings"], **({"graph": graph} if graph else {})})
    except ValidationError as error:
        raise UserError(f"{path}: {_UNKNOWN_SETTINGS} ({_first(error)})") from error
    return load_encoder(path, settings), settings


def architecture_of(path: Path) -> Architecture | None:
    """What a checkpoint of this project is of; None for a published one, which does not say.

    Raises:
        UserError: the file is missing, or is a checkpoint of this project that is no encoder.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint")
    own = _own_content(path)
    if own is None:
        return None
    found = own["architecture"]
    if found not in get_args(Architecture):
        raise UserError(f"{path}: checkpoint of architecture '{found}', expected an encoder")
    return cast(Architecture, found)


def load_any_reranker(path: Path) -> CrossAttentionReranker:
    """A re-ranker ready for inference, of this project or published.

    Raises:
        UserError: the file is missing, no checkpoint, or not of a re-ranker.
    """
    own = _own_content(path)
    if own is None:
        return load_released_reranker(path, Reranker())
    _require(path, own, "reranker")
    try:
        settings = Reranker.model_validate(own["settings"])
    except ValidationError as error:
        raise UserError(f"{path}: {_UNKNOWN_SETTINGS} ({_first(error)})") from error
    embedding = own["state_dict"].get("positional_embedding")
    if not isinstance(embedding, torch.Tensor) or embedding.ndim != 3:
        raise UserError(f"{path}: no positional_embedding, expected a re-ranker's weights")
    return load_reranker(path, settings, (embedding.shape[2], embedding.shape[1]))


def _own_content(path: Path) -> dict[str, Any] | None:
    """A checkpoint of this project; None for anything else, whose own loader tells what is wrong.

    Only tensors and plain values are unpickled; nothing in the file is executed.
    """
    try:
        # Mapped, not read: only the kind matters here, and the loader proper reads the file again.
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception:  # the restricted unpickler raises whatever the bytes lead it to
        return None
    parts = {"architecture": str, "settings": dict, "state_dict": dict}
    is_own = isinstance(content, dict) and all(
        isinstance(content.get(key), kind) for key, kind in parts.items()
    )
    return content if is_own else None


def _require(path: Path, own: dict[str, Any], architecture: str) -> None:
    if own["architecture"] != architecture:
        raise UserError(
            f"{path}: checkpoint of architecture '{own['architecture']}', expected '{architecture}'"
        )


def _first(error: ValidationError) -> str:
    problem = error.errors()[0]
    return f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
