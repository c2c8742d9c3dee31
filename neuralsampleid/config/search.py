"""The search among an encoder's fingerprints."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from neuralsampleid.config.base import Section


class Index(Section):
    """The FAISS index over noise and references (docs/upstream.md, "Search")."""

    kind: Literal["flat", "ivf", "ivfpq", "hnsw", "ivfpq_rescored", "auto"] = "auto"
    lists: PositiveInt = 64  # ivf, ivfpq: inverted lists
    probes: PositiveInt = 20  # ivf, ivfpq: lists searched per query
    subquantizers: PositiveInt = 64  # ivfpq: must divide the embedding size
    bits: Annotated[int, Field(ge=4, le=12)] = 8  # ivfpq: per sub-quantiser
    rescored: PositiveInt = 10  # ivfpq_rescored: times as many are re-scored as wanted
    links: PositiveInt = 32  # hnsw: neighbours per node


class Search(Section):
    """What is asked of the index."""

    candidates: PositiveInt = 20  # nearest segments, per query segment


class Ranking(Section):
    """What is kept of a ranking, of whatever system."""

    tracks: PositiveInt = 100  # per query
