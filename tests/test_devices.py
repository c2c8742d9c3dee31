"""What ``auto`` means, with and without a GPU."""

from types import SimpleNamespace

import pytest
import torch

from neuralsampleid.devices import computing, device_of, resolve_device, resolve_precision
from neuralsampleid.errors import UserError


def gpus(there: bool, bfloat16: bool = False) -> SimpleNamespace:
    return SimpleNamespace(
        is_available=lambda: there,
        is_bf16_supported=lambda including_emulation=True: bfloat16 or including_emulation,
    )


def test_auto_takes_a_gpu_if_there_is_one():
    assert resolve_device("auto", gpus(True)) == resolve_device("cuda", gpus(True)) == "cuda"
    assert resolve_device("auto", gpus(False)) == resolve_device("cpu", gpus(True)) == "cpu"


def test_a_gpu_that_is_not_there_is_one_line():
    with pytest.raises(UserError, match=r"^device: 'cuda', but torch sees no GPU") as error:
        resolve_device("cuda", gpus(False))
    assert "\n" not in str(error.value)


def test_auto_is_bfloat16_only_on_a_gpu_that_computes_in_it():
    assert resolve_precision("auto", "cuda", gpus(True, bfloat16=True)) == "bfloat16"
    assert resolve_precision("auto", "cuda", gpus(True)) == "float32"  # it emulates
    assert resolve_precision("auto", "cpu", gpus(True, bfloat16=True)) == "float32"
    assert resolve_precision("bfloat16", "cpu", gpus(False)) == "bfloat16"
    assert resolve_precision("float32", "cuda", gpus(True, bfloat16=True)) == "float32"


def test_networks_compute_in_the_precision_of_their_context():
    network = torch.nn.Linear(4, 4)
    for precision, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        with computing(device_of(network), precision):
            assert network(torch.ones(1, 4)).dtype == dtype
    assert device_of(torch.nn.ReLU()) == torch.device("cpu")
