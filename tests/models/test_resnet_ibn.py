"""The baseline: the released outputs, and its own layers."""

import torch

from helpers.paper import paper_resnet_ibn
from helpers.parity import released_outputs, released_weights
from helpers.songs import small_resnet
from neuralsampleid.models.checkpoint import make_encoder
from neuralsampleid.models.resnet_ibn import (
    GeneralisedMean,
    InstanceBatchNorm,
    ResNetIbnEncoder,
)


@torch.no_grad()
def test_equals_the_released_code():
    released = released_outputs("resnet_ibn")
    encoder = ResNetIbnEncoder(paper_resnet_ibn()).eval()
    encoder.load_state_dict(released_weights("resnet_ibn"))
    features = released["cqt"]
    hidden = encoder.encoder(features[:, None])
    torch.testing.assert_close(hidden, released["h"], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(encoder(features), released["z"], atol=1e-4, rtol=0)


def test_generalised_mean_by_hand():
    features = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    expected = ((1 + 8 + 27 + 64) / 4) ** (1 / 3)
    torch.testing.assert_close(GeneralisedMean()(features), torch.tensor([[expected]]))
    # Negative values count as the floor, and the exponent learns without NaN.
    pool = GeneralisedMean()
    pool(-features).sum().backward()
    assert pool.p.grad is not None
    assert pool.p.grad.isfinite().all()


def test_the_first_half_is_normalised_per_instance_and_the_rest_per_batch():
    torch.manual_seed(0)
    features = torch.randn(4, 5, 6, 6) * torch.tensor([1.0, 2.0, 5.0, 9.0])[:, None, None, None]
    normalised = InstanceBatchNorm(5).train()(features)
    per_item = normalised.std(dim=(2, 3))
    torch.testing.assert_close(per_item[:, :2], torch.ones(4, 2), atol=0.02, rtol=0)
    assert (per_item[3, 2:] / per_item[0, 2:]).min() > 3  # loud items stay loud
    torch.testing.assert_close(
        normalised[:, 2:].std(dim=(0, 2, 3)), torch.ones(3), atol=0.02, rtol=0
    )


def test_fingerprints_are_unit_vectors_without_node_matrices():
    encoder = make_encoder(small_resnet(), seed=1).eval()
    encoding = encoder.encode(torch.rand(3, 60, 32))
    assert encoding.nodes is None
    assert encoder.node_shape is None
    torch.testing.assert_close(encoding.embedding.norm(dim=1), torch.ones(3))


def test_silence_is_finite():
    encoder = make_encoder(small_resnet(), seed=1).eval()
    assert encoder(torch.zeros(2, 60, 32)).isfinite().all()
