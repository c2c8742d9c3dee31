"""Neighbour graphs in feature space, and the max-relative convolution over them.

Nodes are kept as rows, (batch, nodes, channels), so that every 1×1 convolution of the released
model is one matrix product.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from neuralsampleid.models.graph_heap import heap_of_nearest


@torch.no_grad()
def nearest_neighbours(
    nodes: Tensor,
    count: int,
    dilation: int = 1,
    order: Literal["distance", "heap"] = "distance",
) -> Tensor:
    """Neighbours by squared Euclidean distance, every ``dilation``-th of the nearest.

    Upstream's code keeps every ``dilation``-th in the order in which DGL's brute-force search
    leaves them, which is that of a heap with the farthest on top: the farthest is always kept and
    the node itself often is not. What is described, and what we do, is every ``dilation``-th by
    distance; ``heap`` reproduces upstream's choice. Without dilation both keep the same set.

    Args:
        nodes: (batch, nodes, channels).
        count: neighbours per node; fewer where there are not ``count × dilation`` nodes.
        dilation: 2 keeps the 1st, 3rd, 5th … of ``count × dilation`` neighbours.
        order: of the neighbours before every ``dilation``-th is kept.

    Returns:
        int64 (batch, nodes, count). By distance: nearest first, and the first is the node itself.
    """
    reach = min(count * dilation, nodes.shape[1])
    if order == "heap":
        return heap_of_nearest(nodes, reach)[:, :, ::dilation]
    return ranking_distances(nodes).topk(reach, dim=2, largest=False).indices[:, :, ::dilation]


def ranking_distances(nodes: Tensor) -> Tensor:
    """What orders the neighbours of each node: (batch, nodes, channels) → (batch, nodes, nodes).

    Squared distances less the node's own squared norm, which shifts a whole row and changes no
    order; −∞ from a node to itself, because rounding must not put a twin before it. In full
    precision always: in bfloat16 one neighbour in 75 would be another.
    """
    nodes = nodes.float()
    # Nodes lie far from the origin and near each other: uncentred, rounding swaps close neighbours.
    nodes = nodes - nodes.mean(dim=1, keepdim=True)
    with torch.autocast(nodes.device.type, enabled=False):
        products = nodes @ nodes.transpose(1, 2)
    distances = nodes.square().sum(2)[:, None, :] - 2.0 * products
    distances.diagonal(dim1=1, dim2=2).fill_(-torch.inf)
    return distances


def max_relative(nodes: Tensor, neighbours: Tensor, edge_dropout: float = 0.0) -> Tensor:
    """For every node i the maximum over its neighbours j of (x_i − x_j), channel by channel.

    Args:
        nodes: (batch, nodes, channels).
        neighbours: int64 (batch, nodes, count).
        edge_dropout: chance that an edge is left out; a node without edges gets 0.

    Returns:
        (batch, nodes, channels).
    """
    kept = None
    if edge_dropout > 0.0:
        kept = torch.rand(neighbours.shape, device=nodes.device) >= edge_dropout
    if kept is None and not (torch.is_grad_enabled() and nodes.requires_grad):
        return nodes - _lowest_neighbour(nodes, neighbours)
    # torch leaves Function.apply unannotated.
    lowest: Tensor = _LowestNeighbour.apply(nodes, neighbours, kept)[0]  # type: ignore[no-untyped-call]
    relative = nodes - lowest
    return relative if kept is None else torch.where(kept.any(2, keepdim=True), relative, 0.0)


def _lowest_neighbour(nodes: Tensor, neighbours: Tensor) -> Tensor:
    """Minimum over neighbours, not remembering which: for inference; (batch, nodes, channels)."""
    batch, size, channels = nodes.shape
    rows = nodes.reshape(batch * size, channels)
    first = torch.arange(batch, device=nodes.device)[:, None, None] * size
    places = (neighbours + first).view(batch * size, -1).unbind(dim=1)
    lowest = rows.index_select(0, places[0])
    for place in places[1:]:
        torch.minimum(lowest, rows.index_select(0, place), out=lowest)
    return lowest.view(nodes.shape)


class _LowestNeighbour(torch.autograd.Function):
    """min over neighbours, keeping only the index of the minimum for the backward pass.

    The plain gather keeps (batch, nodes, count, channels) values and scatters as many gradients;
    this keeps and scatters a count-th of that.
    """

    @staticmethod
    def forward(
        context: Any,  # noqa: ANN401 - torch's FunctionCtx has no public type
        nodes: Tensor,
        neighbours: Tensor,
        kept: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        batch, size, channels = nodes.shape
        rows = nodes.reshape(batch * size, channels)
        first = torch.arange(batch, device=nodes.device)[:, None, None] * size
        flat = (neighbours + first).reshape(batch * size, -1)
        # Every node reads something for a dropped edge: another kept one, or at worst itself.
        if kept is not None:
            flat = _redirect_dropped(flat, kept.reshape(flat.shape))
        lowest = rows.index_select(0, flat[:, 0])
        source = flat[:, :1].expand(-1, channels)
        for place in range(1, flat.shape[1]):
            other = rows.index_select(0, flat[:, place])
            smaller = other < lowest
            lowest = torch.where(smaller, other, lowest)
            source = torch.where(smaller, flat[:, place, None], source)
        context.save_for_backward(source)
        context.mark_non_differentiable(source)
        return lowest.view(nodes.shape), source

    @staticmethod
    def backward(
        context: Any,  # noqa: ANN401
        gradient: Tensor,
        _: Tensor | None,
    ) -> tuple[Tensor, None, None]:
        (source,) = context.saved_tensors
        flat = gradient.reshape(source.shape)
        return torch.zeros_like(flat).scatter_add_(0, source, flat).view(gradient.shape), None, None


def _redirect_dropped(flat: Tensor, kept: Tensor) -> Tensor:
    """Let a row's dropped entries repeat its first kept entry (or stay, if none is kept)."""
    first_kept = kept.to(torch.uint8).argmax(dim=1, keepdim=True)
    return torch.where(kept, flat, flat.gather(1, first_kept))
