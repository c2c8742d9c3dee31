"""The paper's configuration: upstream's sizes and values, for tests that compare with it."""

from pathlib import Path
from typing import Any, TypeVar

from neuralsampleid.config import (
    Augmentation,
    BaselineTraining,
    Gnn,
    Pairs,
    ResNetIbn,
    Section,
    Training,
    read_config,
)

PAPER = read_config(Path(__file__).parents[2] / "config/paper.yaml")
RERANKER = PAPER.rerankers["reranker"]
LOG_MEL = PAPER.encoders["gnn"].front_end
CONSTANT_Q = PAPER.encoders["resnet_ibn"].front_end

_Part = TypeVar("_Part", bound=Section)


def changed(part: _Part, **changes: Any) -> _Part:
    """A section with other values, checked anew."""
    return type(part)(**{**part.model_dump(), **changes})


def paper_gnn(**changes: Any) -> Gnn:
    """The graph network."""
    return changed(PAPER.encoders["gnn"], **changes)


def paper_resnet_ibn(**changes: Any) -> ResNetIbn:
    """The baseline."""
    return changed(PAPER.encoders["resnet_ibn"], **changes)


def paper_training(**changes: Any) -> Training:
    """The graph network's training."""
    return changed(PAPER.encoders["gnn"].training, **changes)


def paper_baseline_training(**changes: Any) -> BaselineTraining:
    """The baseline's training."""
    training = changed(PAPER.encoders["resnet_ibn"].training, **changes)
    assert isinstance(training, BaselineTraining)
    return training


def paper_pairs(**changes: Any) -> Pairs:
    """Training pairs."""
    return changed(paper_training().pairs, **changes)


def paper_augmentation(**changes: Any) -> Augmentation:
    """Their augmentation."""
    return changed(paper_training().augmentation, **changes)
