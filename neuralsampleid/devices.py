"""What computes, and in which precision: what ``auto`` means on this machine."""

from __future__ import annotations

from itertools import chain
from typing import Literal, Protocol

import torch
from torch import nn

from neuralsampleid.config.base import Device, Precision
from neuralsampleid.errors import UserError

Exact = Literal["float32", "bfloat16"]


class Gpus(Protocol):
    """What torch knows of GPUs; ``torch.cuda`` has these functions."""

    def is_available(self) -> bool:
        """Whether there is a GPU that torch can use."""

    def is_bf16_supported(self, including_emulation: bool = True) -> bool:
        """Whether it computes in bfloat16."""


def resolve_device(device: Device, gpus: Gpus = torch.cuda) -> Literal["cpu", "cuda"]:
    """The device that computes; ``auto`` is a GPU if torch sees one.

    Raises:
        UserError: ``cuda`` without a GPU.
    """
    if device == "cpu":
        return "cpu"
    if gpus.is_available():
        return "cuda"
    if device == "cuda":
        raise UserError(
            "device: 'cuda', but torch sees no GPU; expected 'auto' or 'cpu', or an NVIDIA GPU and "
            "a CUDA build of torch"
        )
    return "cpu"


def resolve_precision(
    precision: Precision, device: Literal["cpu", "cuda"], gpus: Gpus = torch.cuda
) -> Exact:
    """The precision of the networks' products.

    ``auto`` is bfloat16 on a GPU whose hardware computes in it, float32 elsewhere: so the results
    of a run on CPUs do not depend on the processor's kind.
    """
    if precision != "auto":
        return precision
    native = device == "cuda" and gpus.is_bf16_supported(including_emulation=False)
    return "bfloat16" if native else "float32"


def computing(device: torch.device, precision: Exact) -> torch.autocast:
    """A context in which torch's networks compute in a precision; weights stay float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def device_of(network: nn.Module) -> torch.device:
    """Where a network's weights lie; the CPU if it has none."""
    tensors = chain(network.parameters(), network.buffers())
    return next((tensor.device for tensor in tensors), torch.device("cpu"))
