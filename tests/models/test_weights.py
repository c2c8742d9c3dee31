"""Weights of this project and published ones, through one door."""

import pytest
import torch

from helpers.parity import released_weights
from helpers.songs import small_gnn
from neuralsampleid.config import Gnn, Reranker, ResNetIbn
from neuralsampleid.errors import UserError
from neuralsampleid.models.checkpoint import (
    make_encoder,
    make_reranker,
    save_encoder,
    save_reranker,
)
from neuralsampleid.models.weights import load_any_encoder, load_any_reranker

SMALL = small_gnn()


def save_small(path, settings=SMALL):
    save_encoder(path, make_encoder(settings, seed=1), settings)
    return path


def test_our_own_encoder_brings_its_settings(tmp_path):
    path = save_small(tmp_path / "own.pt")
    encoder, settings = load_any_encoder(path, "gnn")
    assert settings == SMALL
    assert not encoder.training
    expected = make_encoder(SMALL, seed=1).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in encoder.state_dict().items())


def test_the_graph_mode_can_be_changed(tmp_path):
    path = save_small(tmp_path / "own.pt")
    assert load_any_encoder(path, "gnn", "bypassed")[1] == SMALL.model_copy(
        update={"graph": "bypassed"}
    )


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_published_encoder_has_the_released_size_and_bypasses_its_graph(tmp_path, prefix):
    state = {f"{prefix}{name}": value for name, value in released_weights("gnn").items()}
    torch.save({"state_dict": state, "epoch": 3, "loss": 0.5}, tmp_path / "model.pth")
    encoder, settings = load_any_encoder(tmp_path / "model.pth", "gnn")
    assert settings == Gnn(graph="bypassed", neighbour_order="heap")
    assert encoder.node_shape == (512, 32)


def test_a_published_encoder_connected(tmp_path, caplog):
    torch.save({"state_dict": released_weights("gnn")}, tmp_path / "model.pth")
    settings = load_any_encoder(tmp_path / "model.pth", "gnn", "connected")[1]
    assert settings == Gnn(neighbour_order="heap")  # as the release chose them
    assert "bypassed" in caplog.text


def test_a_published_baseline(tmp_path):
    torch.save({"state_dict": released_weights("resnet_ibn")}, tmp_path / "model.pth")
    encoder, settings = load_any_encoder(tmp_path / "model.pth", "resnet_ibn")
    assert settings == ResNetIbn()
    assert encoder.node_shape is None


def test_encoders_that_do_not_fit(tmp_path):
    path = save_small(tmp_path / "own.pt")
    with pytest.raises(UserError, match="architecture 'gnn', expected 'resnet_ibn'"):
        load_any_encoder(path, "resnet_ibn")
    with pytest.raises(UserError, match="'resnet_ibn' has no graph"):
        load_any_encoder(path, "resnet_ibn", "connected")
    with pytest.raises(UserError, match="no such checkpoint"):
        load_any_encoder(tmp_path / "missing.pth", "gnn")
    content = torch.load(path, weights_only=True)
    torch.save({**content, "settings": {**content["settings"], "colour": 1}}, path)
    with pytest.raises(UserError, match="settings that this version does not know"):
        load_any_encoder(path, "gnn")


class Touch:
    """Would write a file when unpickled."""

    def __reduce__(self):
        return open, ("executed", "w")


def test_nothing_in_a_checkpoint_is_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"architecture": "gnn", "settings": {}, "state_dict": {"a": Touch()}}, "evil.pth")
    with pytest.raises(UserError, match=r"evil\.pth"):
        load_any_encoder(tmp_path / "evil.pth", "gnn")
    with pytest.raises(UserError, match=r"evil\.pth"):
        load_any_reranker(tmp_path / "evil.pth")
    assert not (tmp_path / "executed").exists()


def test_rerankers(tmp_path):
    torch.save(released_weights("classifier"), tmp_path / "published.pth")
    reranker = load_any_reranker(tmp_path / "published.pth")
    assert reranker.positional_embedding.shape == (1, 32, 512)
    assert not reranker.training
    settings = Reranker(heads=2, hidden_size=5)
    own = make_reranker(settings, (8, 3), seed=1)
    save_reranker(tmp_path / "own.pt", own, settings)
    found = load_any_reranker(tmp_path / "own.pt")
    assert found.heads == 2
    assert torch.equal(found.positional_embedding, own.positional_embedding)


def test_rerankers_that_do_not_fit(tmp_path):
    with pytest.raises(UserError, match="architecture 'gnn', expected 'reranker'"):
        load_any_reranker(save_small(tmp_path / "own.pt"))
    content = {"architecture": "reranker", "settings": {}, "state_dict": {}}
    torch.save(content, tmp_path / "empty.pt")
    with pytest.raises(UserError, match="no positional_embedding"):
        load_any_reranker(tmp_path / "empty.pt")
    torch.save({**content, "settings": {"heads": "four"}}, tmp_path / "wrong.pt")
    with pytest.raises(UserError, match="settings that this version does not know"):
        load_any_reranker(tmp_path / "wrong.pt")
