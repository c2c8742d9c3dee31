"""Separating a data set: files, skipped tracks, and nothing half-written."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from neuralsampleid import config
from neuralsampleid.audio.io import Waveform, read_audio
from neuralsampleid.errors import UserError
from neuralsampleid.separation.backends import make_separator
from neuralsampleid.separation.precomputed import PrecomputedStems
from neuralsampleid.separation.stems import STEMS, Separator, Stems, UnusableTrack
from neuralsampleid.separation.tracks import separate_track, separate_tracks

RATE = 8000


class Quarters(Separator):
    """Every stem is a quarter of the mix; very loud audio is a bug."""

    def separate(self, audio: Waveform, sample_rate: int) -> Stems:
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
    files = sorted((tmp_path / "stems/t").iterdir())
    assert [file.name for file in files] == sorted(f"{stem}.flac" for stem in STEMS)
    for file in files:
        info = soundfile.info(file)
        assert (info.samplerate, info.channels, info.subtype) == (4000, 1, "PCM_16")
        audio = read_audio(file, 4000)
        assert len(audio) == 4000
        np.testing.assert_allclose(audio[500:-500], 0.125, atol=1e-3)


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
    calls: list[tuple[int, int]] = []
    report = separate_tracks(
        tracks,
        Quarters(),
        tmp_path / "stems",
        RATE,
        progress=lambda done, total: calls.append((done, total)),
        workers=workers,
    )
    assert list(report.columns) == ["track_id", "status", "reason"]
    assert list(report["track_id"]) == ["t0", "t1", "t2", "t3", "t4"]
    assert list(report["status"] == "skipped") == [False, True, False, True, False]
    assert "1.wav: cannot be decoded" in report["reason"][1]
    assert "3.wav: holds no samples" in report["reason"][3]
    assert report["reason"][0] == ""
    assert sorted(path.name for path in (tmp_path / "stems").iterdir()) == ["t0", "t2", "t4"]
    assert calls == [(i, 5) for i in range(1, 6)]


def test_audio_that_is_not_finite_is_skipped(tmp_path: Path):
    soundfile.write(tmp_path / "mix.wav", np.full(100, np.nan), RATE, subtype="FLOAT")
    with pytest.raises(UnusableTrack, match="holds NaN"):
        separate_track("t", tmp_path / "mix.wav", tmp_path / "stems", Quarters(), RATE)


def test_nothing_usable_is_an_error(tmp_path: Path):
    tracks = catalogue(tmp_path, 2)
    for i in range(2):
        (tmp_path / f"{i}.wav").write_text("no audio")
    with pytest.raises(UserError, match=r"0\.wav: cannot be .*; so or similarly all 2 training"):
        separate_tracks(tracks, Quarters(), tmp_path / "stems", RATE)


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
