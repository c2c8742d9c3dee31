"""Published checkpoints: every form loads, every other file is one line, nothing is executed."""

import logging
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.paper import RERANKER, paper_gnn, paper_resnet_ibn
from helpers.parity import (
    node_matrices,
    released_outputs,
    released_scalars,
    released_shapes,
    released_weights,
)
from helpers.songs import small_gnn, small_resnet
from neuralsampleid.config import Reranker
from neuralsampleid.errors import UserError
from neuralsampleid.models import gnn
from neuralsampleid.models.checkpoint import (
    make_encoder,
    make_reranker,
    save_encoder,
)
from neuralsampleid.models.encoder import SegmentEncoder, parameter_counts
from neuralsampleid.models.upstream_checkpoint import (
    load_upstream_encoder,
    load_upstream_reranker,
    read_state_dict,
)

SMALL_RERANKER = Reranker(heads=2, hidden_size=4)
State = dict[str, torch.Tensor]


def bare(state: State) -> object:
    return state


def whole(state: State) -> object:
    """As the released training saves it."""
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(2))])
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 400, eta_min=7e-7)
    return {
        "epoch": 35,
        "loss": np.float64(0.25),
        "state_dict": state,
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
    }


def prefixed(state: State) -> State:
    return {f"module.{name}": value for name, value in state.items()}


def refusal(load: Callable[[], object], path: Path) -> str:
    with pytest.raises(UserError) as error:
        load()
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    assert len(message) < 400 + len(str(path))
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize("form", [bare, whole])
@pytest.mark.parametrize("names", [dict, prefixed])
@pytest.mark.parametrize("settings", [small_gnn(graph="bypassed"), small_resnet()])
def test_every_form_loads(form: Callable, names: Callable, settings, tmp_path: Path):
    path = tmp_path / "model.pth"
    state = make_encoder(settings, seed=4).state_dict()
    torch.save(form(names(state)), path)
    loaded = load_upstream_encoder(path, settings)
    assert not loaded.training
    assert list(loaded.state_dict()) == list(state)
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, state[name]), name


@torch.no_grad()
def test_the_released_size_gives_the_released_fingerprints(tmp_path: Path):
    path = tmp_path / "model_tc_35_best.pth"
    torch.save(whole(prefixed(released_weights("gnn"))), path)
    released = released_outputs("gnn")
    encoding = load_upstream_encoder(path, paper_gnn(graph="bypassed")).encode(released["logmel"])
    torch.testing.assert_close(encoding.embedding, released["released_z"], atol=1e-4, rtol=0)
    torch.testing.assert_close(encoding.nodes, released["released_nodes"], atol=1e-4, rtol=0)


@torch.no_grad()
def test_the_released_baseline_gives_the_released_fingerprints(tmp_path: Path):
    path = tmp_path / "model_tc_39_100.pth"
    torch.save(whole(released_weights("resnet_ibn")), path)
    released = released_outputs("resnet_ibn")
    embedding = load_upstream_encoder(path, paper_resnet_ibn())(released["cqt"])
    torch.testing.assert_close(embedding, released["z"], atol=1e-4, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("names", [dict, prefixed])
def test_the_released_reranker_gives_the_released_scores(names: Callable, tmp_path: Path):
    path = tmp_path / "clf_tc_35_4.pth"
    torch.save(names(released_weights("classifier")), path)
    reranker = load_upstream_reranker(path, RERANKER)
    assert not reranker.training
    scores = reranker.score(node_matrices("open/clf/a", 8), node_matrices("open/clf/b", 8))
    expected = torch.tensor(released_scalars()["classifier_scores"])
    torch.testing.assert_close(scores, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("model", "make"),
    [
        ("gnn", lambda: make_encoder(paper_gnn(), seed=0)),
        ("gnn", lambda: make_encoder(paper_gnn(graph="bypassed"), seed=0)),
        ("resnet_ibn", lambda: make_encoder(paper_resnet_ibn(), seed=0)),
        ("classifier", lambda: make_reranker(RERANKER, (512, 32), seed=0)),
    ],
)
def test_names_and_shapes_are_the_released_ones(model: str, make: Callable):
    ours = {name: list(value.shape) for name, value in make().state_dict().items()}
    assert ours == released_shapes(model)


def test_stored_and_acting_parameters():
    assert parameter_counts(make_encoder(paper_gnn(), seed=0)) == (20_218_888, 20_218_888)
    assert parameter_counts(make_encoder(paper_gnn(graph="bypassed"), seed=0)) == (
        20_218_888,
        5_768_328,
    )
    assert parameter_counts(make_encoder(paper_resnet_ibn(), seed=0)) == (32_767_425, 32_767_425)


def test_acting_parameters_are_those_that_get_a_gradient():
    for graph in ("connected", "bypassed"):
        encoder = make_encoder(small_gnn(graph=graph), seed=0)
        encoder(10 * torch.randn(4, 16, 32)).sum().backward()
        moved = sum(p.numel() for p in encoder.parameters() if p.grad is not None)
        assert parameter_counts(encoder).acting == moved


@pytest.fixture
def weights_file(tmp_path: Path) -> Callable[[State], Path]:
    def write(state: State) -> Path:
        path = tmp_path / "model.pth"
        torch.save(whole(state), path)
        return path

    return write


def loaded_with(
    path: Path, graph: str, caplog: pytest.LogCaptureFixture
) -> tuple[SegmentEncoder, list[str]]:
    """The encoder, and the warnings that its loading logged."""
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        encoder = load_upstream_encoder(path, small_gnn(graph=graph))
    return encoder, [record.getMessage() for record in caplog.records]


def test_released_weights_in_connected_mode_are_warned_of(
    weights_file: Callable[[State], Path], caplog: pytest.LogCaptureFixture
):
    state = make_encoder(small_gnn(), seed=0).state_dict()
    scales = [name for name in state if re.match(r"encoder\.backbone\.\d+\.[01].*weight", name)]
    for name in scales:
        if state[name].ndim == 1:
            state[name] = torch.ones_like(state[name])
    path = weights_file(state)
    assert loaded_with(path, "bypassed", caplog)[1] == []
    (warning,) = loaded_with(path, "connected", caplog)[1]
    assert warning.startswith(f"{path}: the graph blocks of these weights were never trained")
    assert warning.endswith("they need 'graph: bypassed'")


def test_weights_of_trained_blocks_in_connected_mode_are_warned_of_with_an_if(
    weights_file: Callable[[State], Path], caplog: pytest.LogCaptureFixture
):
    path = weights_file(make_encoder(small_gnn(), seed=0).state_dict())
    (warning,) = loaded_with(path, "connected", caplog)[1]
    assert warning.startswith(f"{path}: upstream's weights need 'graph: bypassed'")
    assert warning.endswith("if these are upstream's weights")


@torch.no_grad()
def test_bypassed_builds_no_graph(
    weights_file: Callable[[State], Path],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
):
    path = weights_file(make_encoder(small_gnn(), seed=0).state_dict())

    def no_graph(*_: object) -> None:
        raise AssertionError("a graph was built")

    monkeypatch.setattr(gnn, "nearest_neighbours", no_graph)
    monkeypatch.setattr(gnn, "max_relative", no_graph)
    levels = 10 * torch.randn(2, 16, 32)
    loaded_with(path, "bypassed", caplog)[0].encode(levels)
    with pytest.raises(AssertionError, match="a graph was built"):
        loaded_with(path, "connected", caplog)[0].encode(levels)


class Evil:
    """Unpickling this would run code."""

    def __reduce__(self) -> tuple:
        return (print, ("executed",))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (torch.zeros(3), "holds a Tensor, expected an upstream checkpoint"),
        ([1, 2], "holds a list, expected an upstream checkpoint"),
        ({}, "holds no parameters"),
        ({"state_dict": {}}, "holds no parameters"),
        ({"state_dict": 3}, "holds no parameters"),
        ({"epoch": 3}, "entry 'epoch' is a int"),
        ({"state_dict": {"a": "text"}}, "entry 'a' is a str"),
        ({3: torch.zeros(1)}, "entry '3' is a Tensor"),
        (Evil(), "needs 'print' to load, which could run code, expected only tensors"),
        ({"state_dict": Evil()}, "needs 'print' to load"),
    ],
)
def test_other_pickles(
    content: object, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "model.pth"
    torch.save(content, path)
    assert refusal(lambda: read_state_dict(path), path).startswith(expected)
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x02", bytes(range(256)), b"PK\x03\x04"])
def test_other_bytes(content: bytes, tmp_path: Path):
    path = tmp_path / "model.pth"
    path.write_bytes(content)
    assert refusal(lambda: read_state_dict(path), path).startswith("not a checkpoint, expected")


def test_a_web_page_instead_of_a_file(tmp_path: Path):
    path = tmp_path / "model.pth"
    path.write_bytes(b"\n<!doctype html>\n<html>")
    assert refusal(lambda: read_state_dict(path), path).startswith("a web page, expected")


def test_no_file(tmp_path: Path):
    path = tmp_path / "model.pth"
    assert refusal(lambda: read_state_dict(path), path) == "no such checkpoint"


def test_a_truncated_file(weights_file: Callable[[State], Path]):
    path = weights_file(make_encoder(small_gnn(), seed=0).state_dict())
    path.write_bytes(path.read_bytes()[:-700])
    assert refusal(lambda: read_state_dict(path), path).startswith("not a checkpoint")


def test_a_checkpoint_of_our_own(tmp_path: Path):
    path = tmp_path / "trained.pt"
    save_encoder(path, make_encoder(small_gnn(), seed=0), small_gnn())
    message = refusal(lambda: load_upstream_encoder(path, small_gnn()), path)
    assert message.startswith("a checkpoint that this project wrote, expected an upstream")


def test_wrong_names_and_shapes(weights_file: Callable[[State], Path]):
    settings = small_gnn(graph="bypassed")
    state = make_encoder(settings, seed=0).state_dict()
    some = {name: value for name, value in state.items() if not name.startswith("projector.0")}
    path = weights_file(some)
    assert refusal(lambda: load_upstream_encoder(path, settings), path) == (
        "parameter 'projector.0.weight' is absent, expected of shape (32, 16) "
        "in the configuration's gnn (and 1 more differ)"
    )
    weights_file({**state, "head.weight": torch.zeros(2)})
    assert refusal(lambda: load_upstream_encoder(path, settings), path) == (
        "parameter 'head.weight' is of shape (2,), expected absent in the configuration's gnn"
    )
    weights_file({**state, "projector.0.weight": torch.zeros(32, 17)})
    assert refusal(lambda: load_upstream_encoder(path, settings), path) == (
        "parameter 'projector.0.weight' is of shape (32, 17), expected of shape (32, 16) "
        "in the configuration's gnn"
    )


def test_the_reranker_takes_its_node_shape_from_the_weights(tmp_path: Path):
    path = tmp_path / "clf.pth"
    state = make_reranker(SMALL_RERANKER, (8, 6), seed=3).state_dict()
    torch.save(state, path)
    reranker = load_upstream_reranker(path, SMALL_RERANKER)
    assert reranker.score(torch.zeros(1, 8, 6), torch.zeros(1, 8, 6)).shape == (1,)
    wider = Reranker(heads=2, hidden_size=5)
    assert refusal(lambda: load_upstream_reranker(path, wider), path) == (
        "parameter 'fc.0.weight' is of shape (4, 8), expected of shape (5, 8) "
        "in the configuration's re-ranker (and 2 more differ)"
    )
    odd = Reranker(heads=3, hidden_size=4)
    assert refusal(lambda: load_upstream_reranker(path, odd), path) == (
        "positional_embedding has 8 channels, expected a multiple of the configuration's 3 heads"
    )
    for wrong, found in ((torch.zeros(8), "of shape (8,)"), (None, "absent")):
        torch.save(
            {**state, "positional_embedding": wrong}
            if wrong is not None
            else {name: value for name, value in state.items() if name != "positional_embedding"},
            path,
        )
        assert refusal(lambda: load_upstream_reranker(path, SMALL_RERANKER), path).startswith(
            f"parameter 'positional_embedding' is {found}, expected (1, nodes, channels)"
        )
