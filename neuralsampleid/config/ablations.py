"""Ablations: one system, and rows that differ from it in what they say, each with several seeds."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from neuralsampleid.config.base import Name, Section, Seeds


class AblationRow(Section):
    """What differs from the system's encoder and from its re-ranker, as nested keys."""

    encoder: dict[str, Any] = {}
    reranker: Literal[False] | Name | dict[str, Any] = {}  # false: none; a name: one of rerankers


class Ablations(Section):
    """The rows of ``snakemake ablations``."""

    system: Name = "proposed"  # that rows change
    seeds: Seeds = [1, 2, 3]  # each with its own music, weights and pairs
    rows: Annotated[dict[Name, AblationRow], Field(min_length=1)]
