"""Checkpoints: what is written comes back; anything else is one line that names the file."""

from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from helpers.songs import small_gnn, small_resnet
from neuralsampleid.config import Reranker
from neuralsampleid.errors import UserError
from neuralsampleid.files import sha256_of
from neuralsampleid.models.checkpoint import (
    load_encoder,
    load_reranker,
    make_encoder,
    make_reranker,
    save_encoder,
    save_reranker,
)

RERANKER = Reranker(heads=2, hidden_size=4)


def one_line(error: pytest.ExceptionInfo[UserError], path: Path) -> str:
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    assert len(message) < 400 + len(str(path))
    return message


@pytest.mark.parametrize("settings", [small_gnn(), small_resnet()])
def test_an_encoder_comes_back(settings, tmp_path: Path):
    path = tmp_path / "encoder.pt"
    encoder = make_encoder(settings, seed=5)
    save_encoder(path, encoder, settings)
    loaded = load_encoder(path, settings)
    assert not loaded.training
    for name, value in encoder.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    assert [file.name for file in tmp_path.iterdir()] == ["encoder.pt"]


def test_a_reranker_comes_back(tmp_path: Path):
    path = tmp_path / "reranker.pt"
    reranker = make_reranker(RERANKER, (8, 6), seed=5)
    save_reranker(path, reranker, RERANKER)
    loaded = load_reranker(path, RERANKER, (8, 6))
    assert torch.equal(loaded.positional_embedding, reranker.positional_embedding)
    with pytest.raises(UserError) as error:
        load_reranker(path, RERANKER, (8, 7))
    assert "'positional_embedding' is of shape (1, 6, 8), expected of shape (1, 7, 8)" in one_line(
        error, path
    )
    with pytest.raises(UserError) as error:
        load_encoder(path, small_gnn())
    assert "architecture 'reranker', expected 'gnn'" in one_line(error, path)


def test_the_seed_fixes_the_weights_and_leaves_the_global_generator_alone():
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    first, second = (make_encoder(small_gnn(), seed=2).state_dict() for _ in range(2))
    other = make_encoder(small_gnn(), seed=3).state_dict()
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["projector.0.weight"], other["projector.0.weight"])


def test_another_size_names_the_first_difference(tmp_path: Path):
    path = tmp_path / "encoder.pt"
    save_encoder(path, make_encoder(small_gnn(), seed=0), small_gnn())
    with pytest.raises(UserError) as error:
        load_encoder(path, small_gnn(projection_size=33))
    assert "parameter 'projector.0.weight' is of shape" in one_line(error, path)
    with pytest.raises(UserError) as error:
        load_encoder(path, small_gnn(channels=[8, 16, 16], blocks=[1, 1, 1]))
    assert "more differ" in one_line(error, path)


@pytest.mark.parametrize("kind", ["nothing", "folder"])
def test_no_file(kind: str, tmp_path: Path):
    path = tmp_path / "encoder.pt"
    if kind == "folder":
        path.mkdir()
    with pytest.raises(UserError) as error:
        load_encoder(path, small_gnn())
    assert "no such checkpoint" in one_line(error, path)


class Evil:
    """Unpickling this would run code."""

    def __reduce__(self) -> tuple:
        return (print, ("executed",))


@pytest.mark.parametrize(
    "content",
    [
        torch.zeros(3),
        [1, 2],
        {"state_dict": OrderedDict()},
        {"architecture": "gnn", "state_dict": 3},
        Evil(),
    ],
)
def test_other_pickles(content: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "encoder.pt"
    torch.save(content, path)
    with pytest.raises(UserError) as error:
        load_encoder(path, small_gnn())
    assert "not a checkpoint of this project" in one_line(error, path)
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x02", bytes(range(256))])
def test_other_bytes(content: bytes, tmp_path: Path):
    path = tmp_path / "encoder.pt"
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        load_encoder(path, small_gnn())
    assert "not a checkpoint of this project" in one_line(error, path)


def test_a_truncated_checkpoint(tmp_path: Path):
    path = tmp_path / "encoder.pt"
    save_encoder(path, make_encoder(small_gnn(), seed=0), small_gnn())
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(UserError) as error:
        load_encoder(path, small_gnn())
    assert "not a checkpoint of this project" in one_line(error, path)


def test_the_same_weights_give_the_same_bytes_whatever_the_file_is_called(tmp_path: Path):
    settings = small_gnn()
    files = [tmp_path / "one.pt", tmp_path / "another_name.pt"]
    for file in files:
        save_encoder(file, make_encoder(settings, seed=5), settings)
    assert sha256_of(files[0]) == sha256_of(files[1])
