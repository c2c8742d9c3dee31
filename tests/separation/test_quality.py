"""SI-SDR: hand-computed values, what it ignores, and the tables made of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralsampleid.audio.io import write_audio
from neuralsampleid.errors import UserError
from neuralsampleid.separation.quality import mean_quality, si_sdr, stem_quality
from neuralsampleid.separation.stems import STEMS

RATE = 8000


def noise(seed: int, samples: int = RATE, level: float = 0.1) -> np.ndarray:
    return (level * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def test_known_value():
    # Error orthogonal to the reference, with a tenth of its amplitude: 20 dB.
    reference = np.array([1, 1, 1, 1], np.float32)
    error = 0.1 * np.array([1, -1, 1, -1], np.float32)
    assert si_sdr(reference + error, reference) == pytest.approx(20, abs=1e-4)


def test_known_value_with_correlated_error():
    # ŝ = (1, 1), s = (1, 0): α = 1, target (1, 0), error (0, 1).
    assert si_sdr(np.array([1, 1], np.float32), np.array([1, 0], np.float32)) == pytest.approx(0)


@given(scale=st.floats(0.01, 100), sign=st.sampled_from([-1, 1]), seed=st.integers(0, 99))
def test_scale_of_either_side_does_not_matter(scale: float, sign: int, seed: int):
    reference, estimate = noise(seed), noise(seed) + noise(seed + 1)
    expected = si_sdr(estimate, reference)
    factor = np.float32(sign * scale)
    assert si_sdr(factor * estimate, reference) == pytest.approx(expected, abs=1e-3)
    assert si_sdr(estimate, factor * reference) == pytest.approx(expected, abs=1e-3)


def test_limits():
    zeros, ones = np.zeros(4, np.float32), np.ones(4, np.float32)
    assert np.isnan(si_sdr(ones, zeros))
    assert si_sdr(zeros, ones) == -np.inf
    assert si_sdr(2 * ones, ones) == np.inf


def write_stems(folder: Path, stems: dict[str, np.ndarray]) -> None:
    for stem, audio in stems.items():
        write_audio(folder / f"{stem}.flac", audio, RATE)


def test_stem_quality(tmp_path: Path):
    true = {stem: noise(i) for i, stem in enumerate(STEMS)} | {"vocals": np.zeros(RATE, np.float32)}
    estimated = {stem: audio + noise(9, level=0.01) for stem, audio in true.items()}
    write_stems(tmp_path / "true/a", true)
    write_stems(tmp_path / "estimated/a", estimated)
    table = stem_quality(tmp_path / "estimated", tmp_path / "true", ["a"]).set_index("stem")
    assert list(table.columns) == ["track_id", "si_sdr_db", "mix_si_sdr_db"]
    assert table.loc["vocals", ["si_sdr_db", "mix_si_sdr_db"]].isna().all()
    # Errors 20 dB below each stem; the mix holds two other stems of the same level: -3 dB.
    for stem in ("drums", "bass", "other"):
        assert table.loc[stem, "si_sdr_db"] == pytest.approx(20, abs=0.5)
        assert table.loc[stem, "mix_si_sdr_db"] == pytest.approx(-3, abs=0.5)


def test_a_stem_of_another_length_is_an_error(tmp_path: Path):
    write_stems(tmp_path / "true/a", {stem: noise(1) for stem in STEMS})
    write_stems(tmp_path / "estimated/a", {stem: noise(1, RATE // 2) for stem in STEMS})
    with pytest.raises(UserError, match=r"0\.50 s, expected the 1\.00 s of the true stem"):
        stem_quality(tmp_path / "estimated", tmp_path / "true", ["a"])


def test_mean_leaves_silent_stems_out():
    quality = pd.DataFrame(
        [
            ("a", "drums", 4.0, 0.0),
            ("b", "drums", 2.0, -2.0),
            ("a", "vocals", 1.0, -5.0),
            ("b", "vocals", np.nan, np.nan),
            ("a", "bass", np.nan, np.nan),
        ],
        columns=["track_id", "stem", "si_sdr_db", "mix_si_sdr_db"],
    )
    expected = [("vocals", 1, 1.0, -5.0), ("drums", 2, 3.0, -1.0)]
    assert list(mean_quality(quality).itertuples(index=False, name=None)) == expected
