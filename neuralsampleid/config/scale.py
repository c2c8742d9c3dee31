"""The study of larger catalogues."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from neuralsampleid.config.base import Name, Section


class Scale(Section):
    """The same queries in catalogues enlarged with distractors (``snakemake scale``)."""

    encoder: Name | None = None  # with its trained weights; None: the first
    query_seconds: PositiveFloat = 10.0  # one of queries.query_seconds
    components: PositiveInt = 256  # of the mixture that distractors are drawn from
    kinds: Annotated[
        dict[Literal["flat", "ivf", "ivfpq", "hnsw", "ivfpq_rescored"], PositiveInt],
        Field(min_length=1),
    ] = {  # kind of index: segments in the largest catalogue that it is built for
        "flat": 10_000_000,
        "ivf": 10_000_000,
        "ivfpq": 10_000_000,
        "ivfpq_rescored": 10_000_000,
        "hnsw": 1_000_000,  # its graph takes longest to build
    }
    sizes: Annotated[list[PositiveInt], Field(min_length=1)] = [10_000, 100_000, 1_000_000]

    @model_validator(mode="after")
    def _comparable(self) -> Scale:
        if self.kinds.get("flat", 0) < max(self.kinds.values()):
            raise ValueError(
                "kinds: 'flat' is missing or smaller, which the others are held against"
            )
        return self

    def kinds_for(self, segments: int) -> list[str]:
        """Kinds of index that are built for a catalogue of this size."""
        return [kind for kind, largest in self.kinds.items() if segments <= largest]
