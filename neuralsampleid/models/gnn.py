"""The proposed encoder: a graph neural network on time–frequency points.

Parameters bear upstream's names, so its weights load unchanged. Upstream computes the graph blocks
and then drops their result: ``bypassed`` reproduces that without computing them; ``connected`` is
what the paper describes (docs/upstream.md, "Graph encoder").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from neuralsampleid.audio.front_ends import LogMelFrontEnd
from neuralsampleid.config import Gnn
from neuralsampleid.models.encoder import Encoding, SegmentEncoder
from neuralsampleid.models.graph import max_relative, nearest_neighbours


class GnnEncoder(SegmentEncoder):
    """Log-mel segments → points → graph blocks → 128-dimensional fingerprints."""

    front_end: LogMelFrontEnd

    def __init__(self, settings: Gnn) -> None:
        super().__init__()
        self.settings = settings
        self.front_end = LogMelFrontEnd(settings.front_end)
        self.segment_hop = settings.fingerprints.segment_hop
        self.embedding_size = settings.embedding_size
        self.peak_extractor = PointExtractor(settings)
        self.encoder = GraphEncoder(settings)
        self.projector = nn.Sequential(
            nn.Linear(settings.feature_size, settings.projection_size),
            nn.ELU(),
            nn.Linear(settings.projection_size, settings.embedding_size),
        )
        self.node_shape = (settings.channels[-1], self.encoder.out_nodes)

    def encode(self, features: Tensor) -> Encoding:
        """Levels in dB (batch, bands, frames) → (batch, d) and (batch, channels, nodes)."""
        feature, nodes = self.encoder(self.peak_extractor(features))
        embedding = nn.functional.normalize(self.projector(feature), dim=1)
        return Encoding(embedding, nodes.transpose(1, 2))

    def acting_parameters(self) -> Iterator[nn.Parameter]:
        """All but the graph blocks' where these are bypassed."""
        idle = {id(parameter) for parameter in self.encoder.idle_parameters()}
        return (parameter for parameter in self.parameters() if id(parameter) not in idle)


class PointExtractor(nn.Module):
    """Levels in dB → one point per patch of the segment."""

    ramps: Tensor

    def __init__(self, settings: Gnn) -> None:
        super().__init__()
        front_end = settings.front_end
        self.dynamic_range_db = front_end.dynamic_range_db
        self.contrast = front_end.contrast
        patch = (settings.patch_bins, settings.patch_frames)
        self.convs = nn.Sequential(
            nn.Conv2d(3, settings.point_channels, kernel_size=patch, stride=patch), nn.ReLU()
        )
        time = torch.linspace(0.0, 1.0, front_end.frames).expand(front_end.mel_bands, -1)
        frequency = torch.linspace(0.0, 1.0, front_end.mel_bands)[:, None].expand_as(time)
        self.register_buffer("ramps", torch.stack([time, frequency]), persistent=False)

    def forward(self, levels: Tensor) -> Tensor:
        """(batch, bands, frames) dB → (batch, point channels, points), bands-major."""
        if self.dynamic_range_db is not None:
            levels = limit_range(levels, self.dynamic_range_db)
        scaled = scale_bands(levels) if self.contrast == "bands" else scale_levels(levels)
        ramps = self.ramps.expand(levels.shape[0], -1, -1, -1)
        channels = torch.cat([ramps, scaled[:, None]], dim=1)
        points: Tensor = self.convs(channels).flatten(2)
        return points


def limit_range(levels: Tensor, dynamic_range_db: float) -> Tensor:
    """Raise levels (batch, bands, frames) to at most so many dB below the segment's maximum.

    Else digital silence between notes takes most of the contrast.
    """
    return torch.maximum(levels, levels.amax(dim=(1, 2), keepdim=True) - dynamic_range_db)


def scale_levels(levels: Tensor) -> Tensor:
    """Scale each segment to [0, 1] by its own extremes, as upstream.

    Args:
        levels: (batch, bands, frames) dB.

    Returns:
        (batch, bands, frames); 0 throughout for a constant segment, which upstream's code turns
        into NaN.
    """
    lowest = levels.amin(dim=(1, 2), keepdim=True)
    span = levels.amax(dim=(1, 2), keepdim=True) - lowest
    return torch.where(span > 0, (levels - lowest) / span.clamp(min=1e-12), 0.0)


def scale_bands(levels: Tensor) -> Tensor:
    """Scale each segment to [0, 1] by how its bands move around their own means.

    What stays the same throughout a segment (an equaliser, a drone, the spectrum's tilt) takes no
    contrast. Three standard deviations on either side of the mean fill the range.

    Args:
        levels: (batch, bands, frames) dB.

    Returns:
        (batch, bands, frames); 0.5 throughout for a constant segment.
    """
    moves = levels - levels.mean(dim=2, keepdim=True)
    spread = moves.square().mean(dim=(1, 2), keepdim=True).sqrt()
    return (moves / (6.0 * spread + 1e-3) + 0.5).clamp(0.0, 1.0)


class GraphEncoder(nn.Module):
    """Stem, stages of graph blocks with a halving of the nodes in between, pooling."""

    def __init__(self, settings: Gnn) -> None:
        super().__init__()
        self.connected = settings.graph == "connected"
        channels = settings.channels
        self.stem = nn.Sequential(
            nn.Conv2d(settings.point_channels, channels[0], 1, bias=False),
            nn.BatchNorm1d(channels[0]),
            nn.LeakyReLU(0.2),
        )
        drop_path = iter(torch.linspace(0.0, settings.drop_path, sum(settings.blocks)).tolist())
        backbone = nn.ModuleList()
        for stage, blocks in enumerate(settings.blocks):
            if stage > 0:
                backbone.append(Downsample(channels[stage - 1], channels[stage]))
            for _ in range(blocks):
                # Dilation grows with the place in the backbone, downsamplings counted in.
                dilation = min(len(backbone) // 4 + 1, settings.max_dilation)
                drop = next(drop_path)
                block = nn.Sequential(
                    Grapher(channels[stage], dilation, drop, settings),
                    FeedForward(channels[stage], drop),
                )
                backbone.append(block)
        self.backbone = backbone
        self._start_at_identity()
        self.proj = nn.Conv2d(channels[-1], settings.feature_size, 1)
        front_end = settings.front_end
        nodes = (front_end.mel_bands // settings.patch_bins) * (
            front_end.frames // settings.patch_frames
        )
        for _ in channels[1:]:
            nodes = (nodes + 1) // 2
        self.out_nodes = nodes

    def _start_at_identity(self) -> None:
        """Let every residual branch begin at zero.

        With torch's own initialisation a stack of graph blocks scrambles what its input tells
        apart, and training hardly leaves chance; upstream's weights do not depend on this.
        """
        for layer in self.backbone.modules():
            if isinstance(layer, Grapher):
                nn.init.zeros_(layer.fc2[1].get_parameter("weight"))
            elif isinstance(layer, FeedForward):
                nn.init.zeros_(layer.bn2.weight)

    def forward(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, channels, points) → h (batch, features), node matrix (batch, nodes, channels)."""
        nodes = points.transpose(1, 2)
        nodes = self.stem[2](linear_norm_rows(self.stem[0], self.stem[1], nodes))
        for layer in self.backbone:
            if self._acts(layer):
                nodes = layer(nodes)
        # The mean and the last 1×1 convolution commute; this order is cheaper.
        return linear_rows(self.proj, nodes.mean(dim=1)), nodes

    def idle_parameters(self) -> Iterator[nn.Parameter]:
        """Parameters of the graph blocks if these are bypassed; else none."""
        for layer in self.backbone:
            if not self._acts(layer):
                yield from layer.parameters()

    def _acts(self, layer: nn.Module) -> bool:
        return self.connected or isinstance(layer, Downsample)


class GraphFunctions(NamedTuple):
    """How graphs are built and convolved; described in ``models/graph.py``."""

    nearest_neighbours: Callable[[Tensor, int, int, Literal["distance", "heap"]], Tensor]
    max_relative: Callable[[Tensor, Tensor, float], Tensor]


def graph_functions(backend: Literal["torch", "dgl"]) -> GraphFunctions:
    """The functions of a backend.

    Raises:
        UserError: DGL is asked for and not installed.
    """
    if backend == "dgl":
        from neuralsampleid.models import graph_dgl

        graph_dgl.load_dgl()
        return GraphFunctions(graph_dgl.nearest_neighbours, graph_dgl.max_relative)
    return GraphFunctions(nearest_neighbours, max_relative)


class Grapher(nn.Module):
    """Graph convolution with a residual: fc1, max-relative convolution, fc2."""

    def __init__(self, channels: int, dilation: int, drop_path: float, settings: Gnn) -> None:
        super().__init__()
        # Where the blocks are bypassed, no graph is built and nothing for it is needed.
        connected = settings.graph == "connected"
        self.graph = graph_functions(settings.graph_backend) if connected else None
        self.dilation = dilation
        self.neighbours = settings.neighbours
        # Without dilation both orders hold the same neighbours, and by distance is faster.
        self.neighbour_order = settings.neighbour_order if dilation > 1 else "distance"
        self.edge_dropout = settings.edge_dropout
        self.drop_path = drop_path
        self.norm = nn.BatchNorm1d(channels)
        layers = nn.Sequential(nn.Linear(2 * channels, 2 * channels), nn.ReLU(inplace=True))
        self.conv = nn.ModuleDict({"nn": layers})
        self.fc1 = pointwise(channels, channels)
        self.fc2 = pointwise(2 * channels, channels)

    def forward(self, nodes: Tensor) -> Tensor:
        """(batch, nodes, channels) → the same shape."""
        assert self.graph is not None, "a bypassed block is not applied"
        hidden = apply_pointwise(self.fc1, nodes).relu_()
        neighbours = self.graph.nearest_neighbours(
            nodes, self.neighbours, self.dilation, self.neighbour_order
        )
        edge_dropout = self.edge_dropout if self.training else 0.0
        relative = self.graph.max_relative(hidden, neighbours, edge_dropout)
        hidden = self.conv["nn"](torch.cat([hidden, relative], dim=2))
        hidden = apply_pointwise(self.fc2, hidden)
        hidden = drop_paths(hidden, self.drop_path, self.training) + nodes
        return normalise_rows(self.norm, hidden).relu_()


class FeedForward(nn.Module):
    """Two 1×1 convolutions with four times the channels in between, and a residual."""

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.fc1 = nn.Conv1d(channels, 4 * channels, 1)
        self.bn1 = nn.BatchNorm1d(4 * channels)
        self.fc2 = nn.Conv1d(4 * channels, channels, 1)
        self.bn2 = nn.BatchNorm1d(channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, nodes: Tensor) -> Tensor:
        """(batch, nodes, channels) → the same shape."""
        hidden = linear_norm_rows(self.fc1, self.bn1, nodes).relu_()
        hidden = linear_norm_rows(self.fc2, self.bn2, hidden)
        residual: Tensor = self.dropout(hidden)
        return residual + nodes


class Downsample(nn.Module):
    """Halve the nodes by a convolution along the flattened point axis."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv1d(channels_in, channels_out, 3, stride=2, padding=1),
            nn.BatchNorm1d(channels_out),
        )

    def forward(self, nodes: Tensor) -> Tensor:
        """(batch, nodes, channels in) → (batch, nodes / 2, channels out)."""
        hidden = self.conv[0](nodes.transpose(1, 2)).transpose(1, 2)
        return normalise_rows(self.conv[1], hidden).relu_()


def pointwise(channels_in: int, channels_out: int) -> nn.Sequential:
    """A 1×1 convolution with batch normalisation."""
    return nn.Sequential(nn.Conv1d(channels_in, channels_out, 1), nn.BatchNorm1d(channels_out))


def apply_pointwise(layers: nn.Sequential, nodes: Tensor) -> Tensor:
    """Apply ``pointwise`` layers to nodes kept as rows."""
    return linear_norm_rows(layers[0], layers[1], nodes)


def linear_norm_rows(convolution: nn.Module, norm: nn.Module, nodes: Tensor) -> Tensor:
    """A 1×1 convolution and batch normalisation of (…, channels in) → (…, channels out).

    At inference the normalisation is affine and goes into the convolution's weights.
    """
    assert isinstance(norm, nn.BatchNorm1d | nn.SyncBatchNorm)  # the latter on several GPUs
    if norm.training:
        return normalise_rows(norm, linear_rows(convolution, nodes))
    weight = convolution.get_parameter("weight").flatten(1)
    bias = convolution.bias
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    shift = norm.bias - norm.running_mean * scale
    if isinstance(bias, Tensor):
        shift = torch.addcmul(shift, bias, scale)
    return nn.functional.linear(nodes, weight * scale[:, None], shift)


def normalise_rows(layer: nn.Module, nodes: Tensor) -> Tensor:
    """Batch normalisation of (batch, nodes, channels) over the first two axes."""
    flat: Tensor = layer(nodes.reshape(-1, nodes.shape[-1]))
    return flat.view(nodes.shape)


def linear_rows(convolution: nn.Module, nodes: Tensor) -> Tensor:
    """A 1×1 convolution of (…, channels in) → (…, channels out)."""
    weight: Tensor = convolution.get_parameter("weight")
    bias = convolution.bias
    assert bias is None or isinstance(bias, Tensor)
    return nn.functional.linear(nodes, weight.flatten(1), bias)


def drop_paths(nodes: Tensor, chance: float, training: bool) -> Tensor:
    """Leave out the residual branch of whole samples with a chance; scale the others up."""
    if chance == 0.0 or not training:
        return nodes
    kept = (torch.rand(nodes.shape[0], 1, 1, device=nodes.device) >= chance).to(nodes.dtype)
    return nodes * kept / (1.0 - chance)
