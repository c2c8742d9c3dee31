"""Packed stems: windows equal the files, errors name what is wrong."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from helpers.songs import RATE, song_stems
from neuralsampleid.audio.io import write_audio
from neuralsampleid.errors import UserError
from neuralsampleid.training.packs import STEMS, open_packed, pack_stems


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
    packed = open_packed([tmp_path / "packed"])
    assert packed.sample_rate == RATE
    assert packed.tracks["track_id"].tolist() == ["007", "b"]
    assert isinstance(packed.audio[0], np.memmap)
    expected = song_stems(1, 2.0).T / 32768
    expected[2, RATE:] = 0
    window = packed.window(1, 500, 3000)
    assert window.dtype == np.float32
    np.testing.assert_allclose(window, expected[:, 500:3500], atol=2 / 32768)


def test_beyond_the_end_is_silence(stems_folder: Path, tmp_path: Path):
    pack_stems(stems_folder, ["007", "b"], RATE, tmp_path / "packed")
    packed = open_packed([tmp_path / "packed"])
    window = packed.window(0, 2 * RATE - 100, 300)
    assert np.abs(window[:, :100]).max() > 0
    assert (window[:, 100:] == 0).all()  # and not the next track


def test_other_rates_are_resampled(stems_folder: Path, tmp_path: Path):
    pack_stems(stems_folder, ["007"], RATE // 2, tmp_path / "packed")
    assert open_packed([tmp_path / "packed"]).tracks["samples"].tolist() == [RATE]


def test_errors_leave_nothing(stems_folder: Path, tmp_path: Path):
    target = tmp_path / "packed"
    with pytest.raises(UserError, match="nobody: no such folder, expected the stems of track"):
        pack_stems(stems_folder, ["007", "nobody"], RATE, target)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def shards(stems_folder: Path, tmp_path: Path) -> list[Path]:
    """Three shards, of which the second has no track; and both tracks in one."""
    for name, tracks in {"0": ["007"], "1": [], "2": ["b"], "all": ["007", "b"]}.items():
        pack_stems(stems_folder, tracks, RATE, tmp_path / name)
    return [tmp_path / name for name in ("0", "1", "2", "all")]


def test_shards_are_read_as_one(shards: list[Path]):
    parts, whole = open_packed(shards[:3]), open_packed(shards[3:])
    assert parts.tracks["track_id"].tolist() == whole.tracks["track_id"].tolist() == ["007", "b"]
    assert parts.tracks["shard"].tolist() == [0, 2]
    for track, start in ((0, 0), (0, 2 * RATE - 100), (1, 1234)):
        window = parts.window(track, start, 500)
        assert np.abs(window).max() > 0
        np.testing.assert_array_equal(window, whole.window(track, start, 500))


def test_the_digest_is_of_the_audio_and_not_of_its_division(shards: list[Path], tmp_path: Path):
    digest = open_packed(shards[:3]).digest()
    assert digest == open_packed(shards[3:]).digest()
    assert digest != open_packed([shards[2], shards[0]]).digest()
    assert digest != open_packed(shards[:1]).digest()
    write_audio(tmp_path / "stems/007/vocals.flac", np.zeros(2 * RATE, np.float32), RATE)
    for stem in STEMS[1:]:
        write_audio(tmp_path / f"stems/007/{stem}.flac", np.ones(2 * RATE, np.float32), RATE)
    pack_stems(tmp_path / "stems", ["007"], RATE, tmp_path / "other")
    assert open_packed([tmp_path / "other"]).digest() != open_packed(shards[:1]).digest()


def test_a_process_that_is_not_forked_maps_the_files(shards: list[Path]):
    packed = open_packed(shards[:3])
    sent = pickle.dumps(packed)
    assert len(sent) < 2000
    again = pickle.loads(sent)
    assert isinstance(again.audio[0], np.memmap)
    np.testing.assert_array_equal(again.window(1, 10, 100), packed.window(1, 10, 100))


def test_shards_must_agree_and_hold_something(stems_folder: Path, shards: list[Path]):
    with pytest.raises(UserError, match="no training track has stems"):
        open_packed([shards[1]])
    pack_stems(stems_folder, ["b"], RATE // 2, shards[1])
    with pytest.raises(UserError, match=rf"packed at \[{RATE}, {RATE // 2}\] Hz"):
        open_packed(shards[:2])


def test_damaged_folders(stems_folder: Path, tmp_path: Path):
    with pytest.raises(UserError, match="not a folder of packed stems"):
        open_packed([tmp_path / "none"])
    folder = tmp_path / "packed"
    pack_stems(stems_folder, ["007"], RATE, folder)
    audio = (folder / "audio.raw").read_bytes()
    (folder / "audio.raw").write_bytes(audio[:-16])
    with pytest.raises(UserError, match=r"audio\.raw holds 15998 samples, tracks\.csv says 16000"):
        open_packed([folder])
    (folder / "audio.raw").write_bytes(audio[:-3])
    with pytest.raises(UserError, match="not a folder of packed stems"):
        open_packed([folder])
