"""Separating a data set: files, skipped tracks, and nothing half-written."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from neuralsampleid import config
from neuralsampleid.audio.io import read_audio
from neuralsampleid.audio.sound import Waveform
from neuralsampleid.errors import UserError
from neuralsampleid.separation.backends import make_separator
from neuralsampleid.separation.precomputed import PrecomputedStems
from neuralsampleid.separation.stems import STEMS, Separator, Stems, UnusableTrack
from neuralsampleid.separation.tracks import (
    read_reports,
    separate_track,
    separate_tracks,
    separated_ids,
)

RATE = 8000


class Quarters(Separator):
    """Every stem is a quarter of the mix; very loud audio is a bug."""

    description = {"backend": "quarters"}  # noqa: RUF012 - as the other backends' is, never changed

    def __init__(self) -> None:
        self.separated: list[float] = []  # a level of each

    def separate(self, audio: Waveform, sample_rate: int) -> Stems:
        self.separated.append(float(np.abs(audio).max()))
        if np.abs(audio).max() > 0.9:
            raise RuntimeError("too loud")
        return dict.fromkeys(STEMS, audio / 4)


def write_mix(path: Path, level: float = 0.5) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full((RATE, 2), level), RATE)
    return path


def catalogue(folder: Path, number: int) -> pd.DataFrame:
    paths = [write_mix(folder / f"{i}.wav") for i in range(number)]
    return pd.DataFrame({"track_id": [f"t{i}" for i in range(number)], "path": map(str, paths)})


def test_a_track_becomes_four_flac_files(tmp_path: Path):
    separate_track("t", write_mix(tmp_path / "mix.wav"), tmp_path / "stems", Quarters(), 4000)
    files = sorted((tmp_path / "stems/t").glob("*.flac"))
    assert [file.name for file in files] == sorted(f"{stem}.flac" for stem in STEMS)
    for file in files:
        info = soundfile.info(file)
        assert (info.samplerate, info.channels, info.subtype) == (4000, 1, "PCM_16")
        audio = read_audio(file, 4000)
        assert len(audio) == 4000
        np.testing.assert_allclose(audio[500:-500], 0.125, atol=1e-3)


def test_mp3_files_are_aligned_with_the_mix(tmp_path: Path):
    time = np.arange(5 * 22050) / 22050
    mix = 0.5 * np.sin(2 * np.pi * (200 + 100 * time) * time) * (time % 1 > 0.5)
    soundfile.write(tmp_path / "mix.wav", mix, 22050)
    separate_track("t", tmp_path / "mix.wav", tmp_path / "stems", Quarters(), 22050, "mp3")
    files = sorted((tmp_path / "stems/t").glob("*.mp3"))
    assert [file.name for file in files] == sorted(f"{stem}.mp3" for stem in STEMS)
    for file in files:
        audio = read_audio(file, 22050)
        assert len(audio) == len(mix)
        np.testing.assert_allclose(audio, mix / 4, atol=0.02)


def folder_state(folder: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of change of every file: a file that was written anew differs."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in files
    }


def test_finished_tracks_are_not_made_again(tmp_path: Path):
    tracks, stems = catalogue(tmp_path, 3), tmp_path / "stems"
    separate_tracks(tracks.iloc[:2], Quarters(), stems, RATE)
    before = folder_state(stems)
    (stems / ".t2.abcd1234").mkdir()  # what a killed process leaves
    separator = Quarters()
    report = separate_tracks(tracks, separator, stems, RATE)
    assert len(separator.separated) == 1
    assert list(report["status"]) == ["separated"] * 3
    assert before.items() <= folder_state(stems).items()
    assert sorted(path.name for path in stems.iterdir()) == ["t0", "t1", "t2"]


@pytest.mark.parametrize("change", ["audio", "method", "rate", "format", "stem", "record"])
def test_stems_of_another_origin_are_made_again(change: str, tmp_path: Path):
    tracks, stems = catalogue(tmp_path, 2), tmp_path / "stems"
    separate_tracks(tracks, Quarters(), stems, RATE)
    separator, rate, audio_format = Quarters(), RATE, "flac"
    if change == "audio":
        write_mix(tmp_path / "0.wav", 0.25)
    elif change == "method":
        separator.description = {"backend": "thirds"}
    elif change == "rate":
        rate = RATE // 2
    elif change == "format":
        audio_format = "mp3"
    elif change == "stem":
        (stems / "t0/bass.flac").unlink()
    else:
        (stems / "t0/origin.json").write_text("{")
    separate_tracks(tracks, separator, stems, rate, audio_format)
    assert len(separator.separated) == (2 if change in {"method", "rate", "format"} else 1)
    names = {path.name for path in (stems / "t0").iterdir()}
    assert names == {f"{stem}.{audio_format}" for stem in STEMS} | {"origin.json"}
    assert abs(read_audio(stems / f"t0/drums.{audio_format}", rate)[rate // 2]) == pytest.approx(
        0.0625 if change == "audio" else 0.125, abs=0.01
    )


def test_a_clip_that_became_undecodable_keeps_no_stems(tmp_path: Path):
    tracks, stems = catalogue(tmp_path, 2), tmp_path / "stems"
    separate_tracks(tracks, Quarters(), stems, RATE)
    (tmp_path / "1.wav").write_text("no audio")
    report = separate_tracks(tracks, Quarters(), stems, RATE)
    assert list(report["status"]) == ["separated", "skipped"]
    assert [path.name for path in stems.iterdir()] == ["t0"]


def test_a_failure_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    written = []

    def fails_at_the_third(path: Path, audio: Waveform, sample_rate: int) -> None:
        written.append(path)
        if len(written) == 3:
            raise OSError("disk full")
        path.touch()

    monkeypatch.setattr("neuralsampleid.separation.tracks.write_audio", fails_at_the_third)
    with pytest.raises(OSError, match="disk full"):
        separate_track("t", write_mix(tmp_path / "mix.wav"), tmp_path / "stems", Quarters(), RATE)
    assert list((tmp_path / "stems").iterdir()) == []


@pytest.mark.parametrize("workers", [1, 3])
def test_an_undecodable_clip_is_listed_and_skipped(tmp_path: Path, workers: int):
    tracks = catalogue(tmp_path, 5)
    (tmp_path / "1.wav").write_text("no audio")
    soundfile.write(tmp_path / "3.wav", np.zeros(0), RATE)
    report = separate_tracks(tracks, Quarters(), tmp_path / "stems", RATE, workers=workers)
    assert list(report.columns) == ["track_id", "status", "reason"]
    assert list(report["track_id"]) == ["t0", "t1", "t2", "t3", "t4"]
    assert list(report["status"] == "skipped") == [False, True, False, True, False]
    assert "1.wav: cannot be decoded" in report["reason"][1]
    assert "3.wav: holds no samples" in report["reason"][3]
    assert report["reason"][0] == ""
    assert sorted(path.name for path in (tmp_path / "stems").iterdir()) == ["t0", "t2", "t4"]


def test_audio_that_is_not_finite_is_skipped(tmp_path: Path):
    soundfile.write(tmp_path / "mix.wav", np.full(100, np.nan), RATE, subtype="FLOAT")
    with pytest.raises(UnusableTrack, match="holds NaN"):
        separate_track("t", tmp_path / "mix.wav", tmp_path / "stems", Quarters(), RATE)


def test_nothing_usable_is_an_error_of_the_whole_and_not_of_one_call(tmp_path: Path):
    tracks = catalogue(tmp_path, 3)
    for i in range(2):
        (tmp_path / f"{i}.wav").write_text("no audio")
    paths = []
    for place in range(3):
        report = separate_tracks(tracks[place : place + 1], Quarters(), tmp_path / "stems", RATE)
        paths.append(tmp_path / f"{place}.csv")
        report.to_csv(paths[-1], index=False)
    whole = read_reports(paths)
    assert separated_ids(whole) == ["t2"]
    assert list(whole["track_id"]) == ["t0", "t1", "t2"]
    with pytest.raises(UserError, match=r"0\.wav: cannot be .*; so or similarly all 2 training"):
        read_reports(paths[:2])


def test_a_missing_file_is_an_error(tmp_path: Path):
    tracks = catalogue(tmp_path, 3)
    (tmp_path / "1.wav").unlink()
    with pytest.raises(UserError, match=r"1\.wav: no such audio file, expected that of track 't1'"):
        separate_tracks(tracks, Quarters(), tmp_path / "stems", RATE)


def test_a_bug_is_not_taken_for_a_bad_clip(tmp_path: Path):
    tracks = catalogue(tmp_path, 3)
    write_mix(tmp_path / "1.wav", 0.95)
    with pytest.raises(RuntimeError, match="too loud"):
        separate_tracks(tracks, Quarters(), tmp_path / "stems", RATE)


def test_precomputed_stems_take_the_same_way(tmp_path: Path):
    for stem in STEMS:
        write_mix(tmp_path / "given/t0" / f"{stem}.wav", 0.25)
    settings = config.Separation(backend="precomputed", stems_folder=str(tmp_path / "given"))
    separator = make_separator(settings)
    assert isinstance(separator, PrecomputedStems)
    report = separate_tracks(catalogue(tmp_path, 1), separator, tmp_path / "stems", RATE)
    assert list(report["status"]) == ["separated"]
    audio = read_audio(tmp_path / "stems/t0/bass.flac", RATE)
    np.testing.assert_allclose(audio, 0.25, atol=1e-4)


def test_a_precomputed_folder_that_lacks_a_stem_is_an_error_and_no_skip(tmp_path: Path):
    for track_id in ("t0", "t1"):
        for stem in STEMS:
            write_mix(tmp_path / "given" / track_id / f"{stem}.wav")
    (tmp_path / "given/t1/drums.wav").unlink()
    separator = PrecomputedStems(tmp_path / "given")
    with pytest.raises(UserError, match="stem 'drums': found none"):
        separate_tracks(catalogue(tmp_path, 2), separator, tmp_path / "stems", RATE)


def test_a_broken_clip_without_precomputed_stems_is_skipped(tmp_path: Path):
    tracks = catalogue(tmp_path, 2)
    (tmp_path / "1.wav").write_bytes(b"")
    for stem in STEMS:
        write_mix(tmp_path / "given/t0" / f"{stem}.wav")
    separator = PrecomputedStems(tmp_path / "given")
    report = separate_tracks(tracks, separator, tmp_path / "stems", RATE)
    assert list(report["status"]) == ["separated", "skipped"]
    assert "1.wav: cannot be decoded" in report["reason"][1]
    # That stems of a clip are missing which can be decoded is a mistake in the folder.
    write_mix(tmp_path / "1.wav")
    with pytest.raises(UserError, match="t1: no such folder, expected the stems of track 't1'"):
        separate_tracks(tracks, separator, tmp_path / "stems", RATE)
