"""Separation by Hybrid Transformer Demucs, with the ``demucs`` package."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from demucs.apply import apply_model
from demucs.pretrained import get_model
from demucs.repo import ModelLoadingError

from neuralsampleid.audio.sound import Waveform, resample
from neuralsampleid.devices import Exact, computing
from neuralsampleid.errors import UserError
from neuralsampleid.separation.stems import STEMS, Origin, Separator, Stems


class HtDemucs(Separator):
    """A pretrained model.

    Without Demucs's random shifts ("shift trick"), which gain up to 0.2 dB, so that two runs give
    the same stems.
    """

    def __init__(
        self,
        name: str,
        folder: Path | None = None,
        device: Literal["cpu", "cuda"] = "cpu",
        precision: Exact = "float32",
    ) -> None:
        """Load the weights.

        Args:
            name: of the model; ``htdemucs`` is the standard one.
            folder: holds the weights (``<signature>-<checksum>.th`` and ``<name>.yaml``); None:
                the package downloads and caches them.
            device: what computes.
            precision: of the network.

        Raises:
            UserError: the weights cannot be had, or their sources are not the four stems.
        """
        self._name = name
        self._model = load_model(name, folder)
        self._device, self._precision = torch.device(device), precision

    @cached_property
    def description(self) -> Origin:
        """The weights count by their values: a copy in another folder gives the same stems."""
        digest = hashlib.sha256()
        for name, value in self._model.state_dict().items():
            digest.update(name.encode())
            digest.update(value.cpu().contiguous().numpy().tobytes())
        return {"backend": "htdemucs", "model": self._name, "weights_sha256": digest.hexdigest()}

    def separate(self, audio: Waveform, sample_rate: int) -> Stems:
        """Split a mono mix, which the model hears on all its channels; see ``Separator``."""
        native = int(self._model.samplerate)
        mono = torch.from_numpy(resample(audio, sample_rate, native))
        # The scaling that demucs.api applies: its models are trained on normalised mixes.
        mean, scale = mono.mean(), mono.std(correction=0) + 1e-8
        mix = ((mono - mean) / scale).expand(1, self._model.audio_channels, -1)
        with computing(self._device, self._precision):
            sources = apply_model(self._model, mix, shifts=0, device=self._device)[0]
        waves = (sources.float().cpu().mean(dim=1) * scale + mean).numpy()
        return {
            stem: _fit(resample(wave, native, sample_rate), len(audio))
            for stem, wave in zip(self._model.sources, waves, strict=True)
        }


def load_model(name: str, folder: Path | None) -> Any:  # noqa: ANN401 - demucs has no types
    """Load a Demucs model or bag of models; see ``HtDemucs``."""
    if folder is not None and not folder.is_dir():
        raise UserError(
            f"separation.model_folder: '{folder}' is not a folder, expected one that holds the "
            f"weights of '{name}'"
        )
    place = f"the folder '{folder}'" if folder else "Demucs's collection"
    try:
        model = get_model(name, repo=folder)
    except ModelLoadingError as error:
        raise UserError(
            f"separation.model: '{name}' cannot be loaded from {place} ({error})"
        ) from error
    except OSError as error:  # urllib's and huggingface_hub's errors are all of this kind
        raise UserError(
            f"separation.model: the weights of '{name}' cannot be had from {place} ({error}); "
            "expected a network, or a copy of them in separation.model_folder, or "
            "separation.backend 'hpss', which needs none"
        ) from error
    if sorted(model.sources) != sorted(STEMS):
        raise UserError(
            f"separation.model: '{name}' gives {', '.join(model.sources)}, "
            f"expected {', '.join(STEMS)}"
        )
    return model


def _fit(audio: Waveform, samples: int) -> Waveform:
    """Undo what rounding in two resamplings adds or removes at the end."""
    return np.pad(audio[:samples], (0, max(0, samples - len(audio))))
