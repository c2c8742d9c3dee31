"""Levels of mixes: what lasts and what is short are told apart, and their power adds up."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from helpers.paper import changed
from helpers.songs import RATE, SMALL_CONSTANT_Q, packed, sine, song_stems
from helpers.tunes import put
from neuralsampleid.audio.front_ends import ConstantQFrontEnd
from neuralsampleid.errors import UserError
from neuralsampleid.training.level_packs import powers
from neuralsampleid.training.pairs import ACCOMPANIMENT, DRUMS
from neuralsampleid.training.source_levels import lasting_share, levels_of_mixes, levels_of_stems


def levels_of(audio: np.ndarray, folder: Path) -> np.ndarray:
    """Powers of one mix, (frames, sources, bins)."""
    put(folder / "mix.wav", audio, RATE)
    table = pd.DataFrame([("mix", str(folder / "mix.wav"))], columns=["track_id", "path"])
    ((track_id, levels),) = levels_of_mixes(table, SMALL_CONSTANT_Q)
    assert track_id == "mix"
    return powers()[levels]


def test_a_tone_lasts_and_a_click_is_short(tmp_path):
    audio = 0.3 * sine(440.0, 4.0, RATE)
    audio[2 * RATE : 2 * RATE + 40] += np.random.default_rng(0).uniform(-0.7, 0.7, 40)
    power = levels_of(audio.astype(np.float32), tmp_path)
    hop = SMALL_CONSTANT_Q.hop_length
    tone, click = power[RATE // hop], power[2 * RATE // hop]
    assert tone[ACCOMPANIMENT].sum() > 20 * tone[DRUMS].sum()
    high = slice(60, 72)  # above the tone
    assert click[DRUMS, high].sum() > 5 * click[ACCOMPANIMENT, high].sum()


def test_the_parts_add_up_to_the_mix(tmp_path):
    audio = (song_stems(3, 3.0).sum(axis=1) / 65536).astype(np.float32)
    power = levels_of(audio, tmp_path).sum(axis=1)
    settings = changed(SMALL_CONSTANT_Q, log_magnitude=False)
    read = soundfile.read(tmp_path / "mix.wav", dtype="float32")[0]
    expected = ConstantQFrontEnd(settings)(torch.from_numpy(read)[None])[0].numpy().T ** 2
    loud = expected > 1e-7
    assert loud.mean() > 0.3
    error_db = 10 * np.log10(power[loud] / expected[loud])
    assert np.abs(error_db).max() < 0.3


def test_a_share_by_hand():
    magnitudes = np.zeros((9, 9), np.float32)
    magnitudes[:, 4] = 1.0  # a note
    magnitudes[4, :] = 1.0  # a stroke
    share = lasting_share(magnitudes, frames=5, bins=5)
    assert share[0, 4] == pytest.approx(1)
    assert share[4, 0] == pytest.approx(0, abs=1e-6)
    assert share[4, 4] == pytest.approx(0.5)
    assert share[0, 0] == pytest.approx(0.5)


def test_stems_at_another_rate_are_refused():
    stems = packed([song_stems(0, 1.0)], rate=RATE)
    other = changed(SMALL_CONSTANT_Q, sample_rate=2 * RATE)
    with pytest.raises(UserError, match=f"packed stems have {RATE} Hz, expected {2 * RATE}"):
        next(iter(levels_of_stems(stems, other)))
