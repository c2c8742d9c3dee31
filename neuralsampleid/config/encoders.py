"""The encoders; a custom one lies in a file of its own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, model_validator

from neuralsampleid.config.base import Fraction, Section
from neuralsampleid.config.front_ends import ConstantQ, LogMel
from neuralsampleid.config.training import BaselineTraining, Training


class Gnn(Section):
    """The proposed graph neural network; the defaults are the released "tiny" size."""

    architecture: Literal["gnn"] = "gnn"
    front_end: LogMel = LogMel()
    segment_hop: PositiveInt = 16  # frames between the starts of consecutive segments
    point_channels: PositiveInt = 8
    patch_bins: PositiveInt = 4
    patch_frames: PositiveInt = 8
    channels: Annotated[list[PositiveInt], Field(min_length=1)] = [64, 128, 256, 512]
    blocks: Annotated[list[PositiveInt], Field(min_length=1)] = [2, 2, 6, 2]
    graph: Literal["connected", "bypassed"] = "connected"
    graph_backend: Literal["torch", "dgl"] = "torch"  # dgl: needs DGL 1.1.3, same outputs
    neighbours: PositiveInt = 5
    max_dilation: PositiveInt = 3
    neighbour_order: Literal["distance", "heap"] = "distance"  # heap: as released, see models/graph
    edge_dropout: Fraction = 0.2
    drop_path: Fraction = 0.1
    feature_size: PositiveInt = 1024
    projection_size: PositiveInt = 4096
    embedding_size: PositiveInt = 128
    training: Training = Training()

    @model_validator(mode="after")
    def _consistent(self) -> Gnn:
        if len(self.channels) != len(self.blocks):
            raise ValueError(
                f"blocks has {len(self.blocks)} stages and channels {len(self.channels)}, "
                "expected as many"
            )
        bands, frames = self.front_end.mel_bands, self.front_end.frames
        if bands % self.patch_bins or frames % self.patch_frames:
            raise ValueError(
                f"patches of {self.patch_bins} × {self.patch_frames} do not tile "
                f"{bands} bands × {frames} frames"
            )
        return self


class ResNetIbn(Section):
    """The baseline; the defaults are the released size."""

    architecture: Literal["resnet_ibn"] = "resnet_ibn"
    front_end: ConstantQ = ConstantQ()
    segment_hop: PositiveInt = 108
    stem_channels: PositiveInt = 64
    channels: Annotated[list[PositiveInt], Field(min_length=1)] = [128, 256, 512, 1024]
    blocks: Annotated[list[PositiveInt], Field(min_length=1)] = [2, 2, 2, 2]
    strides: Annotated[list[PositiveInt], Field(min_length=1)] = [1, 1, 2, 2]
    embedding_size: PositiveInt = 2048
    training: BaselineTraining = BaselineTraining()

    @model_validator(mode="after")
    def _consistent(self) -> ResNetIbn:
        if not len(self.channels) == len(self.blocks) == len(self.strides):
            raise ValueError(
                f"channels, blocks and strides have {len(self.channels)}, {len(self.blocks)} and "
                f"{len(self.strides)} stages, expected as many"
            )
        return self


class CustomEncoder(Section):
    """An encoder in a file of its own; see docs/extending.md."""

    architecture: Literal["custom"]
    file: str  # Python file with the classes Encoder and Settings
    settings: dict[str, Any] = {}  # what its Settings say
    front_end: Annotated[LogMel | ConstantQ, Field(discriminator="kind")]
    segment_hop: PositiveInt  # frames between the starts of consecutive segments
    training: Training = Training()


class PretrainedEncoder(Section):
    """An encoder with ready weights, which say themselves what they are of."""

    architecture: Literal["pretrained"]
    weights: str  # shipped, a folder of a run, or a checkpoint; see models/weights


EncoderSettings = Gnn | ResNetIbn | CustomEncoder  # from which an encoder can be built
Encoder = Annotated[EncoderSettings | PretrainedEncoder, Field(discriminator="architecture")]
