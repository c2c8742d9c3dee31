"""A run on the files of the upstream release: see ``docs/evaluation.md``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from neuralsampleid.config.base import (
    Cutoffs,
    Device,
    FileName,
    Lengths,
    Name,
    Row,
    Section,
)


class UpstreamData(Section):
    """The release's files: downloaded, or from a folder that holds them under the same names."""

    kind: Literal["upstream"]
    folder: str | None = None  # None: download
    artefacts: str = "upstream/artefacts.csv"  # relative to the workflow, as quoted
    quoted: str = "upstream/quoted.csv"
    ground_truth: FileName = "gt_dict.json"
    query_index: FileName = "sample100_query_index.json"  # optional
    groups: dict[Name, FileName] = {  # lists of queries; optional
        "riff": "riff_query_type.json",
        "beat": "beat_query_type.json",
        "interpolated": "yes_interpolation.json",
        "not_interpolated": "no_interpolation.json",
    }
    annotations: FileName | None = "sample100-ext"  # folder; optional, None: not asked for


class UpstreamSystem(Row):
    """An upstream system: a row of the tables for each protocol."""

    system: Literal["proposed", "proposed_no_reranker", "baseline"]
    encoder: Literal["gnn", "resnet_ibn"]
    fingerprints: FileName  # archive
    weights: FileName | None = None  # of the encoder, to count its parameters
    reranker: FileName | None = None  # weights
    optional: bool = False  # is left out, and reported, where its files are missing

    @property
    def files(self) -> list[str]:
        """What its evaluation and its numbers of parameters are made from."""
        return _known(self.weights, self.reranker, self.fingerprints)

    @model_validator(mode="after")
    def _reranked(self) -> UpstreamSystem:
        if (self.system == "proposed") != (self.reranker is not None):
            raise ValueError(
                f"system '{self.name}': 'proposed' needs a re-ranker's weights, the others none"
            )
        return self


class UpstreamEvaluation(Section):
    """Query lengths, metrics and intervals of the upstream fingerprints."""

    query_seconds: Lengths = [5.0, 7.0, 10.0, 15.0, 20.0]
    cutoffs: Cutoffs = [1, 3, 10]
    resamples: PositiveInt = 2000
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95


class UpstreamConfig(Section):
    """A run on the upstream release; its results lie in ``results/<run>/``."""

    collected: ClassVar = ("metrics",)  # tables of each evaluation that are joined to one

    run: Name
    seed: NonNegativeInt = 1
    device: Device = "auto"
    data: UpstreamData
    protocols: Annotated[list[Literal["released", "corrected"]], Field(min_length=1)] = [
        "released",
        "corrected",
    ]
    index: Literal["flat", "ivfpq"] = "ivfpq"
    systems: Annotated[list[UpstreamSystem], Field(min_length=1)]
    evaluation: UpstreamEvaluation = UpstreamEvaluation()

    @model_validator(mode="after")
    def _distinct(self) -> UpstreamConfig:
        for what, names in (
            ("systems", [system.name for system in self.systems]),
            ("protocols", self.protocols),
        ):
            if len(set(names)) != len(names):
                raise ValueError(f"two {what} bear the same name")
        return self

    @property
    def rows(self) -> list[UpstreamSystem]:
        """The rows of the tables."""
        return self.systems

    @property
    def evaluations(self) -> list[str]:
        """Folders in ``evaluation``, one per row of the tables."""
        names = [system.name for system in self.systems]
        return [f"{name}/{protocol}" for name in names for protocol in self.protocols]

    @property
    def weight_files(self) -> list[str]:
        """Weights, each file once."""
        return _known(*(name for row in self.systems for name in (row.weights, row.reranker)))

    @property
    def files(self) -> list[str]:
        """Every file or folder of the run, each once."""
        data = self.data
        lists = (data.ground_truth, data.query_index, *data.groups.values(), data.annotations)
        return _known(*(name for row in self.systems for name in row.files), *lists)

    @property
    def required_files(self) -> list[str]:
        """Files without which the run stops; without another it says so and goes on."""
        needed = [name for row in self.systems if not row.optional for name in row.files]
        return _known(*needed, self.data.ground_truth)

    def used_by(self) -> dict[str, str]:
        """File → what cannot be had without it, for the report."""
        without: dict[str | None, list[str]] = {}
        for row in self.systems:
            for name in (row.reranker, row.fingerprints):
                without.setdefault(name, []).append(f"evaluation of {row.name}")
        for row in self.systems:
            without.setdefault(row.weights, []).append(f"parameters of {row.name}")
        for group, name in self.data.groups.items():
            without.setdefault(name, []).append(f"group {group} from its list")
        without[self.data.annotations] = ["groups from annotations, but from the lists"]
        return {name: ", ".join(what) for name, what in without.items() if name}


def _known(*names: str | None) -> list[str]:
    """Names that are given, each once."""
    return list(dict.fromkeys(name for name in names if name is not None))
