"""Ablations: one system, and rows that differ from it in what they say, each with several seeds."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from neuralsampleid.config.base import Name, Section, Seeds


class AblationRow(Section):
    """What differs from the system's encoder and from its re-ranker, as nested keys."""

    encoder: dict[str, Any] = {}
    reranker: Literal[False] | Name | dict[str, Any] = {}  # false: none; a name: one of rerankers


_UPSTREAM_PAIRS = {"sampled": "all_but_one", "rest": "same_song", "reference": "sampled"}


class Ablations(Section):
    """The rows of ``snakemake ablations``."""

    system: Name = "proposed"  # that rows change
    seeds: Seeds = [1, 2, 3]  # each with its own music, weights and pairs
    rows: Annotated[dict[Name, AblationRow], Field(min_length=1)] = {
        "bypassed": AblationRow(encoder={"graph": "bypassed"}),
        "neighbours_9": AblationRow(encoder={"neighbours": 9}),
        "no_reranker": AblationRow(reranker=False),
        "mined_as_released": AblationRow(reranker={"training": {"mining": "released"}}),
        "pairs_as_released": AblationRow(encoder={"training": {"pairs": _UPSTREAM_PAIRS}}),
        "mix_reference": AblationRow(encoder={"training": {"pairs": {"reference": "mix"}}}),
    }
