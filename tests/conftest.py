"""For all tests."""

import hypothesis
import pytest
import torch

from helpers.upstream_set import write_parity_set

# The tensors here are small: on a busy machine more threads would only wait for each other.
torch.set_num_threads(1)
# Nor does a slow machine make a property false.
hypothesis.settings.register_profile("no deadline", deadline=None)
hypothesis.settings.load_profile("no deadline")


def pytest_collection_modifyitems(items):
    """Long tests first, so that no process is left alone with them; SLURM's mostly wait."""
    items.sort(
        key=lambda item: ("workflow" not in item.path.parts, item.path.name != "test_slurm.py")
    )


@pytest.fixture(scope="session")
def parity_set(tmp_path_factory):
    """Fingerprints in upstream's layout and their ground truth: (folder, file). Do not change."""
    return write_parity_set(tmp_path_factory.mktemp("parity_set"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """One thread again: nsid's commands, called in the tests' own process, set another number."""
    torch.set_num_threads(1)
