"""One run of the benchmark."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, ClassVar

from pydantic import Field, NonNegativeInt, model_validator

from neuralsampleid.config.ablations import Ablations
from neuralsampleid.config.base import Device, Name, Precision, Row, Section
from neuralsampleid.config.data import (
    Data,
    DemoData,
    FmaData,
    FreeMusicData,
    OwnMusicData,
    Separation,
    Shards,
)
from neuralsampleid.config.encoders import (
    Encoder,
    EncoderSettings,
    Gnn,
    PretrainedEncoder,
    ResNetIbn,
)
from neuralsampleid.config.evaluation import Comparisons, Intervals, Metrics, Queries
from neuralsampleid.config.landmarks import Landmarks, PeakFinding
from neuralsampleid.config.library import Library
from neuralsampleid.config.page import Page
from neuralsampleid.config.rerankers import Reranker
from neuralsampleid.config.scale import Scale
from neuralsampleid.config.search import Index, Ranking, Search
from neuralsampleid.config.systems import (
    BOUNDS,
    DEFAULT_SYSTEMS,
    AnySystem,
    Bound,
    EvidenceSystem,
    ExternalSystem,
    FusedSystem,
    LandmarkSystem,
    System,
)


class Config(Section):
    """One run of the benchmark; its results lie in ``results/<run>/``."""

    # Tables of each evaluation that are joined to one.
    collected: ClassVar = ("metrics", "quantities", "reliability", "answers")

    run: Name = "demo"
    seed: NonNegativeInt = 1
    device: Device = "auto"
    precision: Precision = "auto"
    data: Data = DemoData()
    separation: Separation = Separation()
    shards: Shards = Shards()
    encoders: Annotated[dict[Name, Encoder], Field(min_length=1)] = {
        "gnn": Gnn(),
        "resnet_ibn": ResNetIbn(),
    }
    rerankers: dict[Name, Reranker] = {"reranker": Reranker()}
    peaks: PeakFinding = PeakFinding()
    landmarks: Landmarks = Landmarks()
    systems: Annotated[list[AnySystem], Field(min_length=1)] = DEFAULT_SYSTEMS
    index: Index = Index()
    search: Search = Search()
    ranking: Ranking = Ranking()
    queries: Queries = Queries()
    metrics: Metrics = Metrics()
    intervals: Intervals = Intervals()
    comparisons: Comparisons = Comparisons()
    page: Page = Page()
    scale: Scale = Scale()
    library: Library = Library()
    ablations: Ablations | None = None
    shipped: Name | None = None  # encoder whose weights ``snakemake shipped_model`` releases

    @model_validator(mode="after")
    def _references(self) -> Config:
        for name in self.encoders.keys() & self.rerankers.keys():
            # models/<name>/ is the re-ranker's own folder.
            raise ValueError(f"an encoder is called '{name}', expected another name")
        for system in self.encoder_systems:
            _one_of(self.encoders, system.encoder, f"system '{system.name}' names encoder")
            if system.reranker is not None:
                self._check_reranking(system, system.reranker)
        self._check_weights()
        names = [system.name for system in self.rows]
        if len(set(names)) != len(names):
            bounds = " and ".join(f"'{bound.name}'" for bound in BOUNDS)
            raise ValueError(f"two systems bear the same name; {bounds} are those of the bounds")
        encoders, landmarks = (
            [row.name for row in rows] for rows in (self.encoder_systems, self.landmark_systems)
        )
        for joined in self.evidence_systems:
            _one_of(encoders, joined.systems[0], f"system '{joined.name}' joins encoder")
            _one_of(landmarks, joined.systems[1], f"system '{joined.name}' joins landmarks")
        for fused in self.fused_systems:
            self._check_fusing(fused)
        if self.page.system is not None:
            shown = [system.name for system in self.encoder_systems]
            _one_of(shown, self.page.system, "page.system is")
        if self.scale.encoder is not None:
            _one_of(self.encoders, self.scale.encoder, "scale.encoder is")
        if self.shipped is not None:
            trained = [row.encoder for row in self.encoder_systems if row.weights == "trained"]
            _one_of(trained, self.shipped, "shipped is")
        if self.ablations is not None:
            self._check_ablations(self.ablations)
        return self

    def _check_reranking(self, system: System, name: str) -> None:
        _one_of(self.rerankers, name, f"system '{system.name}' names re-ranker")
        key = f"rerankers.{name}"
        encoder = self.rerankers[name].encoder
        if system.encoder != encoder:
            raise ValueError(
                f"system '{system.name}' re-ranks encoder '{system.encoder}', but "
                f"{key}.encoder is '{encoder}'"
            )
        if not isinstance(self.encoders[encoder], Gnn):
            raise ValueError(f"{key}.encoder '{encoder}' is not a gnn")

    def _check_fusing(self, fused: FusedSystem) -> None:
        able = [one.name for one in [*self.encoder_systems, *self.landmark_systems]]
        for name in fused.systems:
            _one_of(able, name, f"system '{fused.name}' fuses")
        if len(set(fused.systems)) < len(fused.systems):
            raise ValueError(f"system '{fused.name}' fuses a system twice")

    def _check_ablations(self, ablations: Ablations) -> None:
        systems = [system.name for system in self.encoder_systems]
        _one_of(systems, ablations.system, "ablations.system is")
        (system,) = (one for one in self.encoder_systems if one.name == ablations.system)
        if isinstance(self.encoders[system.encoder], PretrainedEncoder):
            raise ValueError(
                f"ablations.system '{ablations.system}' has encoder '{system.encoder}', which is "
                "pretrained; expected a system whose encoder is trained"
            )
        for name, row in ablations.rows.items():
            of_row = f"ablations.rows.{name}.reranker"
            if isinstance(row.reranker, str):
                _one_of(self.rerankers, row.reranker, f"{of_row} is")
            if isinstance(row.reranker, dict) and row.reranker and system.reranker is None:
                raise ValueError(
                    f"{of_row} changes the re-ranker of '{system.name}', which has none; expected "
                    "the name of one of rerankers"
                )
        if ablations.system in ablations.rows:
            raise ValueError(
                f"ablations.rows.{ablations.system} bears the name of the system that rows change"
            )

    def _check_weights(self) -> None:
        """Pretrained weights are never untrained; without training music there are no others."""
        for system in self.encoder_systems:
            ready = isinstance(self.encoders[system.encoder], PretrainedEncoder)
            if ready and system.weights == "untrained":
                raise ValueError(
                    f"system '{system.name}' has untrained weights of encoder "
                    f"'{system.encoder}', which is pretrained, expected weights: trained"
                )
            missing = self._missing_music()
            if missing and not ready and system.weights == "trained":
                raise ValueError(
                    f"system '{system.name}' needs encoder '{system.encoder}' trained, expected "
                    f"{missing}, or an encoder of architecture pretrained"
                )

    def _missing_music(self) -> str:
        """The key without which there is nothing to train on; empty if there is."""
        if isinstance(self.data, OwnMusicData) and self.data.training is None:
            return "data.training, a folder of music"
        if isinstance(self.data, FreeMusicData) and self.data.training_seconds is None:
            return "data.training_seconds"
        return ""

    @property
    def ablation_labels(self) -> dict[str, str]:
        """Rows of the ablations → what the table calls them, first the system that they change."""
        if self.ablations is None:
            return {}
        changed = {row.name: row.shown for row in self.systems if row.name == self.ablations.system}
        return changed | {name: Row(name=name).shown for name in self.ablations.rows}

    @property
    def pretrained_encoders(self) -> list[str]:
        """Encoders that are not trained here, but come with weights."""
        return [name for name, one in self.encoders.items() if isinstance(one, PretrainedEncoder)]

    @property
    def used_rerankers(self) -> list[str]:
        """Re-rankers of the systems, each once."""
        return list(dict.fromkeys(row.reranker for row in self.encoder_systems if row.reranker))

    @property
    def used_encoders(self) -> list[str]:
        """Encoders of whose trained or pretrained weights a system or a re-ranker makes use."""
        used = {row.encoder for row in self.encoder_systems if row.weights == "trained"}
        used |= {self.rerankers[name].encoder for name in self.used_rerankers}
        return [name for name in self.encoders if name in used]

    @property
    def _trained(self) -> dict[str, EncoderSettings]:
        """The used encoders that are trained here, by name."""
        used = ((name, self.encoders[name]) for name in self.used_encoders)
        return {name: one for name, one in used if not isinstance(one, PretrainedEncoder)}

    @property
    def trained_models(self) -> list[str]:
        """Encoders and re-rankers that are trained here; each has a folder in ``models``."""
        return [*self._trained, *self.used_rerankers]

    @property
    def weights(self) -> list[str]:
        """Files of weights in ``models``, without their ending."""
        ready = [name for name in self.used_encoders if name in self.pretrained_encoders]
        fresh = [f"{row.encoder}/{row.weights}" for row in self.encoder_systems]
        return list(
            dict.fromkeys([*(f"{name}/trained" for name in self.trained_models + ready), *fresh])
        )

    @property
    def packed(self) -> list[str]:
        """Folders in ``stems`` with what encoders are trained on: stems of a rate, or levels."""
        return list(dict.fromkeys(one.packed(name) for name, one in self._trained.items()))

    @property
    def needs_stems(self) -> bool:
        """Whether an encoder is trained on what the separation makes."""
        return any(one.needs_stems for one in self._trained.values())

    @property
    def reranked_fingerprints(self) -> list[str]:
        """Folders of fingerprints whose node matrices a re-ranker compares."""
        return [row.fingerprints for row in self.encoder_systems if row.reranker]

    @property
    def scaled_fingerprints(self) -> str:
        """The folder of the fingerprints that the scale study is about."""
        return f"{self.scale.encoder or next(iter(self.encoders))}_trained"

    @property
    def rows(self) -> list[AnySystem | Bound]:
        """The rows of the tables: the systems, and below them what bounds them."""
        return [*self.systems, *BOUNDS]

    @property
    def evaluations(self) -> list[str]:
        """Folders in ``evaluation``, one per row of the tables."""
        return [row.name for row in self.rows]

    @property
    def required_files(self) -> list[str]:
        """Files to download without which the run cannot go on."""
        return self.data.downloads[:1] if isinstance(self.data, FmaData) else []

    @property
    def encoder_systems(self) -> list[System]:
        """The systems that fingerprint with an encoder."""
        return [system for system in self.systems if isinstance(system, System)]

    @property
    def page_system(self) -> str | None:
        """Whose findings the page shows; None if no system has an encoder."""
        first = next((system.name for system in self.encoder_systems), None)
        return self.page.system or first

    @property
    def landmark_systems(self) -> list[LandmarkSystem]:
        """The systems that match landmarks."""
        return [system for system in self.systems if isinstance(system, LandmarkSystem)]

    @property
    def external_systems(self) -> list[ExternalSystem]:
        """The systems whose rankings another program made."""
        return [system for system in self.systems if isinstance(system, ExternalSystem)]

    @property
    def fused_systems(self) -> list[FusedSystem]:
        """The systems that join the rankings of others."""
        return [system for system in self.systems if isinstance(system, FusedSystem)]

    def fingerprints_of(self, row: System | EvidenceSystem) -> str:
        """The folder of a row's fingerprints, or of those that it joins with landmarks."""
        if isinstance(row, System):
            return row.fingerprints
        (own,) = (one for one in self.encoder_systems if one.name == row.systems[0])
        return own.fingerprints

    @property
    def evidence_systems(self) -> list[EvidenceSystem]:
        """The systems that rank by landmarks and by fingerprints along their lines."""
        return [system for system in self.systems if isinstance(system, EvidenceSystem)]


def _one_of(known: Collection[str], name: str, what: str) -> None:
    if name not in known:
        raise ValueError(f"{what} '{name}', expected one of {', '.join(known)}")
