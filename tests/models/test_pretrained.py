"""Ready weights say themselves what they are of."""

from pathlib import Path

import pytest
import torch

from helpers.songs import small_gnn, small_resnet
from neuralsampleid.errors import UserError
from neuralsampleid.models.checkpoint import make_encoder, save_encoder
from neuralsampleid.models.pretrained import load_configured

READY = {"architecture": "pretrained", "weights": "anything"}


@pytest.mark.parametrize("settings", [small_gnn(), small_resnet()])
def test_ready_weights_load_as_those_of_the_section_that_made_them(tmp_path: Path, settings):
    path, made = tmp_path / "trained.pt", make_encoder(settings, seed=5)
    save_encoder(path, made, settings)
    encoders = [load_configured(path, READY), load_configured(path, settings.model_dump())]
    for encoder, architecture in encoders:
        assert architecture == settings.architecture
        assert not encoder.training
        assert encoder.segment_hop == settings.segment_hop
        for name, value in made.state_dict().items():
            assert torch.equal(encoder.state_dict()[name], value)


def test_what_does_not_say_what_it_is_of_is_refused(tmp_path: Path):
    path = tmp_path / "published.pth"
    torch.save({"state_dict": {}}, path)
    with pytest.raises(UserError, match="not a checkpoint of this project"):
        load_configured(path, READY)
