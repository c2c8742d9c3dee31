"""The DGL backend against the PyTorch one. CI installs DGL; elsewhere these tests are skipped."""

import builtins
import importlib.util

import pytest
import torch

from helpers.paper import paper_gnn
from helpers.parity import released_outputs, released_weights
from helpers.songs import small_gnn
from neuralsampleid.errors import UserError
from neuralsampleid.models import graph, graph_dgl
from neuralsampleid.models.checkpoint import make_encoder
from neuralsampleid.models.gnn import GnnEncoder

needs_dgl = pytest.mark.skipif(
    importlib.util.find_spec("dgl") is None,
    reason="DGL is not installed: pip install --no-deps dgl==1.1.3",
)


def random_nodes(batch: int, nodes: int, channels: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(batch, nodes, channels, generator=torch.Generator().manual_seed(seed))


@needs_dgl
@pytest.mark.parametrize("order", ["distance", "heap"])
@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("size", [64, 32, 7, 2])
def test_the_same_neighbours(order: str, dilation: int, size: int):
    nodes = random_nodes(3, size, 16)
    expected = graph.nearest_neighbours(nodes, 5, dilation, order)
    torch.testing.assert_close(
        graph_dgl.nearest_neighbours(nodes, 5, dilation, order), expected, atol=0, rtol=0
    )


@needs_dgl
def test_ties_have_the_same_heap_and_a_node_comes_before_its_twin():
    nodes = random_nodes(2, 24, 3).round()
    torch.testing.assert_close(
        graph_dgl.nearest_neighbours(nodes, 5, 2, "heap"),
        graph.nearest_neighbours(nodes, 5, 2, "heap"),
    )
    found = graph_dgl.nearest_neighbours(torch.ones(1, 6, 3), 6)
    assert (found[0, :, 0] == torch.arange(6)).all()


@needs_dgl
@pytest.mark.parametrize("edge_dropout", [0.0, 0.2, 0.9])
def test_the_same_convolution_and_gradient(edge_dropout: float):
    nodes = random_nodes(2, 12, 5).double().requires_grad_()
    neighbours = graph.nearest_neighbours(nodes, 4)
    weight = random_nodes(2, 12, 5, seed=1).double()
    values, gradients = [], []
    for backend in (graph, graph_dgl):
        torch.manual_seed(7)
        values.append(backend.max_relative(nodes, neighbours, edge_dropout))
        gradients.append(torch.autograd.grad((values[-1] * weight).sum(), nodes)[0])
    torch.testing.assert_close(values[1], values[0])
    torch.testing.assert_close(gradients[1], gradients[0])


@needs_dgl
@torch.no_grad()
def test_the_released_outputs():
    released = released_outputs("gnn")
    settings = paper_gnn(graph="connected", graph_backend="dgl", neighbour_order="heap")
    encoder = GnnEncoder(settings).eval()
    encoder.load_state_dict(released_weights("gnn"))
    encoding = encoder.encode(released["logmel"])
    torch.testing.assert_close(encoding.embedding, released["connected_z"], atol=1e-4, rtol=0)
    torch.testing.assert_close(encoding.nodes, released["connected_nodes"], atol=1e-4, rtol=0)


@needs_dgl
@torch.no_grad()
def test_the_whole_encoder_by_distance():
    levels = released_outputs("gnn")["logmel"]
    found = []
    for backend in ("torch", "dgl"):
        encoder = GnnEncoder(paper_gnn(graph_backend=backend)).eval()
        encoder.load_state_dict(released_weights("gnn"))
        found.append(encoder.encode(levels).nodes)
    torch.testing.assert_close(found[1], found[0], atol=1e-4, rtol=0)


@needs_dgl
def test_it_trains_as_the_other_backend_does():
    levels = 10 * torch.randn(4, 16, 32, generator=torch.Generator().manual_seed(2))
    gradients = []
    for backend in ("torch", "dgl"):
        encoder = make_encoder(small_gnn(graph_backend=backend), seed=0).train()
        for parameter in encoder.parameters():
            torch.nn.init.normal_(
                parameter, std=0.3, generator=torch.Generator().manual_seed(parameter.numel())
            )
        torch.manual_seed(5)
        (encoder(levels) * torch.arange(8)).sum().backward()
        gradients.append(encoder.get_parameter("encoder.backbone.0.0.fc1.0.weight").grad)
    assert gradients[0] is not None
    assert gradients[0].abs().max() > 0
    torch.testing.assert_close(gradients[1], gradients[0], atol=1e-5, rtol=1e-3)


def test_without_dgl_one_line_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    imported = builtins.__import__

    def without_dgl(name: str, *rest: object, **named: object) -> object:
        if name == "dgl":
            raise ModuleNotFoundError("No module named 'dgl'")
        return imported(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without_dgl)
    with pytest.raises(UserError) as error:
        make_encoder(small_gnn(graph_backend="dgl"), seed=0)
    assert str(error.value) == (
        "graph_backend: 'dgl' needs DGL, which does not load (No module named 'dgl'); install it "
        "with 'pip install --no-deps dgl==1.1.3' or use 'torch'"
    )
    # Neither the other backend nor bypassed blocks ask for it.
    make_encoder(small_gnn(), seed=0)
    make_encoder(small_gnn(graph_backend="dgl", graph="bypassed"), seed=0)
