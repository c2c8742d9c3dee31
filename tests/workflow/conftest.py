"""A finished micro run, made once for all tests of the workflow."""

import shutil

import pytest

from helpers.workflow import micro, snakemake


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A folder in which the micro configuration has run to its end."""
    folder = tmp_path_factory.mktemp("micro")
    done = snakemake(folder, micro())
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of the finished run that a test may spoil."""
    folder = tmp_path / "run"
    shutil.copytree(finished, folder, symlinks=True)
    return folder
