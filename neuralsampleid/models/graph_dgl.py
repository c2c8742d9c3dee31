"""The functions of ``models/graph.py`` on DGL, the library of upstream's code.

For comparison and for machines that have it; the plain PyTorch functions give the same outputs. DGL
1.1.3 is the last release on PyPI that works beside a current PyTorch. It is imported when it is
first asked for.
"""

from __future__ import annotations

import os
from types import ModuleType
from typing import Literal

import torch
from torch import Tensor

from neuralsampleid.errors import UserError
from neuralsampleid.models.graph import ranking_distances

_SPARE = 4  # neighbours searched beyond those needed


def load_dgl() -> ModuleType:
    """Import DGL.

    Raises:
        UserError: it is not installed, or does not load beside this PyTorch.
    """
    # Else DGL writes a file into the user's home and prints that it did.
    os.environ.setdefault("DGLBACKEND", "pytorch")
    try:
        import dgl
    except (ImportError, OSError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(
            f"graph_backend: 'dgl' needs DGL, which does not load ({reason}); install it with "
            "'pip install --no-deps dgl==1.1.3' or use 'torch'"
        ) from error
    loaded: ModuleType = dgl
    return loaded


@torch.no_grad()
def nearest_neighbours(
    nodes: Tensor,
    count: int,
    dilation: int = 1,
    order: Literal["distance", "heap"] = "distance",
) -> Tensor:
    """As ``graph.nearest_neighbours``, by DGL's brute-force search.

    ``heap`` is the order in which that search on a CPU leaves the neighbours, so it costs nothing
    here, and ties fall as they do there. For ``distance`` a few more are found than needed, sorted
    by the very numbers that the other backend sorts by, and cut: where two nodes compete for the
    last place within rounding, both backends then keep the same one.

    Returns:
        int64 (batch, nodes, count).
    """
    batch, size, _ = nodes.shape
    reach = min(count * dilation, size)
    searched = min(reach + _SPARE, size) if order == "distance" else reach
    algorithm = "bruteforce-sharemem" if nodes.is_cuda else "bruteforce"
    graph = load_dgl().knn_graph(nodes.contiguous(), searched, algorithm=algorithm)
    source: Tensor = graph.edges(order="eid")[0]
    first = torch.arange(batch, device=nodes.device)[:, None, None] * size
    found = source.view(batch, size, searched) - first
    if order == "distance":
        distances = ranking_distances(nodes).gather(2, found)
        found = found.gather(2, distances.argsort(dim=2, stable=True))
    return found[:, :, :reach:dilation]


def max_relative(nodes: Tensor, neighbours: Tensor, edge_dropout: float = 0.0) -> Tensor:
    """As ``graph.max_relative``, by DGL's message passing; the same seed drops the same edges."""
    dgl = load_dgl()
    batch, size, channels = nodes.shape
    first = torch.arange(batch, device=nodes.device)[:, None, None] * size
    target = torch.arange(batch * size, device=nodes.device).view(batch, size, 1)
    source, target = neighbours + first, target.expand_as(neighbours)
    if edge_dropout > 0.0:
        kept = torch.rand(neighbours.shape, device=nodes.device) >= edge_dropout
        source, target = source[kept], target[kept]
    graph = dgl.graph((source.flatten(), target.flatten()), num_nodes=batch * size)
    graph.ndata["x"] = nodes.reshape(batch * size, channels)
    # A node that no message reaches keeps 0.
    graph.update_all(dgl.function.v_sub_u("x", "x", "relative"), dgl.function.max("relative", "y"))
    relative: Tensor = graph.ndata["y"]
    return relative.view(nodes.shape)
