"""Weights by name, and loading what a name means: a checkpoint of this project or the upstream's.

Snakemake imports this module to resolve names, so PyTorch is imported where weights are read.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, get_args

from pydantic import ValidationError

from neuralsampleid.config import EncoderSettings, Reranker, RerankerTraining, parse_encoder
from neuralsampleid.errors import UserError

if TYPE_CHECKING:
    from neuralsampleid.models.encoder import SegmentEncoder
    from neuralsampleid.models.reranker import CrossAttentionReranker

Architecture = Literal["gnn", "resnet_ibn", "reading_cnn"]
Graph = Literal["bypassed", "connected"]
_Settings = TypeVar("_Settings")

SHIPPED = "shipped"  # the name of the weights in this package
SHIPPED_FILE = Path(__file__).parent / "shipped" / "model.pt"  # written by ``make shipped-model``
HOW_TO_GET_WEIGHTS = (
    "'shipped' (comes with this package; make shipped-model trains it again), a run's folder such "
    "as results/demo (make demo) or that of one of its models, a checkpoint, or upstream's "
    "files (snakemake --configfile upstream/config.yaml --cores 1; with --encoder)"
)
_FORMER_NAME = "default"
# What files of earlier versions say beside the network: how it was trained and used.
_NOT_NETWORK = {"training", "segment_hop", "candidates", "weight", *RerankerTraining.model_fields}


def weights_file(name: str, shipped: Path = SHIPPED_FILE) -> Path:
    """The checkpoint that a name means.

    Args:
        name: ``shipped``, a folder of a run or of one of its models, or a file. A file or folder
            that is called ``shipped`` is meant by ``./shipped``.
        shipped: the file of the shipped weights.

    Raises:
        UserError: there is no such checkpoint, or a run has several; says what can be had.
    """
    if name == SHIPPED:
        return _existing(shipped, name)
    if name == _FORMER_NAME:
        raise UserError(f"{name}: the weights in this package are now called '{SHIPPED}'")
    path = Path(name)
    if not path.is_dir():
        return _existing(path, name)
    if (path / "trained.pt").is_file():
        return path / "trained.pt"
    trained = sorted(path.glob("models/*/trained.pt"))
    encoders = [file for file in trained if "reranker" not in file.parent.name]
    if len(encoders) != 1:
        found = ", ".join(str(file.parent) for file in encoders) or "none"
        raise UserError(f"{name}: encoders in this run: {found}; expected one, or its folder")
    return encoders[0]


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

    if section["architecture"] != "pretrained":
        return load_encoder(path, parse_encoder(section)), section["architecture"]
    architecture = architecture_of(path)
    if architecture is None:
        raise UserError(f"{path}: not a checkpoint of this project, expected a trained.pt")
    encoder, _ = load_any_encoder(path, architecture)
    encoder.segment_hop = section["fingerprints"]["segment_hop"]
    return encoder, architecture


def load_any_encoder(
    path: Path, architecture: Architecture, graph: Graph | None = None
) -> tuple[SegmentEncoder, EncoderSettings]:
    """An encoder ready for inference, and the settings it was built with.

    A checkpoint of this project brings its settings; an upstream one has upstream's size.

    Args:
        path: the weights.
        architecture: what they are of.
        graph: of ``gnn``; None takes what our checkpoint was trained with, and ``bypassed`` for
            an upstream one, whose training had no effective graph.

    Raises:
        UserError: the file is missing, no checkpoint, or of another architecture or size; or a
            graph mode is given for ``resnet_ibn``.
    """
    from neuralsampleid.models.checkpoint import load_encoder, own_content
    from neuralsampleid.models.upstream_checkpoint import (
        UPSTREAM_GNN,
        UPSTREAM_RESNET_IBN,
        load_upstream_encoder,
    )

    if graph is not None and architecture != "gnn":
        raise UserError(f"graph '{graph}': '{architecture}' has no graph, expected none")
    own = own_content(path)
    if own is None:
        # Upstream's weights get upstream's own choice of neighbours: same weights, same outputs.
        update = {"graph": graph or "bypassed", "neighbour_order": "heap"}
        gnn = UPSTREAM_GNN.model_copy(update=update)
        upstream = UPSTREAM_RESNET_IBN if architecture == "resnet_ibn" else gnn
        return load_upstream_encoder(path, upstream), upstream
    given = {"graph": graph} if graph else {}
    settings = _settings(path, own, architecture, lambda known: parse_encoder({**known, **given}))
    return load_encoder(path, settings), settings


def architecture_of(path: Path) -> Architecture | None:
    """What a checkpoint of this project is of; None for an upstream one, which does not say.

    Raises:
        UserError: the file is missing, or is a checkpoint of this project that is no encoder.
    """
    from neuralsampleid.models.checkpoint import own_content

    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint")
    own = own_content(path)
    if own is None:
        return None
    found = own["architecture"]
    if found not in get_args(Architecture):
        raise UserError(f"{path}: checkpoint of architecture '{found}', expected an encoder")
    return cast(Architecture, found)


def load_any_reranker(path: Path) -> CrossAttentionReranker:
    """A re-ranker ready for inference, of this project or upstream.

    Raises:
        UserError: the file is missing, no checkpoint, or not of a re-ranker.
    """
    from neuralsampleid.models.checkpoint import load_reranker, own_content
    from neuralsampleid.models.upstream_checkpoint import UPSTREAM_RERANKER, load_upstream_reranker

    own = own_content(path)
    if own is None:
        return load_upstream_reranker(path, UPSTREAM_RERANKER)
    settings = _settings(path, own, "reranker", Reranker.model_validate)
    embedding = own["state_dict"].get("positional_embedding")
    if getattr(embedding, "ndim", None) != 3:
        raise UserError(f"{path}: no positional_embedding, expected a re-ranker's weights")
    return load_reranker(path, settings, (embedding.shape[2], embedding.shape[1]))


def _existing(path: Path, name: str) -> Path:
    if not path.is_file():
        raise UserError(f"{name}: no such weights, expected {HOW_TO_GET_WEIGHTS}")
    return path


def _settings(
    path: Path, own: dict[str, Any], architecture: str, parse: Callable[[dict[str, Any]], _Settings]
) -> _Settings:
    """The settings of the network in a checkpoint of this project."""
    if own["architecture"] != architecture:
        raise UserError(
            f"{path}: checkpoint of architecture '{own['architecture']}', expected '{architecture}'"
        )
    try:
        return parse({key: at for key, at in own["settings"].items() if key not in _NOT_NETWORK})
    except ValidationError as error:
        problem = error.errors()[0]
        raise UserError(
            f"{path}: settings that this version does not know, expected those of this project "
            f"({'.'.join(map(str, problem['loc']))}: {problem['msg']})"
        ) from error
