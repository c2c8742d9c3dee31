"""A finished micro run, made once for all tests of the workflow."""

import shutil

import pytest
from filelock import FileLock

from helpers.workflow import micro, snakemake


@pytest.fixture(scope="session")
def finished(tmp_path_factory, worker_id):
    """A folder in which the micro configuration has run to its end.

    Of several processes that test, the first makes it, and each has a copy.
    """
    folder = tmp_path_factory.mktemp("micro")
    if worker_id == "master":
        make(folder)
        return folder
    shared = tmp_path_factory.getbasetemp().parent / "finished"
    with FileLock(f"{shared}.lock"):
        if not shared.exists():
            make(folder)
            folder.rename(shared)
    shutil.copytree(shared, folder, symlinks=True, dirs_exist_ok=True)
    return folder


def make(folder):
    done = snakemake(folder, micro())
    assert done.returncode == 0, done.stdout


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of the finished run that a test may spoil."""
    folder = tmp_path / "run"
    shutil.copytree(finished, folder, symlinks=True)
    return folder
