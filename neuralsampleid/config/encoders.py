"""The encoders; a custom one lies in a file of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, PositiveInt, model_validator

from neuralsampleid.config.base import Fraction, Section
from neuralsampleid.config.front_ends import ConstantQ, LogMel
from neuralsampleid.config.training import BaselineTraining, Training, WindowTraining


class Fingerprints(Section):
    """How densely a track is fingerprinted; weights do not depend on it."""

    segment_hop: PositiveInt = 16  # frames between the starts of consecutive segments


class _Trained(Section):
    """An encoder that a run can train."""

    if TYPE_CHECKING:  # each states its own
        front_end: Any

    @property
    def needs_stems(self) -> bool:
        """Whether it is trained on what the separation makes."""
        return True

    def packed(self, name: str) -> str:
        """The folder in ``stems/`` with what the encoder of this name is trained on."""
        return f"packed_{self.front_end.sample_rate}"


class Gnn(_Trained):
    """The proposed graph neural network; config/paper.yaml has the paper's size."""

    architecture: Literal["gnn"] = "gnn"
    front_end: LogMel = LogMel()
    patch_bins: PositiveInt = 16  # mel bands of a point
    patch_frames: PositiveInt = 4  # frames of a point
    point_channels: PositiveInt = 48
    channels: Annotated[list[PositiveInt], Field(min_length=1)] = [48, 64, 80, 96]  # per stage
    blocks: Annotated[list[PositiveInt], Field(min_length=1)] = [1, 1, 1, 1]  # per stage
    graph: Literal["connected", "bypassed"] = "connected"
    graph_backend: Literal["torch", "dgl"] = "torch"  # dgl: needs DGL 1.1.3, same outputs
    neighbours: PositiveInt = 5  # per node
    max_dilation: PositiveInt = 3
    neighbour_order: Literal["distance", "heap"] = "distance"  # heap: as upstream, see models/graph
    edge_dropout: Fraction = 0.0  # share of edges left out in training
    drop_path: Fraction = 0.0  # share of blocks left out in training
    feature_size: PositiveInt = 256
    projection_size: PositiveInt = 512
    embedding_size: PositiveInt = 128
    fingerprints: Fingerprints = Fingerprints()
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


class ResNetIbn(_Trained):
    """The baseline; config/paper.yaml has the paper's size."""

    architecture: Literal["resnet_ibn"] = "resnet_ibn"
    front_end: ConstantQ = ConstantQ()
    stem_channels: PositiveInt = 16
    channels: Annotated[list[PositiveInt], Field(min_length=1)] = [32, 64, 128, 192]  # per layer
    blocks: Annotated[list[PositiveInt], Field(min_length=1)] = [1, 1, 1, 1]  # per layer
    strides: Annotated[list[PositiveInt], Field(min_length=1)] = [1, 2, 2, 2]  # per layer
    embedding_size: PositiveInt = 128
    fingerprints: Fingerprints = Fingerprints()
    training: BaselineTraining = BaselineTraining()

    @model_validator(mode="after")
    def _consistent(self) -> ResNetIbn:
        if not len(self.channels) == len(self.blocks) == len(self.strides):
            raise ValueError(
                f"channels, blocks and strides have {len(self.channels)}, {len(self.blocks)} and "
                f"{len(self.strides)} stages, expected as many"
            )
        return self


class ReadingCnn(_Trained):
    """A convolutional network that reads a query at several speeds and pitches."""

    architecture: Literal["reading_cnn"]
    front_end: ConstantQ = ConstantQ(f_min=55.0, bins=168, bins_per_octave=24, log_magnitude=False)
    window_frames: PositiveInt = 128  # that are encoded at once; they hold segments in the middle
    # Of three stages; the last two have a residual block each.
    channels: Annotated[list[PositiveInt], Field(min_length=3, max_length=3)] = [32, 48, 96]
    squeezed_channels: PositiveInt = 32  # of the map that fingerprints are read from
    embedding_size: PositiveInt = 128
    fingerprints: Fingerprints = Fingerprints()
    training: WindowTraining = WindowTraining()

    @property
    def needs_stems(self) -> bool:
        """Median filters take its tracks apart, unless told otherwise."""
        return self.training.parts_of == "stems"

    def packed(self, name: str) -> str:
        """Levels of its own front end."""
        return f"levels_{name}"

    @model_validator(mode="after")
    def _consistent(self) -> ReadingCnn:
        front_end, hop, window = self.front_end, self.fingerprints.segment_hop, self.window_frames
        if front_end.log_magnitude:
            raise ValueError("front_end.log_magnitude is true, expected false: levels are its own")
        if front_end.frames % 8 or hop % 8 or window % (2 * hop) or window < 2 * front_end.frames:
            raise ValueError(
                f"segments of {front_end.frames} frames every {hop} in windows of {window}, "
                "expected multiples of 8 frames, windows of at least two segments, and a whole "
                "number of hops in half a window"
            )
        step = front_end.bins_per_octave // 6  # 2 semitones
        if front_end.bins_per_octave % 12 or front_end.bins % step or front_end.bins < 8 * step:
            raise ValueError(
                f"{front_end.bins} bins, {front_end.bins_per_octave} per octave, expected whole "
                "bins in a semitone, and whole steps of 2 semitones, at least eight"
            )
        if self.training.batch_pairs < 3:
            raise ValueError("training.batch_pairs is 2, expected at least 3: a query holds two")
        return self


class CustomEncoder(_Trained):
    """An encoder in a file of its own; see docs/extending.md."""

    architecture: Literal["custom"]
    file: str  # Python file with the classes Encoder and Settings
    settings: dict[str, Any] = {}  # what its Settings say
    front_end: Annotated[LogMel | ConstantQ, Field(discriminator="kind")]
    fingerprints: Fingerprints = Fingerprints()
    training: Training = Training()


class PretrainedEncoder(Section):
    """An encoder with pretrained weights, which say themselves what they are of."""

    architecture: Literal["pretrained"]
    weights: str  # shipped, a folder of a run, or a checkpoint; see models/weights
    fingerprints: Fingerprints = Fingerprints()


EncoderSettings = Gnn | ResNetIbn | ReadingCnn | CustomEncoder  # from which an encoder can be built
Encoder = Annotated[EncoderSettings | PretrainedEncoder, Field(discriminator="architecture")]
