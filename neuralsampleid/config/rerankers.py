"""The re-ranker: its network, its training, and what its word counts for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from neuralsampleid.config.base import Fraction, Name, Section


class RerankerTraining(Section):
    """How a re-ranker is trained on an encoder's node matrices."""

    epochs: PositiveInt = 4
    pairs_per_epoch: PositiveInt | None = 1120  # None: one per training track
    batch_pairs: Annotated[int, Field(ge=2)] = 28
    negatives: PositiveInt = 3  # mined per query
    mining: Literal["corrected", "released"] = "corrected"  # released: see training/mining.py
    learning_rate: PositiveFloat = 5e-4


class Rescoring(Section):
    """Which candidates a re-ranker sees, and what it adds to their votes."""

    candidates: PositiveInt = 20  # per query segment, of search.candidates
    weight: PositiveFloat = 0.2  # of its probability beside the nearest candidate's vote of 1


class Reranker(Section):
    """The cross-attention classifier (docs/upstream.md, "Re-ranker")."""

    encoder: Name = "gnn"  # whose node matrices it compares
    heads: PositiveInt = 4
    hidden_size: PositiveInt = 128
    dropout: Fraction = 0.3
    training: RerankerTraining = RerankerTraining()
    rescoring: Rescoring = Rescoring()
