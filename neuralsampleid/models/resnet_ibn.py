"""The baseline encoder: a ResNet with instance–batch normalisation on constant-Q magnitudes.

After Cheston et al. 2025, as upstream builds it (docs/upstream.md, "Baseline"). Parameters bear
upstream's names.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neuralsampleid.audio.front_ends import ConstantQFrontEnd
from neuralsampleid.config import ResNetIbn
from neuralsampleid.models.encoder import Encoding, SegmentEncoder


class ResNetIbnEncoder(SegmentEncoder):
    """Constant-Q segments → 2048-dimensional fingerprints."""

    front_end: ConstantQFrontEnd

    def __init__(self, settings: ResNetIbn) -> None:
        super().__init__()
        self.settings = settings
        self.front_end = ConstantQFrontEnd(settings.front_end)
        self.segment_hop = settings.fingerprints.segment_hop
        self.embedding_size = settings.embedding_size
        self.encoder = ResidualEncoder(settings)

    def encode(self, features: Tensor) -> Encoding:
        """Magnitudes (batch, bins, frames) → (batch, d); there are no node matrices."""
        return Encoding(nn.functional.normalize(self.encoder(features[:, None]), dim=1), None)


class ResidualEncoder(nn.Module):
    """Convolutional stem, residual layers, generalised-mean pooling, linear head."""

    def __init__(self, settings: ResNetIbn) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, settings.stem_channels, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(settings.stem_channels)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        channels_in = settings.stem_channels
        self.layers = len(settings.channels)
        stages = zip(settings.channels, settings.blocks, settings.strides, strict=True)
        for place, (channels, blocks, stride) in enumerate(stages, 1):
            layer = nn.Sequential(ResidualBlock(channels_in, channels, stride))
            layer.extend([ResidualBlock(channels, channels, 1) for _ in range(blocks - 1)])
            self.add_module(f"layer{place}", layer)
            channels_in = channels
        self.global_pool = GeneralisedMean()
        self.embedding_head = nn.Linear(channels_in, settings.embedding_size)

    def forward(self, features: Tensor) -> Tensor:
        """(batch, 1, bins, frames) → (batch, d), not normalised."""
        hidden = self.bn1(self.conv1(features)).relu()
        if self.training:
            hidden = self.maxpool(hidden)
        else:  # the same four times as fast
            hidden = self.maxpool(hidden.contiguous(memory_format=torch.channels_last)).contiguous()
        for place in range(1, self.layers + 1):
            hidden = self.get_submodule(f"layer{place}")(hidden)
        embedding: Tensor = self.embedding_head(self.global_pool(hidden))
        return embedding


class ResidualBlock(nn.Module):
    """1×1 – IBN – ReLU – 3×3 – BN – 1×1 – BN, plus the shortcut; all at the output's width."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 1, bias=False)
        self.bn1 = InstanceBatchNorm(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or channels_in != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride=stride, bias=False),
                nn.BatchNorm2d(channels),
            )

    def forward(self, features: Tensor) -> Tensor:
        hidden = self.bn1(self.conv1(features)).relu()
        hidden = self.bn3(self.conv3(self.bn2(self.conv2(hidden))))
        shortcut = features if self.downsample is None else self.downsample(features)
        total: Tensor = (hidden + shortcut).relu()
        return total


class InstanceBatchNorm(nn.Module):
    """Instance normalisation of the first half of the channels, batch normalisation of the rest."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.sizes = [channels // 2, channels - channels // 2]
        self.IN = nn.InstanceNorm2d(self.sizes[0], affine=True)
        self.BN = nn.BatchNorm2d(self.sizes[1])

    def forward(self, features: Tensor) -> Tensor:
        first, rest = torch.split(features, self.sizes, dim=1)
        return torch.cat([self.IN(first), self.BN(rest)], dim=1)


class GeneralisedMean(nn.Module):
    """(mean xᵖ)^(1/p) over bins and frames with a learned p."""

    def __init__(self, exponent: float = 3.0, floor: float = 1e-6) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.full((1,), exponent))
        self.floor = floor

    def forward(self, features: Tensor) -> Tensor:
        """(batch, channels, bins, frames) → (batch, channels)."""
        powered = features.clamp(min=self.floor).pow(self.p)
        return powered.mean(dim=(2, 3)).pow(1.0 / self.p)
