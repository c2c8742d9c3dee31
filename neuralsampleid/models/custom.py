"""Encoders that lie in a file of their own, outside this package; see docs/extending.md."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from neuralsampleid.audio.front_ends import make_front_end
from neuralsampleid.config import CustomEncoder, Section
from neuralsampleid.errors import UserError
from neuralsampleid.models.encoder import SegmentEncoder


def make_custom(settings: CustomEncoder) -> SegmentEncoder:
    """Build the ``Encoder`` of a file with its ``Settings``, and give it its front end.

    ``Encoder(settings, bins, frames)`` is told the size of a segment's features. It is tried on two
    segments, so that a mistake shows here and not after an hour of music.

    Raises:
        UserError: the file is missing, cannot be run, lacks ``Encoder`` or ``Settings``, refuses
            its settings, or encodes into something else than fingerprints of length 1.
    """
    path = Path(settings.file)
    module = _run(path)
    encoder_type = _class_in(module, path, "Encoder", SegmentEncoder)
    settings_type = _class_in(module, path, "Settings", Section)
    try:
        own = settings_type.model_validate(settings.settings)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "settings"
        raise UserError(f"{path}: settings: {key}: {first['msg']}") from error
    front_end = make_front_end(settings.front_end)
    encoder: SegmentEncoder = encoder_type(own, front_end.bins, front_end.frames)
    encoder.front_end, encoder.segment_hop = front_end, settings.fingerprints.segment_hop
    _try(encoder, path)
    return encoder


def _run(path: Path) -> Any:  # noqa: ANN401 - a module
    if not path.is_file():
        raise UserError(f"{path}: no such file, expected a Python file with an encoder")
    spec = spec_from_file_location(f"custom_encoder_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path}: not a Python file, expected a name that ends in .py")
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever a person's code raises
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"{path}: cannot be run ({reason})") from error
    return module


def _class_in(module: Any, path: Path, name: str, base: type) -> Any:  # noqa: ANN401
    found = getattr(module, name, None)
    if not (isinstance(found, type) and issubclass(found, base)):
        raise UserError(f"{path}: no class '{name}', expected one derived from {base.__name__}")
    return found


@torch.inference_mode()
def _try(encoder: SegmentEncoder, path: Path) -> None:
    """Encode two segments of noise, without changing the encoder."""
    training = encoder.training
    front_end = encoder.front_end
    noise = torch.rand(2, front_end.bins, front_end.frames, generator=torch.Generator())
    try:
        found = encoder.eval().encode(noise).embedding
    except Exception as error:  # whatever a person's code raises
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(
            f"{path}: cannot encode features {tuple(noise.shape)} ({reason})"
        ) from error
    finally:
        encoder.train(training)
    expected = (2, encoder.embedding_size)
    if found.shape != expected:
        raise UserError(f"{path}: embeddings {tuple(found.shape)}, expected {expected}")
    if not torch.allclose(found.norm(dim=1), torch.ones(2), atol=1e-3):
        raise UserError(f"{path}: embeddings are not of length 1, expected them L2-normalised")
