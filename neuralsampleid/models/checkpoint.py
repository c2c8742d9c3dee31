"""Our own checkpoints: weights with the configuration section that built them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neuralsampleid.config import (
    CustomEncoder,
    EncoderSettings,
    Gnn,
    ReadingCnn,
    Reranker,
    network,
)
from neuralsampleid.errors import UserError
from neuralsampleid.files import write_bytes
from neuralsampleid.models.custom import make_custom
from neuralsampleid.models.encoder import SegmentEncoder
from neuralsampleid.models.gnn import GnnEncoder
from neuralsampleid.models.reading_cnn import ReadingCnnEncoder
from neuralsampleid.models.reranker import CrossAttentionReranker
from neuralsampleid.models.resnet_ibn import ResNetIbnEncoder

_NOT_OURS = (
    "not a checkpoint of this project, expected one with architecture, settings and state_dict"
)


def make_encoder(settings: EncoderSettings, seed: int) -> SegmentEncoder:
    """A freshly initialised encoder; the seed fixes its weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if isinstance(settings, CustomEncoder):
            return make_custom(settings)
        if isinstance(settings, ReadingCnn):
            return ReadingCnnEncoder(settings)
        return GnnEncoder(settings) if isinstance(settings, Gnn) else ResNetIbnEncoder(settings)


def save_encoder(path: Path, encoder: SegmentEncoder, settings: EncoderSettings) -> None:
    """Write an encoder's weights and what it is; the file appears whole or not at all."""
    _save(path, settings.architecture, network(settings), encoder.state_dict())


def load_encoder(path: Path, settings: EncoderSettings) -> SegmentEncoder:
    """Read an encoder that ``save_encoder`` wrote, ready for inference.

    Raises:
        UserError: the file is missing, is no checkpoint, or holds another architecture or size.
    """
    encoder = make_encoder(settings, seed=0)
    _load(path, settings.architecture, encoder)
    return encoder.eval()


def make_reranker(
    settings: Reranker, node_shape: tuple[int, int], seed: int
) -> CrossAttentionReranker:
    """A freshly initialised re-ranker for node matrices (channels, nodes)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CrossAttentionReranker(settings, *node_shape)


def save_reranker(path: Path, reranker: CrossAttentionReranker, settings: Reranker) -> None:
    """Write a re-ranker's weights and what it is; the file appears whole or not at all."""
    _save(path, "reranker", network(settings), reranker.state_dict())


def load_reranker(
    path: Path, settings: Reranker, node_shape: tuple[int, int]
) -> CrossAttentionReranker:
    """Read a re-ranker that ``save_reranker`` wrote, ready for inference.

    Raises:
        UserError: the file is missing, is no checkpoint, or is of another size.
    """
    reranker = make_reranker(settings, node_shape, seed=0)
    _load(path, "reranker", reranker)
    return reranker.eval()


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write what torch can save; the file appears whole or not at all.

    Raises:
        OSError: the file cannot be written, for one because the disk is full.
    """
    write_bytes(path, encoded_checkpoint(content))


def encoded_checkpoint(content: dict[str, Any]) -> memoryview:
    """The bytes of a checkpoint's file, the same for the same content."""
    # Given a path, torch would write the temporary name into the file: never the same bytes. And
    # of a full disk it says something about positions.
    encoded = io.BytesIO()
    torch.save(content, encoded)
    return encoded.getbuffer()


def own_content(path: Path) -> dict[str, Any] | None:
    """A checkpoint of this project; None for anything else, whose own loader tells what is wrong.

    Only tensors and plain values are unpickled; nothing in the file is executed. Tensors are
    mapped, not read.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception:  # the restricted unpickler raises whatever the bytes lead it to
        return None
    parts = {"architecture": str, "settings": dict, "state_dict": dict}
    if not isinstance(content, dict):
        return None
    whole = all(isinstance(content.get(key), kind) for key, kind in parts.items())
    tensors = whole and all(isinstance(value, Tensor) for value in content["state_dict"].values())
    return content if tensors else None


def fill(path: Path, module: nn.Module, state: Mapping[str, Tensor], what: str) -> None:
    """Load a state dict of exactly the module's names and shapes.

    Args:
        path: of the state dict, for messages.
        module: what is filled, as the configuration describes it.
        state: parameters and buffers by name.
        what: the module, for messages.

    Raises:
        UserError: a name or a shape is another one.
    """
    expected = module.state_dict()
    differences = [
        f"parameter '{name}' is {shape_text(state.get(name))}, "
        f"expected {shape_text(expected.get(name))}"
        for name in {**expected, **state}
        if shape_text(state.get(name)) != shape_text(expected.get(name))
    ]
    if differences:
        others = f" (and {len(differences) - 1} more differ)" if len(differences) > 1 else ""
        raise UserError(f"{path}: {differences[0]} in the configuration's {what}{others}")
    module.load_state_dict(state)


def shape_text(tensor: Tensor | None) -> str:
    """A parameter's shape in words; None is one that is not there."""
    return "absent" if tensor is None else f"of shape {tuple(tensor.shape)}"


def _save(path: Path, architecture: str, settings: dict[str, Any], state: dict[str, Any]) -> None:
    write_checkpoint(
        path, {"architecture": architecture, "settings": settings, "state_dict": state}
    )


def _load(path: Path, architecture: str, module: nn.Module) -> None:
    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint")
    content = own_content(path)
    if content is None:
        raise UserError(f"{path}: {_NOT_OURS}")
    found = content["architecture"]
    if found != architecture:
        raise UserError(f"{path}: checkpoint of architecture '{found}', expected '{architecture}'")
    fill(path, module, content["state_dict"], architecture)
