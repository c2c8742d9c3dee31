"""A training that nothing stopped; do not change its folder."""

from pathlib import Path

import pytest

from helpers.pretraining import run
from neuralsampleid.training.pretraining import Pretrained


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pretrained, Path]:
    folder = tmp_path_factory.mktemp("pretrain") / "uninterrupted"
    return run(folder), folder
