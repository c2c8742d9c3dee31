"""A run on published fingerprints."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from neuralsampleid.config.base import (
    Cutoffs,
    Device,
    FileName,
    Lengths,
    Name,
    Section,
)


class PublishedData(Section):
    """The published files: downloaded, or from a folder that holds them under the same names."""

    kind: Literal["published"]
    folder: str | None = None  # None: download
    artefacts: str = "config/artefacts.csv"  # relative to the workflow, as quoted
    quoted: str = "config/quoted.csv"
    ground_truth: FileName = "gt_dict.json"
    query_index: FileName = "sample100_query_index.json"  # optional
    groups: dict[Name, FileName] = {  # lists of queries; optional
        "riff": "riff_query_type.json",
        "beat": "beat_query_type.json",
        "interpolated": "yes_interpolation.json",
        "not_interpolated": "no_interpolation.json",
    }
    annotations: FileName | None = "sample100-ext"  # folder; optional, None: not asked for


class PublishedSystem(Section):
    """A published system: a row of the tables for each protocol."""

    name: Name
    system: Literal["proposed", "proposed_no_reranker", "baseline"]
    encoder: Literal["gnn", "resnet_ibn"]
    fingerprints: FileName  # archive
    weights: FileName | None = None  # of the encoder, to count its parameters
    reranker: FileName | None = None  # weights
    optional: bool = False  # is left out, and reported, where its files are missing

    @model_validator(mode="after")
    def _reranked(self) -> PublishedSystem:
        if (self.system == "proposed") != (self.reranker is not None):
            raise ValueError(
                f"system '{self.name}': 'proposed' needs a re-ranker's weights, the others none"
            )
        return self


class PublishedEvaluation(Section):
    """Query lengths, metrics and intervals of published fingerprints."""

    query_seconds: Lengths = [5.0, 7.0, 10.0, 15.0, 20.0]
    cutoffs: Cutoffs = [1, 3, 10]
    resamples: PositiveInt = 2000
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95


class PublishedConfig(Section):
    """A run on published fingerprints; its results lie in ``results/<run>/``."""

    run: Name
    seed: NonNegativeInt = 1
    device: Device = "auto"
    data: PublishedData
    protocols: Annotated[list[Literal["released", "corrected"]], Field(min_length=1)] = [
        "released",
        "corrected",
    ]
    index: Literal["flat", "ivfpq"] = "ivfpq"
    systems: Annotated[list[PublishedSystem], Field(min_length=1)]
    evaluation: PublishedEvaluation = PublishedEvaluation()

    @model_validator(mode="after")
    def _distinct(self) -> PublishedConfig:
        for what, names in (
            ("systems", [system.name for system in self.systems]),
            ("protocols", self.protocols),
        ):
            if len(set(names)) != len(names):
                raise ValueError(f"two {what} bear the same name")
        return self
