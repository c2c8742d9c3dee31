"""Neighbours against brute force, the released order against a plain heap, max-relative."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralsampleid.models.graph import max_relative, nearest_neighbours


def random_nodes(batch: int, nodes: int, channels: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(batch, nodes, channels, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_neighbours_are_every_dilation_th_of_the_nearest(dilation: int):
    nodes = random_nodes(2, 40, 8)
    distances = (nodes.double()[:, :, None] - nodes.double()[:, None]).square().sum(3)
    expected = distances.argsort(dim=2)[:, :, : 5 * dilation : dilation]
    found = nearest_neighbours(nodes, 5, dilation)
    torch.testing.assert_close(found, expected)
    assert (found[:, :, 0] == torch.arange(40)).all()


def test_a_node_comes_before_its_twin():
    nodes = torch.ones(1, 6, 3) * 1e3  # all alike
    assert (nearest_neighbours(nodes, 3)[0, :, 0] == torch.arange(6)).all()


def test_far_from_the_origin_the_order_is_still_exact():
    nodes = random_nodes(2, 64, 32) * 0.05 + 3.0
    distances = (nodes.double()[:, :, None] - nodes.double()[:, None]).square().sum(3)
    expected = distances.argsort(dim=2)[:, :, :15:3]
    torch.testing.assert_close(nearest_neighbours(nodes, 5, 3), expected)


def test_few_nodes_give_fewer_neighbours():
    assert nearest_neighbours(random_nodes(1, 4, 3), 5).shape == (1, 4, 4)
    assert nearest_neighbours(random_nodes(1, 4, 3), 5, dilation=2).shape == (1, 4, 2)


def test_items_of_a_batch_do_not_see_each_other():
    nodes = random_nodes(3, 20, 4)
    alone = torch.cat([nearest_neighbours(item[None], 4, 2) for item in nodes])
    torch.testing.assert_close(nearest_neighbours(nodes, 4, 2), alone)


def heap_of_nearest(points: np.ndarray, node: int, size: int) -> list[int]:
    """The search of DGL 1.1.3 on a CPU, one node at a time: the layout it leaves its heap in.

    Distances are float32, as there.
    """
    heap = [(np.inf, -1)] * size
    for candidate, point in enumerate(points):
        distance = float(np.float32(((points[node] - point) ** 2).sum()))
        if distance > heap[0][0]:
            continue
        heap[0] = (distance, candidate)
        place = 0
        while True:
            largest = place
            for child in (2 * place + 1, 2 * place + 2):
                if child < size and heap[child][0] > heap[largest][0]:
                    largest = child
            if largest == place:
                break
            heap[place], heap[largest] = heap[largest], heap[place]
            place = largest
    return [candidate for _, candidate in heap]


@settings(max_examples=15)
@given(
    nodes=st.integers(2, 24),
    count=st.integers(1, 6),
    dilation=st.integers(1, 3),
    ties=st.booleans(),
    seed=st.integers(0, 99),
)
def test_heap_order_is_that_of_a_plain_heap(
    nodes: int, count: int, dilation: int, ties: bool, seed: int
):
    points = random_nodes(2, nodes, 4, seed)
    if ties:
        points = points.round()
    size = min(count * dilation, nodes)
    expected = [
        [heap_of_nearest(item.double().numpy(), node, size)[::dilation] for node in range(nodes)]
        for item in points
    ]
    found = nearest_neighbours(points.double(), count, dilation, order="heap")
    assert found.tolist() == expected


def test_heap_order_of_twins_is_that_of_a_plain_heap():
    """As in digital silence, where rounding must not tell twins apart."""
    points = random_nodes(2, 64, 256) * 0.1 + 1.0
    points[:, ::3] = points[:, :1]
    expected = [
        [heap_of_nearest(item.double().numpy(), node, 15)[::3] for node in range(64)]
        for item in points
    ]
    assert nearest_neighbours(points, 5, 3, order="heap").tolist() == expected


def test_heap_order_equals_dgl():
    """Where DGL is installed (1.1.3; later ones may search otherwise)."""
    dgl = pytest.importorskip("dgl")
    nodes = random_nodes(3, 64, 16)
    graph = dgl.segmented_knn_graph(nodes.flatten(0, 1), 15, [64] * 3, algorithm="bruteforce")
    source, _ = graph.edges(order="eid")
    expected = source.view(3, 64, 15) - 64 * torch.arange(3)[:, None, None]
    torch.testing.assert_close(nearest_neighbours(nodes, 15, order="heap"), expected)


def test_both_orders_keep_the_same_set_without_dilation():
    nodes = random_nodes(2, 30, 8)
    by_distance = nearest_neighbours(nodes, 5).sort(dim=2).values
    torch.testing.assert_close(
        nearest_neighbours(nodes, 5, order="heap").sort(2).values, by_distance
    )
    dilated = nearest_neighbours(nodes, 5, 3, order="heap").sort(2).values
    assert not torch.equal(dilated, nearest_neighbours(nodes, 5, 3).sort(2).values)


def test_released_dilation_keeps_the_farthest_and_often_drops_the_node():
    nodes = random_nodes(4, 64, 16)
    itself = torch.arange(64)[:, None]
    by_distance = nearest_neighbours(nodes, 5, 3)
    released = nearest_neighbours(nodes, 5, 3, order="heap")
    farthest = nearest_neighbours(nodes, 15)[:, :, -1:]  # of the 15 nearest
    assert (by_distance == itself).any(2).all()
    assert not (by_distance == farthest).any()
    assert (released == farthest).any(2).all()
    assert (released == itself).any(2).float().mean() < 0.6


def naive_max_relative(
    nodes: torch.Tensor, neighbours: torch.Tensor, kept: torch.Tensor
) -> torch.Tensor:
    """By a plain gather, as one would write it."""
    batch = torch.arange(len(nodes))[:, None, None]
    relative = nodes[:, :, None] - nodes[batch, neighbours]
    relative = relative.masked_fill(~kept[..., None], -torch.inf).amax(dim=2)
    return torch.where(kept.any(dim=2, keepdim=True), relative, 0.0)


@pytest.mark.parametrize("edge_dropout", [0.0, 0.2, 0.9])
def test_max_relative_equals_a_plain_gather_in_value_and_gradient(edge_dropout: float):
    nodes = random_nodes(2, 12, 5).double().requires_grad_()
    neighbours = nearest_neighbours(nodes, 4)
    torch.manual_seed(7)
    ours = max_relative(nodes, neighbours, edge_dropout)
    torch.manual_seed(7)
    kept = torch.rand(neighbours.shape) >= edge_dropout
    naive = naive_max_relative(nodes, neighbours, kept)
    if edge_dropout == 0.9:
        assert not kept.any(dim=2).all()  # some nodes lose every edge
    torch.testing.assert_close(ours, naive)
    weight = torch.randn_like(ours)
    (found,) = torch.autograd.grad((ours * weight).sum(), nodes)
    (expected,) = torch.autograd.grad((naive * weight).sum(), nodes)
    torch.testing.assert_close(found, expected)


def test_inference_and_training_compute_the_same():
    nodes = random_nodes(2, 12, 5).requires_grad_()
    neighbours = nearest_neighbours(nodes, 4)
    with torch.no_grad():
        inference = max_relative(nodes, neighbours)
    assert torch.equal(inference, max_relative(nodes, neighbours))


def test_max_relative_by_hand():
    nodes = torch.tensor([[[1.0, 5.0], [2.0, 2.0], [4.0, 9.0]]])
    neighbours = torch.tensor([[[0, 1], [1, 2], [2, 0]]])
    expected = torch.tensor([[[0.0, 3.0], [0.0, 0.0], [3.0, 4.0]]])
    torch.testing.assert_close(max_relative(nodes, neighbours), expected)


def test_relabelling_nodes_relabels_the_result():
    nodes = random_nodes(1, 20, 6)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(1))
    original = max_relative(nodes, nearest_neighbours(nodes, 4))
    shuffled = max_relative(nodes[:, order], nearest_neighbours(nodes[:, order], 4))
    torch.testing.assert_close(shuffled, original[:, order])


def test_mixed_precision_leaves_the_neighbours_as_they_are():
    nodes = torch.randn(4, 64, 32, generator=torch.Generator().manual_seed(1)) + 3.0
    with torch.autocast("cpu", torch.bfloat16):
        mixed = nearest_neighbours(nodes, 5)
        products = nodes @ nodes.transpose(1, 2)
    assert products.dtype == torch.bfloat16  # the context does act
    assert torch.equal(mixed, nearest_neighbours(nodes, 5))
