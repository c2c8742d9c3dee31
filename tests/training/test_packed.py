"""Packed stems: windows equal the files, errors name what is wrong."""

from pathlib import Path

import numpy as np
import pytest

from helpers.songs import RATE, song_stems
from neuralsampleid.audio.io import write_audio
from neuralsampleid.errors import UserError
from neuralsampleid.training.packed import STEMS, open_packed, pack_stems


@pytest.fixture(scope="module")
def stems_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stems")
    for seed, track_id in enumerate(("007", "b")):
        stems = song_stems(seed, 2.0) / 32768
        for column, stem in enumerate(STEMS):
            # One stem is shorter than the others.
            part = stems[: RATE if track_id == "b" and stem == "bass" else None, column]
            write_audio(folder / track_id / f"{stem}.flac", part.astype(np.float32), RATE)
    return folder


def test_windows_equal_the_stems(stems_folder: Path, tmp_path: Path):
    pack_stems(stems_folder, ["007", "b"], RATE, tmp_path / "packed")
    packed = open_packed(tmp_path / "packed")
    assert packed.sample_rate == RATE
    assert packed.tracks["track_id"].tolist() == ["007", "b"]
    assert isinstance(packed.audio.base, np.memmap) or isinstance(packed.audio, np.memmap)
    expected = song_stems(1, 2.0).T / 32768
    expected[2, RATE:] = 0
    window = packed.window(1, 500, 3000)
    assert window.dtype == np.float32
    np.testing.assert_allclose(window, expected[:, 500:3500], atol=2 / 32768)


def test_beyond_the_end_is_silence(stems_folder: Path, tmp_path: Path):
    pack_stems(stems_folder, ["007", "b"], RATE, tmp_path / "packed")
    packed = open_packed(tmp_path / "packed")
    window = packed.window(0, 2 * RATE - 100, 300)
    assert np.abs(window[:, :100]).max() > 0
    assert (window[:, 100:] == 0).all()  # and not the next track


def test_other_rates_are_resampled(stems_folder: Path, tmp_path: Path):
    pack_stems(stems_folder, ["007"], RATE // 2, tmp_path / "packed")
    assert open_packed(tmp_path / "packed").tracks["samples"].tolist() == [RATE]


def test_errors_leave_nothing(stems_folder: Path, tmp_path: Path):
    target = tmp_path / "packed"
    with pytest.raises(UserError, match="no training track has stems"):
        pack_stems(stems_folder, [], RATE, target)
    with pytest.raises(UserError, match=r"nobody/vocals\.flac: no such audio file"):
        pack_stems(stems_folder, ["007", "nobody"], RATE, target)
    assert not list(tmp_path.iterdir())


def test_damaged_folders(stems_folder: Path, tmp_path: Path):
    with pytest.raises(UserError, match="not a folder of packed stems"):
        open_packed(tmp_path / "none")
    folder = tmp_path / "packed"
    pack_stems(stems_folder, ["007"], RATE, folder)
    audio = (folder / "audio.raw").read_bytes()
    (folder / "audio.raw").write_bytes(audio[:-16])
    with pytest.raises(UserError, match=r"audio\.raw holds 15998 samples, tracks\.csv says 16000"):
        open_packed(folder)
    (folder / "audio.raw").write_bytes(audio[:-3])
    with pytest.raises(UserError, match="not a folder of packed stems"):
        open_packed(folder)
