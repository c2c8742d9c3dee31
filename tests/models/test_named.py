"""What a person may call weights."""

import pytest

from helpers.songs import small_gnn
from neuralsampleid.errors import UserError
from neuralsampleid.models.checkpoint import make_encoder, save_encoder
from neuralsampleid.models.named import SHIPPED, weights_file
from neuralsampleid.models.release import LARGEST_FILE
from neuralsampleid.models.weights import architecture_of, load_any_encoder


def trained(folder):
    save_encoder(folder / "trained.pt", make_encoder(small_gnn(), seed=0), small_gnn())
    return folder / "trained.pt"


def test_a_file_a_model_and_a_run(tmp_path):
    file = trained(tmp_path / "run/models/gnn")
    trained(tmp_path / "run/models/reranker")
    assert weights_file(str(file)) == file
    assert weights_file(str(file.parent)) == file
    assert weights_file(str(tmp_path / "run")) == file


def test_what_is_not_there_says_what_can_be_had(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"no\.pt: no such weights, expected 'default'.*make demo"):
        weights_file(str(tmp_path / "no.pt"))
    monkeypatch.setattr("neuralsampleid.models.named.SHIPPED", tmp_path / "none")
    with pytest.raises(UserError, match=r"default: no such weights.*make default-model"):
        weights_file("default")


def test_a_run_of_several_encoders_wants_one_named(tmp_path):
    trained(tmp_path / "models/gnn")
    trained(tmp_path / "models/other")
    with pytest.raises(UserError, match=r"encoders in this run: \S+gnn, \S+other; expected one"):
        weights_file(str(tmp_path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="in this run: none"):
        weights_file(str(tmp_path / "empty"))


def test_the_default_model_ships():
    assert weights_file("default") == SHIPPED
    assert SHIPPED.stat().st_size <= LARGEST_FILE
    architecture = architecture_of(SHIPPED)
    encoder, settings = load_any_encoder(SHIPPED, architecture)
    assert encoder.embedding_size == settings.embedding_size
    assert all(value.isfinite().all() for value in encoder.state_dict().values())
