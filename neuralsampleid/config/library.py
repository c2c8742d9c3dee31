"""The library that is made of a run's tracks."""

from __future__ import annotations

from pydantic import PositiveInt

from neuralsampleid.config.base import Section


class Library(Section):
    """References and noise tracks as a library of ``nsid index`` (``snakemake library``)."""

    shards: PositiveInt = 4  # one job makes each; answers do not depend on it
    weights: str | None = None  # as nsid index takes them; None: the shipped model and landmarks
