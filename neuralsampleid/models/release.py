"""A small file of an encoder, to ship: half precision, checked against what it is made from."""

from __future__ import annotations

from pathlib import Path

import torch

from neuralsampleid.audio.front_end import segment_samples
from neuralsampleid.config import EncoderSettings
from neuralsampleid.errors import UserError
from neuralsampleid.files import replacing_file
from neuralsampleid.models.checkpoint import load_encoder
from neuralsampleid.models.weights import load_any_encoder

LARGEST_FILE = 8 * 2**20  # bytes
SMALLEST_SIMILARITY = 0.999  # between the embeddings of a segment before and after
_SEGMENTS = 32  # that are compared


def write_half(weights: Path, target: Path) -> float:
    """Write an encoder's weights in half precision; loading makes them single again.

    Args:
        weights: a checkpoint of this project.
        target: the file to write; it appears whole or not at all.

    Returns:
        The smallest cosine similarity between the two embeddings of a segment, of some segments of
        noise at several levels.

    Raises:
        UserError: the file would be larger than ``LARGEST_FILE``, or the embeddings differ by more
            than ``SMALLEST_SIMILARITY`` allows.
    """
    content = torch.load(weights, map_location="cpu", weights_only=True)
    state = {
        name: value.half() if value.is_floating_point() else value
        for name, value in content["state_dict"].items()
    }
    with replacing_file(target) as temporary:
        with temporary.open("wb") as file:
            torch.save({**content, "state_dict": state}, file)
        size = temporary.stat().st_size
        if size > LARGEST_FILE:
            raise UserError(
                f"{target}: {size / 2**20:.1f} MiB, expected at most {LARGEST_FILE / 2**20:.0f}; "
                "a smaller encoder ships"
            )
        _, settings = load_any_encoder(weights, content["architecture"])
        similarity = _similarity(weights, temporary, settings)
        if similarity < SMALLEST_SIMILARITY:
            raise UserError(
                f"{target}: embeddings in half precision have a similarity of {similarity:.4f} to "
                f"those before, expected at least {SMALLEST_SIMILARITY}"
            )
    return similarity


@torch.inference_mode()
def _similarity(weights: Path, halved: Path, settings: EncoderSettings) -> float:
    generator = torch.Generator().manual_seed(0)
    audio = torch.randn(_SEGMENTS, segment_samples(settings.front_end), generator=generator)
    # The same slow swell in every other segment, so that segments differ in more than their noise.
    audio *= torch.logspace(-3, -1, _SEGMENTS)[:, None]
    audio[::2] *= torch.linspace(0, 1, audio.shape[1])
    embeddings = []
    for path in (weights, halved):
        encoder = load_encoder(path, settings)
        features = encoder.front_end(audio)[:, :, : encoder.front_end.frames]
        embeddings.append(encoder.encode(features).embedding)
    return float((embeddings[0] * embeddings[1]).sum(dim=1).min())
