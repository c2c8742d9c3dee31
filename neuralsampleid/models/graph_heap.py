"""Neighbours in the order in which upstream's search leaves them, for exact parity only.

DGL 1.1.3's brute-force search offers the candidates in the order of their index to a binary heap
with the farthest on top; one that is no farther than the top replaces it and sinks. FAISS has such
heaps, in compiled code, but they treat equal distances otherwise: rows with any go through a heap
in Python.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import faiss
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

_BEYOND_ALL = 1e30  # larger than any squared distance
_NOTHING = 1e-13  # of the nodes' own squares: the distance of a node from its twin


def heap_of_nearest(nodes: Tensor, size: int) -> Tensor:
    """The ``size`` nearest of each node, in the places of the heap that they are left in.

    Args:
        nodes: (batch, nodes, channels).
        size: of a heap; at most the number of nodes.

    Returns:
        int64 (batch, nodes, size).
    """
    batch, count = nodes.shape[:2]
    distances = _squared_distances(nodes).view(batch * count, count).cpu().numpy()
    index = _heaps(distances, size)
    ordered = np.sort(distances, axis=1)
    for row in np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1)):
        index[row] = _heap(distances[row].tolist(), size)
    return torch.from_numpy(index).to(nodes.device).view(batch, count, size)


def _squared_distances(nodes: Tensor) -> Tensor:
    """Float32 (batch, nodes, nodes); so exact before rounding that twins are equally far away."""
    nodes = nodes.double()
    with torch.autocast(nodes.device.type, enabled=False):
        products = nodes @ nodes.transpose(1, 2)
    squares = products.diagonal(dim1=1, dim2=2)
    both = squares[:, :, None] + squares[:, None, :]
    distances = both - 2.0 * products
    return torch.where(distances > _NOTHING * both, distances, 0.0).float()


def _heaps(distances: npt.NDArray[np.float32], size: int) -> npt.NDArray[np.int64]:
    """The heap of each row, (rows, size), where no two distances of a row are equal."""
    rows, count = distances.shape
    # DGL's heap is full of infinity at first, and of two equal children the left one rises. FAISS
    # does the same with values that fall from node to node, each left branch before the right one.
    values = np.empty((rows, size), np.float32)
    values[:, list(_left_first(size))] = _BEYOND_ALL * np.arange(2 * size, size, -1)
    index = np.zeros((rows, size), np.int64)
    heaps = faiss.float_maxheap_array_t()
    heaps.nh, heaps.k = rows, size
    heaps.val, heaps.ids = faiss.swig_ptr(values), faiss.swig_ptr(index)
    heaps.addn(count, faiss.swig_ptr(distances))
    return index


def _left_first(size: int) -> Iterator[int]:
    """The places of a heap: each before its branches, and the left branch before the right one."""
    places = [0]
    while places:
        place = places.pop()
        if place < size:
            yield place
            places += [2 * place + 2, 2 * place + 1]


def _heap(distances: Sequence[float], size: int) -> list[int]:
    """The heap of one row, (size,), as DGL's search makes it."""
    heap = [(float("inf"), 0)] * size
    for candidate, distance in enumerate(distances):
        if distance > heap[0][0]:
            continue
        place = 0
        while (child := 2 * place + 1) < size:
            if child + 1 < size and heap[child + 1][0] > heap[child][0]:
                child += 1
            if heap[child][0] <= distance:
                break
            heap[place], place = heap[child], child
        heap[place] = (distance, candidate)
    return [candidate for _, candidate in heap]
