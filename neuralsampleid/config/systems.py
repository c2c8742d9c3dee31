"""The rows of the tables."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from neuralsampleid.config.base import Name, Row


class System(Row):
    """One row of the tables: an encoder."""

    kind: Literal["encoder"]
    encoder: Name  # one of encoders
    weights: Literal["trained", "untrained"] = "trained"
    reranker: Name | None = None  # one of rerankers

    @property
    def fingerprints(self) -> str:
        """The folder of its fingerprints: an encoder and its weights."""
        return f"{self.encoder}_{self.weights}"


class LandmarkSystem(Row):
    """One row of the tables: landmarks."""

    kind: Literal["landmarks"]


class FusedSystem(Row):
    """One row of the tables: the rankings of other rows as one; see ``matching/fusion.py``."""

    kind: Literal["fusion"]
    systems: Annotated[list[Name], Field(min_length=2)]

    @property
    def parts(self) -> list[str]:
        """See ``Row``."""
        return self.systems


class EvidenceSystem(Row):
    """One row of the tables: landmarks and an encoder together; see ``matching/evidence.py``."""

    kind: Literal["evidence"]
    # An encoder's row, and one of landmarks.
    systems: Annotated[list[Name], Field(min_length=2, max_length=2)]
    tracks: PositiveInt = 20  # the first of the ranking by landmarks
    usual: float = 1.8  # deviations of a segment's similarity that tell nothing
    nats: PositiveFloat = 2.0  # that each deviation more counts

    @property
    def parts(self) -> list[str]:
        """The row of landmarks, whose lines are shown; see ``Row``."""
        return self.systems[1:]


class ExternalSystem(Row):
    """One row of the tables: another program's rankings, from its file; see docs/extending.md."""

    kind: Literal["external"]
    rankings: str  # CSV, columns as in formats.RANKINGS; relative to where snakemake is called


class Bound(Row):
    """What every table has beside the systems; see ``evaluation/bounds.py``."""

    kind: Literal["bound"] = "bound"


_Systems = System | LandmarkSystem | FusedSystem | EvidenceSystem | ExternalSystem
AnySystem = Annotated[_Systems, Field(discriminator="kind")]

BOUNDS = [Bound(name="oracle", label="Oracle"), Bound(name="random", label="Random ranking")]
DEFAULT_SYSTEMS: list[_Systems] = [
    System(kind="encoder", name="proposed", encoder="gnn", reranker="reranker", label="Proposed"),
    System(
        kind="encoder", name="proposed_no_reranker", encoder="gnn", label="Proposed, no re-ranker"
    ),
    System(kind="encoder", name="baseline", encoder="resnet_ibn", label="Baseline (ResNet-IBN)"),
    System(
        kind="encoder",
        name="untrained",
        encoder="gnn",
        weights="untrained",
        label="Untrained encoder",
    ),
    LandmarkSystem(kind="landmarks", name="landmarks", label="Landmarks"),
    FusedSystem(
        kind="fusion",
        name="proposed_landmarks",
        systems=["proposed", "landmarks"],
        label="Proposed + landmarks",
    ),
    FusedSystem(
        kind="fusion",
        name="baseline_landmarks",
        systems=["baseline", "landmarks"],
        label="Baseline + landmarks",
    ),
]
