"""The encoder that reads a query at several pitches: its map moves as the music does."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from neuralsampleid.config import ConstantQ, ReadingCnn
from neuralsampleid.models.checkpoint import load_encoder, make_encoder, save_encoder
from neuralsampleid.models.reading_cnn import (
    PITCHES,
    SEMITONES,
    STEP_FRAMES,
    ReadingCnnEncoder,
    levels,
)

SETTINGS = ReadingCnn(
    architecture="reading_cnn", channels=[6, 8, 12], squeezed_channels=8, embedding_size=24
)


@pytest.fixture(scope="module")
def encoder() -> ReadingCnnEncoder:
    encoder = make_encoder(SETTINGS, seed=1).eval()
    assert isinstance(encoder, ReadingCnnEncoder)
    return encoder


def notes(seed: int = 0, windows: int = 3) -> torch.Tensor:
    """Magnitudes of short notes in the middle of the bins, (windows, 168, 128)."""
    generator = torch.Generator().manual_seed(seed)
    magnitudes = torch.full((windows, 168, 128), 1e-3)
    for window in magnitudes:
        for _ in range(40):
            bin_, frame = (
                int(torch.randint(*span, (), generator=generator)) for span in ((50, 110), (0, 120))
            )
            window[bin_, frame : frame + 8] = 1.0
    return magnitudes


@torch.inference_mode()
def test_fingerprints_have_length_1_and_one_row_for_each_segment(encoder):
    found = encoder.encode(notes()).embedding
    assert encoder.window == (128, 64, 4, 8)
    assert found.shape == (3 * 4, 24)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(12))
    assert encoder.read(notes()).shape == (len(SEMITONES), 12, 24)


@torch.inference_mode()
def test_the_middle_reading_is_what_references_have(encoder):
    torch.testing.assert_close(
        encoder.read(notes())[PITCHES.index(0)], encoder.encode(notes()).embedding
    )


@torch.inference_mode()
@pytest.mark.parametrize("pitch", PITCHES)
def test_a_transposed_query_is_read_at_its_pitch(encoder, pitch):
    magnitudes = notes()
    higher = magnitudes.roll(pitch * encoder.bins_per_step, dims=1)
    expected = encoder.encode(magnitudes).embedding
    similar = (encoder.read(higher) * expected).sum(2).mean(1)
    assert int(similar.argmax()) == PITCHES.index(pitch)
    assert float(similar.max()) > 0.99


@torch.inference_mode()
def test_later_music_moves_along_the_map(encoder):
    magnitudes = notes()
    later = magnitudes.roll(STEP_FRAMES, dims=2)
    first, second = (encoder.fingerprints(encoder.map(one), 0) for one in (magnitudes, later))
    similar = (first[:, 3:6] * second[:, 4:7]).sum(2)
    assert float(similar.min()) > 0.97
    assert float((first[:, 3:6] * second[:, 3:6]).sum(2).mean()) < float(similar.mean())


@torch.inference_mode()
def test_loudness_changes_nothing(encoder):
    quiet, loud = (encoder.encode(notes() * gain).embedding for gain in (0.01, 1.0))
    torch.testing.assert_close(quiet, loud, atol=1e-4, rtol=0)


@torch.inference_mode()
def test_silence_has_finite_fingerprints(encoder):
    assert encoder.encode(torch.zeros(1, 168, 128)).embedding.isfinite().all()


def test_levels_by_hand():
    magnitudes = torch.tensor([[[0.0, 1.0, 2.0, 3.0]]])  # mean power 3.5
    found = levels(magnitudes)[0, 0]
    expected = [(np.log10(power / 3.5 + 1e-4) + 4) / 2 for power in (0, 1, 4, 9)]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert float(levels(torch.ones(1, 2, 2))[0, 0, 0]) == pytest.approx(2.0, abs=1e-3)


@pytest.mark.parametrize(
    ("hop", "segments", "lead"), [(16, 4, 8), (32, 2, 16), (64, 1, 32), (8, 8, 0)]
)
def test_windows_hold_the_segments_of_half_of_them(hop, segments, lead):
    settings = ReadingCnn.model_validate(
        {**SETTINGS.model_dump(), "fingerprints": {"segment_hop": hop}}
    )
    assert make_encoder(settings, seed=1).window == (128, 64, segments, lead)


def test_weights_are_written_and_read(encoder, tmp_path):
    save_encoder(tmp_path / "weights.pt", encoder, SETTINGS)
    read = load_encoder(tmp_path / "weights.pt", SETTINGS)
    with torch.inference_mode():
        torch.testing.assert_close(
            read.encode(notes()).embedding, encoder.encode(notes()).embedding
        )


def few_bins(**changed: int) -> dict[str, object]:
    """A front end that is no whole number of steps."""
    return {"front_end": {**SETTINGS.front_end.model_dump(), **changed}}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"front_end": ConstantQ().model_dump()}, "log_magnitude is true"),
        ({"fingerprints": {"segment_hop": 12}}, "64 frames every 12 in windows of 128"),
        ({"fingerprints": {"segment_hop": 48}}, "64 frames every 48 in windows of 128"),
        ({"window_frames": 96}, "64 frames every 16 in windows of 96"),
        ({"training": {"batch_pairs": 2}}, "expected at least 3: a query holds two"),
        (few_bins(bins=28), "28 bins, 24 per octave"),
        (few_bins(bins=170), "170 bins, 24 per octave"),
        (few_bins(bins_per_octave=30), "168 bins, 30 per octave"),
        ({"channels": [8, 8]}, "at least 3 items"),
    ],
)
def test_settings_that_cannot_be(changed, message):
    with pytest.raises(ValidationError, match=message):
        ReadingCnn.model_validate({**SETTINGS.model_dump(), **changed})
