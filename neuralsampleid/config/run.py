"""One run of the benchmark."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeInt, model_validator

from neuralsampleid.config.base import Hardware, Name, Section
from neuralsampleid.config.data import Data, OwnMusicData, Separation, Shards
from neuralsampleid.config.encoders import Encoder, Gnn, PretrainedEncoder
from neuralsampleid.config.evaluation import AnySystem, Evaluation, LandmarkSystem, System
from neuralsampleid.config.retrieval import Index, Landmarks, Reranker, Scale


class Config(Section):
    """One run of the benchmark; its results lie in ``results/<run>/``."""

    run: Name
    seed: NonNegativeInt = 1
    hardware: Hardware = "cpu"
    data: Data
    separation: Separation = Separation()
    shards: Shards = Shards()
    encoders: Annotated[dict[Name, Encoder], Field(min_length=1)]
    reranker: Reranker = Reranker()
    landmarks: Landmarks = Landmarks()
    systems: Annotated[list[AnySystem], Field(min_length=1)]
    index: Index = Index()
    evaluation: Evaluation = Evaluation()
    scale: Scale = Scale()

    @model_validator(mode="after")
    def _references(self) -> Config:
        known = f"expected one of {', '.join(self.encoders)}"
        if "reranker" in self.encoders:
            # models/reranker/ is the re-ranker's own folder.
            raise ValueError("an encoder is called 'reranker', expected another name")
        for system in self.encoder_systems:
            if system.encoder not in self.encoders:
                raise ValueError(
                    f"system '{system.name}' names encoder '{system.encoder}', {known}"
                )
            if system.reranker and system.encoder != self.reranker.encoder:
                raise ValueError(
                    f"system '{system.name}' re-ranks encoder '{system.encoder}', but "
                    f"reranker.encoder is '{self.reranker.encoder}'"
                )
        if any(system.reranker for system in self.encoder_systems):
            encoder = self.encoders.get(self.reranker.encoder)
            if not isinstance(encoder, Gnn):
                raise ValueError(f"reranker.encoder '{self.reranker.encoder}' is not a gnn")
        self._check_weights()
        names = [system.name for system in self.systems]
        if len(set(names)) != len(names):
            raise ValueError("two systems bear the same name")
        return self

    def _check_weights(self) -> None:
        """Ready weights are never untrained, and without training music there are no others."""
        for system in self.encoder_systems:
            ready = isinstance(self.encoders[system.encoder], PretrainedEncoder)
            if ready and system.weights == "untrained":
                raise ValueError(
                    f"system '{system.name}' has untrained weights of encoder "
                    f"'{system.encoder}', which is pretrained, expected weights: trained"
                )
            without_music = isinstance(self.data, OwnMusicData) and self.data.training is None
            if without_music and not ready and system.weights == "trained":
                raise ValueError(
                    f"system '{system.name}' needs encoder '{system.encoder}' trained, expected "
                    "data.training, a folder of music, or an encoder of architecture pretrained"
                )

    @property
    def encoder_systems(self) -> list[System]:
        """The systems that fingerprint with an encoder."""
        return [system for system in self.systems if isinstance(system, System)]

    @property
    def landmark_systems(self) -> list[LandmarkSystem]:
        """The systems that match landmarks."""
        return [system for system in self.systems if isinstance(system, LandmarkSystem)]
