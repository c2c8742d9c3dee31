"""A small file of an encoder, to ship: half precision, checked against what it is made from."""

from __future__ import annotations

import copy
from pathlib import Path

import torch

from neuralsampleid.audio.front_ends import segment_samples
from neuralsampleid.errors import UserError
from neuralsampleid.files import write_bytes
from neuralsampleid.models.checkpoint import encoded_checkpoint
from neuralsampleid.models.encoder import SegmentEncoder
from neuralsampleid.models.weights import load_any_encoder

LARGEST_FILE = 8 * 2**20  # bytes
SMALLEST_SIMILARITY = 0.999  # between the embeddings of a segment before and after
_SEGMENTS = 32  # that are compared


def write_half(weights: Path, target: Path, largest: int = LARGEST_FILE) -> float:
    """Write an encoder's weights in half precision; loading makes them single again.

    Args:
        weights: a checkpoint of this project.
        target: the file to write; it appears whole or not at all.
        largest: bytes that the file may have.

    Returns:
        The smallest cosine similarity between the two embeddings of a segment, of some segments of
        noise at several levels.

    Raises:
        UserError: the file would be larger than ``largest``, or the embeddings differ by more
            than ``SMALLEST_SIMILARITY`` allows.
    """
    content = torch.load(weights, map_location="cpu", weights_only=True)
    encoder, settings = load_any_encoder(weights, content["architecture"])
    state = {
        name: value.half() if value.is_floating_point() else value
        for name, value in content["state_dict"].items()
    }
    encoded = encoded_checkpoint({**content, "state_dict": state})
    if encoded.nbytes > largest:
        raise UserError(
            f"{target}: {encoded.nbytes / 2**20:.1f} MiB, expected at most "
            f"{largest / 2**20:.0f}; a smaller encoder ships"
        )
    halved = copy.deepcopy(encoder)
    halved.load_state_dict(state)
    similarity = _similarity(encoder, halved, segment_samples(settings.front_end))
    if similarity < SMALLEST_SIMILARITY:
        raise UserError(
            f"{target}: embeddings in half precision have a similarity of {similarity:.4f} to "
            f"those before, expected at least {SMALLEST_SIMILARITY}"
        )
    write_bytes(target, encoded)
    return similarity


@torch.inference_mode()
def _similarity(before: SegmentEncoder, after: SegmentEncoder, samples: int) -> float:
    front_end = before.front_end
    generator = torch.Generator().manual_seed(0)
    audio = torch.randn(_SEGMENTS, samples, generator=generator)
    # The same slow swell in every other segment, so that segments differ in more than their noise.
    audio *= torch.logspace(-3, -1, _SEGMENTS)[:, None]
    audio[::2] *= torch.linspace(0, 1, audio.shape[1])
    features = front_end(audio)[:, :, : front_end.frames]
    first, second = (encoder.encode(features).embedding for encoder in (before, after))
    return float((first * second).sum(dim=1).min())
