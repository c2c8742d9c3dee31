"""The interface of all encoders."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn

from neuralsampleid.audio.front_ends import ConstantQFrontEnd, LogMelFrontEnd


@dataclass(frozen=True)
class Encoding:
    """What an encoder makes of a batch of segments."""

    embedding: Tensor  # (batch, d), L2-normalised: the fingerprint
    nodes: Tensor | None  # (batch, channels, nodes) for a re-ranker; None if it has none


class Window(NamedTuple):
    """What an encoder is given at once; all in frames but ``segments``."""

    frames: int  # of a window
    hop: int  # from one window to the next
    segments: int  # of a window; they follow each other at the encoder's ``segment_hop``
    lead: int  # before a window's first segment


class ParameterCounts(NamedTuple):
    """How many numbers an encoder learned."""

    stored: int  # in its checkpoint
    acting: int  # that its fingerprints depend on


class SegmentEncoder(nn.Module, ABC):
    """Maps segments' features to fingerprints.

    Attributes:
        front_end: makes features of audio; carries the sample rate.
        segment_hop: frames between the starts of consecutive segments of a track.
        embedding_size: d.
        node_shape: (channels, nodes) of the node matrix, None if the encoder has none.
    """

    front_end: LogMelFrontEnd | ConstantQFrontEnd
    segment_hop: int
    embedding_size: int
    node_shape: tuple[int, int] | None = None

    @property
    def window(self) -> Window:
        """What ``encode`` takes: one segment, unless several share their computation."""
        return Window(self.front_end.frames, self.segment_hop, 1, 0)

    @abstractmethod
    def encode(self, features: Tensor) -> Encoding:
        """Features of windows (batch, bins, frames) → fingerprints of their segments.

        The segments of a window follow each other; node matrices are there where an encoder has
        them.
        """

    def forward(self, features: Tensor) -> Tensor:
        """Features (batch, bins, frames) → fingerprints (batch, d)."""
        return self.encode(features).embedding

    def acting_parameters(self) -> Iterator[nn.Parameter]:
        """The parameters that the fingerprints depend on; all, unless a part is bypassed."""
        return self.parameters()


def parameter_counts(encoder: SegmentEncoder) -> ParameterCounts:
    """Count an encoder's parameters; statistics of normalisations are not learned, so not counted.

    Upstream's graph network stores 20.2 million, of which 5.8 million act.
    """
    stored = sum(parameter.numel() for parameter in encoder.parameters())
    return ParameterCounts(stored, sum(p.numel() for p in encoder.acting_parameters()))
