"""Weights in half precision."""

import pytest
import torch

from helpers.songs import small_gnn
from neuralsampleid.errors import UserError
from neuralsampleid.models.checkpoint import load_encoder, make_encoder, save_encoder
from neuralsampleid.models.shipping import write_half


@pytest.fixture
def weights(tmp_path):
    save_encoder(tmp_path / "trained.pt", make_encoder(small_gnn(), seed=0), small_gnn())
    return tmp_path / "trained.pt"


def test_half_the_bytes_and_nearly_the_same_weights(weights, tmp_path):
    target = tmp_path / "model.pt"
    assert 0.999 < write_half(weights, target) <= 1.0001
    assert target.stat().st_size < 0.7 * weights.stat().st_size
    whole, half = (load_encoder(path, small_gnn()).state_dict() for path in (weights, target))
    for name, value in whole.items():
        assert half[name].dtype == value.dtype
        torch.testing.assert_close(half[name], value, rtol=2**-10, atol=1e-6)


def test_a_file_that_is_too_large_does_not_appear(weights, tmp_path):
    with pytest.raises(UserError, match=r"model\.pt: .* MiB, expected at most"):
        write_half(weights, tmp_path / "model.pt", largest=1000)
    assert [path.name for path in tmp_path.iterdir()] == ["trained.pt"]


def test_weights_that_half_precision_spoils_do_not_appear(weights, tmp_path):
    content = torch.load(weights, weights_only=True)
    state = content["state_dict"]
    last = [name for name, value in state.items() if value.ndim == 2][-1].removesuffix(".weight")
    for name in (f"{last}.weight", f"{last}.bias"):  # of no consequence: embeddings are normalised
        state[name] = state[name] * 1e-9  # below the smallest number of half precision
    torch.save(content, weights)
    with pytest.raises(UserError, match="embeddings in half precision have a similarity of"):
        write_half(weights, tmp_path / "model.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["trained.pt"]
