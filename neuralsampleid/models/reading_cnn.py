"""An encoder that reads a query at several speeds and pitches.

The other encoders learn fingerprints that stay alike when a sample is transposed and stretched;
what they learn to overlook tells tracks apart no more. This one keeps pitch and time. A
convolutional network makes a map of a window of constant-Q power, with a step of 2 semitones and
8 frames. A fingerprint is read from the map by one linear layer, without any pooling. A transposed
sample moves along the map's axis of pitch, so a query is read at several places of it; its power is
stretched for several speeds. What is left, one semitone and an eighth of the tempo on either side,
is small enough to be learned. The landmarks of this project do the same by trying pitches and tempi
(docs/landmarks.md); no upstream system does.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neuralsampleid.audio.front_ends import ConstantQFrontEnd
from neuralsampleid.config import ReadingCnn
from neuralsampleid.models.encoder import Encoding, SegmentEncoder, Window

STEP_FRAMES = 8  # of the map
STEP_SEMITONES = 2
PITCHES = (-3, -2, -1, 0, 1, 2, 3)  # steps of the map at which a query is read
SEMITONES = tuple(float(STEP_SEMITONES * pitch) for pitch in PITCHES)
TEMPI = (0.775, 1.0, 1.29)  # the query's speed over the reference's
_RANGE = 1e-4  # of power below a window's mean that counts: 40 dB
_SILENCE = 1e-13  # mean power of a window, below which it is no louder than this


class ReadingCnnEncoder(SegmentEncoder):
    """Windows → fingerprints of the segments inside."""

    front_end: ConstantQFrontEnd

    def __init__(self, settings: ReadingCnn) -> None:
        super().__init__()
        self.settings = settings
        self.front_end = ConstantQFrontEnd(settings.front_end)
        self.segment_hop = settings.fingerprints.segment_hop
        self.embedding_size = settings.embedding_size
        self.map = Map(settings)
        margin = max(PITCHES)
        self.bins_per_step = bins_per_step(settings)
        core = settings.front_end.bins // self.bins_per_step - 2 * margin
        self.margin, self.core = margin, core
        steps = settings.front_end.frames // STEP_FRAMES
        self.head = nn.Conv2d(
            settings.squeezed_channels, settings.embedding_size, (core, steps), bias=False
        )

    @property
    def window(self) -> Window:
        """It holds the segments that begin in half of it, each with what is around it."""
        frames, hop = self.settings.window_frames, self.segment_hop
        segments = frames // 2 // hop
        around = frames - self.front_end.frames - (segments - 1) * hop
        return Window(frames, frames // 2, segments, around // 2 // STEP_FRAMES * STEP_FRAMES)

    def encode(self, features: Tensor) -> Encoding:
        """Magnitudes (batch, bins, window frames) → (batch · segments, d), as they are."""
        places = self._places()
        return Encoding(self.fingerprints(self.map(features), 0)[:, places].flatten(0, 1), None)

    def read(self, features: Tensor) -> Tensor:
        """Magnitudes (batch, bins, window frames) → (pitches, batch · segments, d)."""
        mapped, places = self.map(features), self._places()
        return torch.stack(
            [self.fingerprints(mapped, pitch)[:, places].flatten(0, 1) for pitch in PITCHES]
        )

    def fingerprints(self, mapped: Tensor, pitch: int) -> Tensor:
        """Fingerprints at all steps of a map at which a segment can begin.

        Args:
            mapped: (batch, channels, steps of pitch, steps of time).
            pitch: by how many steps of it a query is higher than the reference.

        Returns:
            float32 (batch, steps of time − those of a segment + 1, d) of length 1.
        """
        first = self.margin + pitch
        read = self.head(mapped[:, :, first : first + self.core])[:, :, 0]
        return nn.functional.normalize(read.float(), dim=1).transpose(1, 2)

    def _places(self) -> list[int]:
        window = self.window
        return [
            (window.lead + segment * self.segment_hop) // STEP_FRAMES
            for segment in range(window.segments)
        ]


def bins_per_step(settings: ReadingCnn) -> int:
    """Bins of the front end in a step of the map: ``STEP_SEMITONES``."""
    return settings.front_end.bins_per_octave * STEP_SEMITONES // 12


class Map(nn.Module):
    """Magnitudes → a map with a step of 2 semitones and 8 frames."""

    def __init__(self, settings: ReadingCnn) -> None:
        super().__init__()
        first, second, third = settings.channels
        # Down to a step of 2 semitones in two strides, the second of which is 2.
        stride = bins_per_step(settings) // 2
        self.stem = _Layer(1, first, (5, 7), (stride, 4))
        self.layer1 = _Layer(first, second, (3, 3), (2, 1))
        self.block1 = ResidualBlock(second)
        self.layer2 = _Layer(second, third, (3, 3), (1, 2))
        self.block2 = ResidualBlock(third)
        self.squeeze = _Layer(third, settings.squeezed_channels, (1, 1), (1, 1))

    def forward(self, magnitudes: Tensor) -> Tensor:
        """(batch, bins, frames) → (batch, channels, steps of pitch, steps of time)."""
        hidden = self.layer1(self.stem(levels(magnitudes)[:, None]))
        hidden = self.layer2(self.block1(hidden))
        squeezed: Tensor = self.squeeze(self.block2(hidden))
        return squeezed


class _Layer(nn.Module):
    """Convolution, batch normalisation, ReLU."""

    def __init__(
        self, channels_in: int, channels: int, size: tuple[int, int], stride: tuple[int, int]
    ) -> None:
        super().__init__()
        padding = (size[0] // 2, size[1] // 2)
        self.conv = nn.Conv2d(channels_in, channels, size, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, features: Tensor) -> Tensor:
        activated: Tensor = self.bn(self.conv(features)).relu()
        return activated


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions and the shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, features: Tensor) -> Tensor:
        hidden = self.bn1(self.conv1(features)).relu()
        total: Tensor = (features + self.bn2(self.conv2(hidden))).relu()
        return total


def levels(magnitudes: Tensor) -> Tensor:
    """Levels relative to the window's mean power: 0 is 40 dB below it, 2 at it, 3 20 dB above.

    Args:
        magnitudes: (batch, bins, frames).
    """
    with torch.autocast(magnitudes.device.type, enabled=False):
        power = magnitudes.float().square()
        mean = power.mean(dim=(1, 2), keepdim=True).clamp(min=_SILENCE)
        return (torch.log10(power / mean + _RANGE) + 4) / 2
