"""The graph network: the released outputs, the two graph modes, scaling of levels."""

import pytest
import torch

from helpers.paper import paper_gnn
from helpers.parity import released_outputs, released_weights
from helpers.songs import small_gnn
from neuralsampleid.config import Gnn
from neuralsampleid.models.checkpoint import make_encoder
from neuralsampleid.models.gnn import (
    GnnEncoder,
    apply_pointwise,
    drop_paths,
    limit_range,
    linear_norm_rows,
    scale_bands,
    scale_levels,
)


@pytest.fixture(scope="module")
def released() -> dict[str, torch.Tensor]:
    return released_outputs("gnn")


@pytest.fixture(scope="module")
def released_state() -> dict[str, torch.Tensor]:
    return released_weights("gnn")


@pytest.mark.parametrize(
    ("settings", "prefix"),
    [
        (paper_gnn(graph="bypassed"), "released"),
        # By distance the released graphs differ where the dilation does; see nearest_neighbours.
        (paper_gnn(graph="connected", neighbour_order="heap"), "connected"),
    ],
)
@torch.no_grad()
def test_equals_the_released_code(
    settings: Gnn,
    prefix: str,
    released: dict[str, torch.Tensor],
    released_state: dict[str, torch.Tensor],
):
    encoder = GnnEncoder(settings).eval()
    encoder.load_state_dict(released_state)  # strict: the same names and shapes
    points = encoder.peak_extractor(released["logmel"])
    features = []
    encoder.encoder.register_forward_hook(lambda *call: features.append(call[2][0]))
    encoding = encoder.encode(released["logmel"])
    torch.testing.assert_close(points, released["points"], atol=1e-4, rtol=0)
    torch.testing.assert_close(features[0], released[f"{prefix}_h"], atol=1e-4, rtol=0)
    torch.testing.assert_close(encoding.nodes, released[f"{prefix}_nodes"], atol=1e-4, rtol=0)
    torch.testing.assert_close(encoding.embedding, released[f"{prefix}_z"], atol=1e-4, rtol=0)


@torch.no_grad()
def test_neighbours_by_distance_differ_from_the_released_order(
    released: dict[str, torch.Tensor], released_state: dict[str, torch.Tensor]
):
    encoder = GnnEncoder(paper_gnn(graph="connected")).eval()
    encoder.load_state_dict(released_state)
    nodes = encoder.encode(released["logmel"][:1]).nodes
    assert (nodes - released["connected_nodes"][:1]).abs().max() > 1e-2


@torch.no_grad()
def test_the_graph_is_built_from_the_blocks_input(
    released: dict[str, torch.Tensor], released_state: dict[str, torch.Tensor]
):
    """Built from what fc1 makes of it instead, the released outputs are missed."""
    encoder = GnnEncoder(paper_gnn(graph="connected", neighbour_order="heap")).eval()
    encoder.load_state_dict(released_state)
    for block in encoder.encoder.backbone:
        if isinstance(block, torch.nn.Sequential):
            grapher = block[0]
            assert grapher.graph is not None
            build = grapher.graph.nearest_neighbours

            def of_hidden(nodes, *rest, grapher=grapher, build=build):
                return build(apply_pointwise(grapher.fc1, nodes).relu(), *rest)

            grapher.graph = grapher.graph._replace(nearest_neighbours=of_hidden)
    nodes = encoder.encode(released["logmel"][:1]).nodes
    assert (nodes - released["connected_nodes"][:1]).abs().max() > 1e-2


def test_the_mode_decides_which_parameters_act():
    levels = 10 * torch.randn(4, 16, 32)
    for mode in ("connected", "bypassed"):
        encoder = make_encoder(small_gnn(graph=mode), seed=0).train()
        encoder(levels).square().sum().backward()
        # A block's first normalisation starts at zero and is the first thing to move.
        block = encoder.get_parameter("encoder.backbone.0.0.fc2.1.weight")
        assert (block.grad is not None) == (mode == "connected")
        assert encoder.get_parameter("encoder.stem.0.weight").grad is not None


@torch.no_grad()
def test_connected_blocks_begin_as_the_identity_and_then_change_the_output():
    connected, bypassed = (
        make_encoder(small_gnn(graph=mode), seed=3).eval() for mode in ("connected", "bypassed")
    )
    levels = 10 * torch.randn(4, 16, 32)
    # The one normalisation after each residual keeps positive values up to its epsilon.
    torch.testing.assert_close(connected(levels), bypassed(levels), atol=3e-3, rtol=0)
    weights = {name: torch.randn_like(value) for name, value in connected.named_parameters()}
    for encoder in (connected, bypassed):
        encoder.load_state_dict(weights, strict=False)
    assert (connected(levels) - bypassed(levels)).abs().max() > 1e-2


def test_fingerprints_are_unit_vectors_that_do_not_depend_on_the_batch():
    encoder = make_encoder(small_gnn(), seed=1).eval()
    levels = 10 * torch.randn(5, 16, 32)
    encoding = encoder.encode(levels)
    assert encoding.nodes is not None
    assert encoding.nodes.shape[1:] == encoder.node_shape == (16, 8)
    torch.testing.assert_close(encoding.embedding.norm(dim=1), torch.ones(5))
    alone = torch.cat([encoder(segment[None]) for segment in levels])
    torch.testing.assert_close(alone, encoding.embedding, atol=1e-5, rtol=0)


def test_levels_fill_the_range_whatever_the_gain():
    levels = torch.randn(2, 16, 32) * 20 - 40
    scaled = scale_levels(levels)
    assert scaled.amin(dim=(1, 2)).tolist() == [0.0, 0.0]
    assert scaled.amax(dim=(1, 2)).tolist() == [1.0, 1.0]
    torch.testing.assert_close(scale_levels(levels + 12), scaled, atol=1e-5, rtol=0)


def test_a_constant_segment_is_finite_everywhere():
    silence = torch.full((3, 16, 32), -100.0)
    assert scale_levels(silence).eq(0).all()
    assert scale_bands(silence).eq(0.5).all()
    for contrast in ("extremes", "bands"):
        front_end = small_gnn().front_end.model_copy(update={"contrast": contrast})
        encoder = make_encoder(small_gnn(front_end=front_end), seed=0).eval()
        encoding = encoder.encode(silence)
        assert encoding.nodes is not None
        assert encoding.embedding.isfinite().all()
        assert encoding.nodes.isfinite().all()


def test_a_limited_range_ignores_how_deep_the_silence_is():
    levels = torch.randn(2, 16, 32) * 5
    shallow, deep = levels.clone(), levels.clone()
    shallow[:, :, :8], deep[:, :, :8] = -60.0, -100.0
    assert not torch.allclose(scale_levels(shallow), scale_levels(deep))
    torch.testing.assert_close(limit_range(shallow, 50.0), limit_range(deep, 50.0))
    assert limit_range(deep, 50.0).amin() == pytest.approx(
        float(levels[..., 8:].amax()) - 50, abs=9
    )


def test_contrast_of_bands_ignores_a_fixed_equaliser():
    levels = torch.randn(2, 16, 32) * 10
    equaliser = torch.linspace(-12, 12, 16)[:, None]
    torch.testing.assert_close(
        scale_bands(levels + equaliser), scale_bands(levels), atol=1e-5, rtol=0
    )
    assert not torch.allclose(scale_levels(levels + equaliser), scale_levels(levels), atol=0.05)


@pytest.mark.parametrize("bias", [True, False])
def test_at_inference_the_normalisation_goes_into_the_weights(bias: bool):
    torch.manual_seed(0)
    convolution, norm = torch.nn.Conv1d(6, 4, 1, bias=bias), torch.nn.BatchNorm1d(4)
    for value in (norm.weight, norm.bias, norm.running_mean):
        torch.nn.init.normal_(value)
    torch.nn.init.uniform_(norm.running_var, 0.5, 2.0)
    nodes = torch.randn(3, 5, 6, requires_grad=True)
    plain = norm.eval()(convolution(nodes.transpose(1, 2))).transpose(1, 2)
    folded = linear_norm_rows(convolution, norm, nodes)
    torch.testing.assert_close(folded, plain)
    gradients = [torch.autograd.grad(value.sum(), nodes)[0] for value in (folded, plain)]
    torch.testing.assert_close(*gradients)
    # In training the batch's own statistics count, and the running ones follow.
    before = norm.running_mean.clone()
    trained = linear_norm_rows(convolution, norm.train(), nodes)
    torch.testing.assert_close(trained.mean(dim=(0, 1)), norm.bias)
    assert not torch.equal(norm.running_mean, before)


def test_drop_path_leaves_out_whole_samples_and_keeps_the_mean():
    torch.manual_seed(0)
    ones = torch.ones(4000, 3, 2)
    dropped = drop_paths(ones, 0.25, training=True)
    per_sample = dropped.flatten(1)
    assert (per_sample == per_sample[:, :1]).all()
    torch.testing.assert_close(per_sample[:, 0].unique(), torch.tensor([0.0, 1 / 0.75]))
    assert dropped.mean() == pytest.approx(1.0, abs=0.05)
    assert drop_paths(ones, 0.25, training=False) is ones


def test_batch_normalisation_over_several_gpus_fits_in():
    """On one process it is the plain one; over several, torch offers it on GPUs only."""
    encoder = make_encoder(small_gnn(), seed=1)
    synchronised = torch.nn.SyncBatchNorm.convert_sync_batchnorm(make_encoder(small_gnn(), seed=1))
    assert any(isinstance(layer, torch.nn.SyncBatchNorm) for layer in synchronised.modules())
    levels = torch.randn(6, 16, 32, generator=torch.Generator().manual_seed(2)) * 10
    for _ in range(2):  # the second time with other running statistics
        torch.testing.assert_close(synchronised(levels), encoder(levels))
    torch.testing.assert_close(synchronised.eval()(levels), encoder.eval()(levels))
