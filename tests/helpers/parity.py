"""Deterministic weights and inputs of the parity fixtures, and the released system's outputs.

The expected outputs in ``tests/fixtures/parity`` were computed by the released code (CPU, float32,
DGL 1.1.3) from the weights and inputs that these functions make from names, so no weight file has
to be stored.
"""

import json
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

FOLDER = Path(__file__).parents[1] / "fixtures" / "parity"


def rng_for(name: str) -> np.random.Generator:
    """A generator seeded by the CRC-32 of a name."""
    return np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))


def released_weights(model: str) -> dict[str, torch.Tensor]:
    """A state dict with the released names for ``gnn``, ``resnet_ibn`` or ``classifier``."""
    variance = 2.0 if model == "classifier" else 0.5
    return {
        name: torch.from_numpy(_value(name, shape, variance))
        for name, shape in released_shapes(model).items()
    }


def released_shapes(model: str) -> dict[str, list[int]]:
    """Names and shapes of the parameters that the release stores, at full size."""
    return json.loads((FOLDER / f"{model}_state_dict.json").read_text())


def _value(name: str, shape: list[int], variance: float) -> np.ndarray:
    rng, leaf = rng_for(name), name.rsplit(".", 1)[-1]
    if leaf == "num_batches_tracked":
        return np.zeros(shape, np.int64)
    if leaf == "running_var":
        value = 0.5 + rng.random(shape)
    elif leaf == "running_mean":
        value = 0.1 * rng.standard_normal(shape)
    elif leaf == "p":  # the exponent of the generalised mean
        value = np.full(shape, 3.0)
    elif leaf == "positional_embedding":
        value = rng.standard_normal(shape)
    elif "bias" in leaf:
        value = 0.05 * rng.standard_normal(shape)
    elif len(shape) == 1:  # the scale of a normalisation layer
        value = 1.0 + 0.1 * rng.standard_normal(shape)
    else:
        value = rng.standard_normal(shape) * math.sqrt(variance / math.prod(shape[1:]))
    return np.asarray(value, np.float32)


def waveform(name: str, seconds: float, sample_rate: int) -> np.ndarray:
    """A decaying mixture of tones and noise bursts, float32, mono, peak 0.9."""
    rng = rng_for(name)
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    audio = 0.02 * rng.standard_normal(time.size)
    for _ in range(12):
        frequency, onset, decay = (
            60 * 2 ** (rng.random() * 6),
            rng.random() * seconds,
            0.2 + rng.random(),
        )
        envelope = np.where(time >= onset, np.exp(-(time - onset) / decay), 0.0)
        audio += envelope * np.sin(2 * np.pi * frequency * time + rng.random() * 6.28)
    for _ in range(6):
        onset = rng.random() * seconds
        burst = np.where(time >= onset, np.exp(-(time - onset) / 0.03), 0.0)
        audio += burst * rng.standard_normal(time.size)
    return (0.9 * audio / np.abs(audio).max()).astype(np.float32)


def node_matrices(name: str, batch: int) -> torch.Tensor:
    """Random node matrices, float32 (batch, 512 channels, 32 nodes)."""
    return torch.from_numpy(rng_for(name).standard_normal((batch, 512, 32)).astype(np.float32))


def released_outputs(model: str) -> dict[str, torch.Tensor]:
    """What the released ``gnn`` or ``resnet_ibn`` returned; see the test that uses them."""
    with np.load(FOLDER / f"{model}_open.npz") as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


def released_scalars() -> dict[str, Any]:
    """The classifier's scores and the losses' values."""
    return json.loads((FOLDER / "scalars_open.json").read_text())
