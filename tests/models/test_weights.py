"""Weights by name, and loading those of this project and published ones."""

import pytest
import torch

from helpers.paper import paper_gnn, paper_resnet_ibn
from helpers.parity import released_weights
from helpers.songs import small_gnn, small_resnet
from neuralsampleid.config import Reranker, network
from neuralsampleid.errors import UserError
from neuralsampleid.models.checkpoint import (
    make_encoder,
    make_reranker,
    save_encoder,
    save_reranker,
)
from neuralsampleid.models.shipping import LARGEST_FILE
from neuralsampleid.models.weights import (
    SHIPPED_FILE,
    architecture_of,
    load_any_encoder,
    load_any_reranker,
    load_configured,
    weights_file,
)

SMALL = small_gnn()
READY = {
    "architecture": "pretrained",
    "weights": "anything",
    "fingerprints": {"segment_hop": 5},
}


def save_small(path, settings=SMALL):
    save_encoder(path, make_encoder(settings, seed=1), settings)
    return path


def test_our_own_encoder_brings_its_settings(tmp_path):
    path = save_small(tmp_path / "own.pt")
    encoder, settings = load_any_encoder(path, "gnn")
    assert network(settings) == network(SMALL)
    assert not encoder.training
    expected = make_encoder(SMALL, seed=1).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in encoder.state_dict().items())


def test_the_graph_mode_can_be_changed(tmp_path):
    path = save_small(tmp_path / "own.pt")
    settings = load_any_encoder(path, "gnn", "bypassed")[1]
    assert network(settings) == {**network(SMALL), "graph": "bypassed"}


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_published_encoder_has_the_released_size_and_bypasses_its_graph(tmp_path, prefix):
    state = {f"{prefix}{name}": value for name, value in released_weights("gnn").items()}
    torch.save({"state_dict": state, "epoch": 3, "loss": 0.5}, tmp_path / "model.pth")
    encoder, settings = load_any_encoder(tmp_path / "model.pth", "gnn")
    assert network(settings) == network(paper_gnn(graph="bypassed", neighbour_order="heap"))
    assert encoder.node_shape == (512, 32)


def test_a_published_encoder_connected(tmp_path, caplog):
    torch.save({"state_dict": released_weights("gnn")}, tmp_path / "model.pth")
    settings = load_any_encoder(tmp_path / "model.pth", "gnn", "connected")[1]
    assert network(settings) == network(
        paper_gnn(neighbour_order="heap")
    )  # as the release chose them
    assert "bypassed" in caplog.text


def test_a_published_baseline(tmp_path):
    torch.save({"state_dict": released_weights("resnet_ibn")}, tmp_path / "model.pth")
    encoder, settings = load_any_encoder(tmp_path / "model.pth", "resnet_ibn")
    assert network(settings) == network(paper_resnet_ibn())
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


def trained(folder):
    return save_small(folder / "trained.pt")


def test_a_file_a_model_and_a_run(tmp_path):
    file = trained(tmp_path / "run/models/gnn")
    trained(tmp_path / "run/models/reranker")
    assert weights_file(str(file)) == file
    assert weights_file(str(file.parent)) == file
    assert weights_file(str(tmp_path / "run")) == file


def test_what_is_not_there_says_what_can_be_had(tmp_path):
    with pytest.raises(UserError, match=r"no\.pt: no such weights, expected 'shipped'.*make demo"):
        weights_file(str(tmp_path / "no.pt"))
    with pytest.raises(UserError, match=r"shipped: no such weights.*make shipped-model"):
        weights_file("shipped", shipped=tmp_path / "none")
    with pytest.raises(UserError, match="are now called 'shipped'"):
        weights_file("default")


def test_a_run_of_several_encoders_wants_one_named(tmp_path):
    trained(tmp_path / "models/gnn")
    trained(tmp_path / "models/other")
    with pytest.raises(UserError, match=r"encoders in this run: \S+gnn, \S+other; expected one"):
        weights_file(str(tmp_path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="in this run: none"):
        weights_file(str(tmp_path / "empty"))


def test_the_shipped_model():
    assert weights_file("shipped") == SHIPPED_FILE
    assert SHIPPED_FILE.stat().st_size <= LARGEST_FILE
    architecture = architecture_of(SHIPPED_FILE)
    encoder, settings = load_any_encoder(SHIPPED_FILE, architecture)
    assert encoder.embedding_size == settings.embedding_size
    assert all(value.isfinite().all() for value in encoder.state_dict().values())


@pytest.mark.parametrize("settings", [small_gnn(), small_resnet()])
def test_ready_weights_load_as_those_of_the_section_that_made_them(tmp_path, settings):
    path, made = tmp_path / "trained.pt", make_encoder(settings, seed=5)
    save_encoder(path, made, settings)
    for section in (READY, settings.model_dump()):
        encoder, architecture = load_configured(path, section)
        assert architecture == settings.architecture
        assert not encoder.training
        assert encoder.segment_hop == section["fingerprints"]["segment_hop"]
        for name, value in made.state_dict().items():
            assert torch.equal(encoder.state_dict()[name], value)


def test_what_does_not_say_what_it_is_of_is_refused(tmp_path):
    path = tmp_path / "published.pth"
    torch.save({"state_dict": {}}, path)
    with pytest.raises(UserError, match="not a checkpoint of this project"):
        load_configured(path, READY)
