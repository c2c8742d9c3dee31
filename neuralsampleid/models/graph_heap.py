"""Neighbours in the order in which upstream's search leaves them, for exact parity only."""

from __future__ import annotations

import torch
from torch import Tensor


def heap_of_nearest(nodes: Tensor, size: int) -> Tensor:
    """The ``size`` nearest of each node, laid out as DGL 1.1.3's brute-force search leaves them.

    That search offers the candidates in the order of their index to a binary heap with the farthest
    on top; one that is no farther than the top replaces it and sinks. Here all nodes' heaps go
    through the candidates together.

    Args:
        nodes: (batch, nodes, channels).
        size: of a heap; at most the number of nodes.

    Returns:
        int64 (batch, nodes, size).
    """
    batch, count = nodes.shape[:2]
    # Places beyond the heap are nearer than anything, so nothing sinks into them.
    distance = nodes.new_full((batch, count, 2 * size + 1), -torch.inf)
    distance[:, :, :size] = torch.inf
    index = torch.zeros_like(distance, dtype=torch.long)
    top = torch.zeros_like(index[:, :, :1])
    for candidate in range(count):
        offered = (nodes - nodes[:, candidate : candidate + 1]).square().sum(2)
        enters = offered <= distance[:, :, 0]
        distance[:, :, 0] = torch.where(enters, offered, distance[:, :, 0])
        index[:, :, 0] = torch.where(enters, candidate, index[:, :, 0])
        place = top
        for _ in range(size.bit_length() - 1):
            left = 2 * place + 1
            to_left, to_right = distance.gather(2, left), distance.gather(2, left + 1)
            child = torch.where(to_right > to_left, left + 1, left)
            sinks = torch.maximum(to_left, to_right) > distance.gather(2, place)
            target = torch.where(sinks, child, place)
            for heap in (distance, index):
                upper, lower = heap.gather(2, place), heap.gather(2, target)
                heap.scatter_(2, target, upper).scatter_(2, place, lower)
            place = target
    return index[:, :, :size]
