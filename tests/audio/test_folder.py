"""Which file belongs to which track id."""

from pathlib import Path

import pytest

from neuralsampleid.datasets.sample100 import find_tracks, noise_tracks
from neuralsampleid.errors import UserError


def touched(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def test_the_name_without_suffix_is_the_id(tmp_path: Path):
    names = ["T001.mp3", "sub/t002.FLAC", "T003 remix.wav", "T004.txt", ".hidden/T005.wav"]
    (tmp_path / "T006.wav").mkdir()
    touched(tmp_path, *names)
    found = find_tracks(tmp_path, [f"T00{number}" for number in range(1, 7)])
    assert list(found["track_id"]) == ["T001", "T002", "T003", "T004", "T005", "T006"]
    expected = [str(tmp_path / name) for name in names[:2]]
    assert list(found["path"]) == [*expected, "", "", "", ""]
    assert set(found["duplicates"]) == {""}


def test_duplicates_are_told(tmp_path: Path):
    touched(tmp_path, "T1.aac", "T1.wav", "a/T1.mp3", "T2.m4a")
    found = find_tracks(tmp_path, ["T1", "T2"])
    assert list(found["path"]) == [str(tmp_path / "T1.wav"), str(tmp_path / "T2.m4a")]
    others = [str(tmp_path / name) for name in ("a/T1.mp3", "T1.aac")]
    assert list(found["duplicates"]) == ["|".join(others), ""]


def test_no_folder(tmp_path: Path):
    assert list(find_tracks(None, ["T1"])["path"]) == [""]
    for look in (lambda path: find_tracks(path, ["T1"]), noise_tracks):
        with pytest.raises(UserError, match=f"^{tmp_path}/no: no such folder, expected one"):
            look(tmp_path / "no")


def test_every_file_of_a_folder_is_a_noise_track(tmp_path: Path):
    touched(tmp_path, "An Artist - Señor.mp3", "x.wav", "sub/x.flac", "notes.txt", "X.ogg")
    noise = noise_tracks(tmp_path)
    assert dict(zip(noise["track_id"], noise["title"], strict=True)) == {
        "noise_An_Artist_-_Se_or": "An Artist - Señor",
        "noise_X": "X",
        "noise_x_2": "x",
        "noise_x_3": "x",
    }
    assert all(Path(path).is_file() for path in noise["path"])


def test_a_folder_without_noise(tmp_path: Path):
    with pytest.raises(UserError, match=f"^{tmp_path}: holds no audio, expected files with .wav"):
        noise_tracks(tmp_path)
