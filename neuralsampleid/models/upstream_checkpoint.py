"""Upstream's checkpoints: weights of the public release in this project's models.

The models here bear upstream's parameter names, so nothing is renamed. An upstream encoder is a
dictionary with ``state_dict``, ``optimizer``, ``scheduler``, ``epoch`` and ``loss``, the upstream
re-ranker a bare state dict; names may begin with ``module.`` (docs/upstream.md, "Published files").

**Which weights are upstream's?** Nothing in a file says so, and its SHA-256 is known only
once it has been downloaded. So any checkpoint that reaches this module is taken for one of the
released training, in which the graph blocks had no effect and learned nothing, and using it with
``graph: connected`` is logged as a warning. Where the blocks' normalisations are still exactly as
initialised, the warning says that for certain; else, that it holds if these are upstream's
weights. Checkpoints of this project say how they were trained and have their own loader.
"""

from __future__ import annotations

import logging
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neuralsampleid.config import (
    ConstantQ,
    Fingerprints,
    Gnn,
    LogMel,
    Reranker,
    Rescoring,
    ResNetIbn,
)
from neuralsampleid.errors import UserError
from neuralsampleid.models.checkpoint import fill, make_encoder, make_reranker, shape_text
from neuralsampleid.models.encoder import SegmentEncoder
from neuralsampleid.models.reranker import CrossAttentionReranker

_EXPECTED = "expected an upstream checkpoint (a state dict, bare or under 'state_dict')"
# Upstream's training may have stored its loss as a NumPy number; rebuilding one runs nothing.
_NUMPY_NUMBERS: list[Any] = [
    (np.float64(0).__reduce__()[0], f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")
] + [np.dtype, type(np.dtype(np.float64)), type(np.dtype(np.float32))]
_LOG = logging.getLogger(__name__)

# The networks of upstream's weights; config/paper.yaml trains the same ones.
UPSTREAM_GNN = Gnn(
    front_end=LogMel(
        n_fft=1024, mel_bands=64, frames=128, dynamic_range_db=None, contrast="extremes"
    ),
    point_channels=8,
    patch_bins=4,
    patch_frames=8,
    channels=[64, 128, 256, 512],
    blocks=[2, 2, 6, 2],
    edge_dropout=0.2,
    drop_path=0.1,
    feature_size=1024,
    projection_size=4096,
)
UPSTREAM_RESNET_IBN = ResNetIbn(
    front_end=ConstantQ(sample_rate=22050, f_min=32.7, bins=84, frames=216, log_magnitude=False),
    stem_channels=64,
    channels=[128, 256, 512, 1024],
    blocks=[2, 2, 2, 2],
    strides=[1, 1, 2, 2],
    embedding_size=2048,
    fingerprints=Fingerprints(segment_hop=108),
)
UPSTREAM_RERANKER = Reranker(rescoring=Rescoring(candidates=5, weight=1.0))


def load_upstream_encoder(path: Path, settings: Gnn | ResNetIbn) -> SegmentEncoder:
    """Read an upstream encoder, ready for inference.

    Upstream's weights of the graph network need ``graph: bypassed``; with ``connected`` a warning
    is logged, see the module's description.

    Args:
        path: the ``.pth`` file.
        settings: of the same size as the weights, such as ``UPSTREAM_GNN``.

    Raises:
        UserError: the file is missing, is no checkpoint, holds more than tensors and plain values,
            or its parameters have other names or shapes than the settings' encoder.
    """
    state = read_state_dict(path)
    encoder = make_encoder(settings, seed=0)
    fill(path, encoder, state, settings.architecture)
    if isinstance(settings, Gnn) and settings.graph == "connected":
        _LOG.warning("%s: %s", path, _bypassed_notice(state))
    return encoder.eval()


def load_upstream_reranker(path: Path, settings: Reranker) -> CrossAttentionReranker:
    """Read an upstream re-ranker, ready for inference; its weights say for which node shape.

    Raises:
        UserError: as ``load_upstream_encoder``; or the channels do not split into the heads.
    """
    state = read_state_dict(path)
    embedding = state.get("positional_embedding")
    if embedding is None or embedding.ndim != 3:
        raise UserError(
            f"{path}: parameter 'positional_embedding' is {shape_text(embedding)}, "
            "expected (1, nodes, channels) as in an upstream re-ranker"
        )
    nodes, channels = embedding.shape[1:]
    if channels % settings.heads:
        raise UserError(
            f"{path}: positional_embedding has {channels} channels, "
            f"expected a multiple of the configuration's {settings.heads} heads"
        )
    reranker = make_reranker(settings, (channels, nodes), seed=0)
    fill(path, reranker, state, "re-ranker")
    return reranker.eval()


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Parameter names without ``module.`` → tensors, of a checkpoint that may be anyone's.

    Only tensors and plain values are unpickled; nothing in the file is executed.

    Raises:
        UserError: the file is missing, is no checkpoint, was written by this project, or holds
            more than tensors and plain values.
    """
    content = _read(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds a {type(content).__name__}, {_EXPECTED}")
    if "architecture" in content:
        raise UserError(f"{path}: a checkpoint that this project wrote, {_EXPECTED}")
    state = content.get("state_dict", content)
    if not isinstance(state, dict) or not state:
        raise UserError(f"{path}: holds no parameters, {_EXPECTED}")
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise UserError(
                f"{path}: entry {str(name)[:60]!r} is a {type(value).__name__}, {_EXPECTED}"
            )
    return {name.removeprefix("module."): value for name, value in state.items()}


def _read(path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint")
    with path.open("rb") as file:
        if file.read(64).lstrip()[:1] == b"<":
            # Upstream's own script asks the model hub for such a page.
            raise UserError(
                f"{path}: a web page, {_EXPECTED}; the hub serves files under 'resolve/main/'"
            )
    try:
        with torch.serialization.safe_globals(_NUMPY_NUMBERS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        refused = re.search(r"GLOBAL ([\w.]+)", str(error))
        if refused:
            raise UserError(
                f"{path}: needs '{refused[1]}' to load, which could run code, "
                "expected only tensors and plain values"
            ) from error
        raise UserError(f"{path}: not a checkpoint, {_EXPECTED}") from error
    except Exception as error:  # the restricted unpickler raises whatever the bytes lead it to
        raise UserError(f"{path}: not a checkpoint, {_EXPECTED}") from error


def _bypassed_notice(state: Mapping[str, Tensor]) -> str:
    consequence = "so 'graph: connected' sends fingerprints through untrained blocks"
    if _blocks_are_untrained(state):
        return (
            "the graph blocks of these weights were never trained (their normalisations are as "
            f"initialised), {consequence}; they need 'graph: bypassed'"
        )
    return (
        "upstream's weights need 'graph: bypassed': in their training the graph blocks had no "
        f"effect, {consequence} if these are upstream's weights"
    )


def _blocks_are_untrained(state: Mapping[str, Tensor]) -> bool:
    """Whether every normalisation in the graph blocks still has its initial scale of 1.

    A parameter without a gradient stays as it is; one step with a gradient moves these.
    """
    block = re.compile(r"encoder\.backbone\.\d+\.[01]\..*\.weight")
    scales = [value for name, value in state.items() if value.ndim == 1 and block.fullmatch(name)]
    return bool(scales) and all(bool((scale == 1).all()) for scale in scales)
