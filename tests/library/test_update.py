"""Libraries of a folder of music: what is added, forgotten, skipped, refused."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.songs import RATE, small_gnn, song_stems
from neuralsampleid.audio.io import write_audio
from neuralsampleid.errors import UserError
from neuralsampleid.library import fingerprinter
from neuralsampleid.library.store import open_library
from neuralsampleid.library.update import index_music
from neuralsampleid.models.checkpoint import make_encoder, save_encoder


def song(seed: int, seconds: float = 2.0, rate: int = RATE) -> np.ndarray:
    return (song_stems(seed, seconds, rate).sum(axis=1) / 65536).astype(np.float32)


def stored(folder: Path) -> dict[str, bytes]:
    """Every file's fingerprints."""
    found = open_library(folder)
    tracks = [found.fingerprints[number] for number in range(len(found.paths))]
    pairs = zip(found.paths, tracks, strict=True)
    return {path: track.embeddings.tobytes() for paths, track in pairs for path in paths}


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("weights") / "small.pt"
    settings = small_gnn()
    save_encoder(path, make_encoder(settings, seed=3), settings)
    return path


@pytest.fixture
def music(tmp_path) -> Path:
    """Several formats, rates and channels, in folders, with what cannot be used among them."""
    folder = tmp_path / "music"
    (folder / "deep" / "er").mkdir(parents=True)
    write_audio(folder / "a.wav", song(1), RATE)
    write_audio(folder / "deep" / "b.flac", np.stack([song(2, rate=22050)] * 2, axis=1), 22050)
    write_audio(folder / "deep" / "er" / "ü c.ogg", song(3, rate=44100), 44100)
    write_audio(folder / "d.mp3", song(4, rate=16000), 16000)
    (folder / "broken.mp3").write_bytes(b"no audio at all")
    write_audio(folder / "silent.wav", np.zeros(RATE, np.float32), RATE)
    (folder / "cover.jpg").write_bytes(b"a picture")
    return folder


def test_all_formats_and_what_is_skipped(music, weights, tmp_path):
    summary = index_music(music, tmp_path / "out", weights)
    assert (summary.added, summary.unchanged, summary.forgotten) == (4, 0, 0)
    skipped = {Path(path).name: reason for path, reason in summary.skipped}
    assert skipped.keys() == {"broken.mp3", "silent.wav"}
    assert "cannot be decoded" in skipped["broken.mp3"]
    assert "silent throughout" in skipped["silent.wav"]
    assert summary.lines()[0] == "4 added (0 of known content), 0 unchanged, 0 forgotten, 2 skipped"
    found = stored(tmp_path / "out")
    assert sorted(found) == ["a.wav", "d.mp3", "deep/b.flac", "deep/er/ü c.ogg"]
    assert all(len(rows) > 5 * 8 * 4 for rows in found.values())
    np.testing.assert_allclose(open_library(tmp_path / "out").seconds, 2.0, atol=0.1)


def test_only_new_and_changed_files_are_read(music, weights, tmp_path, monkeypatch):
    out = tmp_path / "out"
    index_music(music, out, weights)
    before = stored(out)
    decoded = []
    real = fingerprinter.decode
    monkeypatch.setattr(
        fingerprinter, "decode", lambda path: decoded.append(path.name) or real(path)
    )
    write_audio(music / "a.wav", song(9), RATE)  # changed
    os.utime(music / "d.mp3", (1, 1))  # touched: same content
    (music / "deep" / "b.flac").rename(music / "moved.flac")
    (music / "deep" / "er" / "ü c.ogg").unlink()
    shutil.copy(music / "d.mp3", music / "copy.mp3")
    write_audio(music / "new.wav", song(10), RATE)
    summary = index_music(music, out)  # the weights are those of the library
    assert sorted(decoded) == ["a.wav", "broken.mp3", "new.wav", "silent.wav"]
    assert (summary.added, summary.unchanged, summary.forgotten) == (5, 0, 2)
    after = stored(out)
    assert sorted(after) == ["a.wav", "copy.mp3", "d.mp3", "moved.flac", "new.wav"]
    assert after["a.wav"] != before["a.wav"]
    assert after["copy.mp3"] == after["d.mp3"] == before["d.mp3"]
    assert after["moved.flac"] == before["deep/b.flac"]
    again = index_music(music, out)
    assert (again.added, again.unchanged, again.forgotten) == (0, 5, 0)


def test_both_systems_are_made_of_one_decoding(music, tmp_path, monkeypatch):
    decoded = []
    real = fingerprinter.decode
    monkeypatch.setattr(
        fingerprinter, "decode", lambda path: decoded.append(path.name) or real(path)
    )
    index_music(music, tmp_path / "out")
    assert sorted(decoded) == ["a.wav", "b.flac", "broken.mp3", "d.mp3", "silent.wav", "ü c.ogg"]
    library = open_library(tmp_path / "out")
    assert library.info.encoder.weights == "shipped"
    assert all(len(peaks.frames) > 10 for peaks in library.landmarks)
    assert len(library.fingerprints[0]) > 0
    # The library outlives a move of this package: the weights are known by name and content.
    assert str(Path(fingerprinter.__file__).parent) not in library.info.model_dump_json()


def test_chance_is_measured_anew_when_tracks_come_or_go(tmp_path, weights):
    music, out = tmp_path / "music", tmp_path / "out"
    for seed in range(10):
        write_audio(music / f"{seed}.wav", song(seed), RATE)
    index_music(music, out, weights)
    first = open_library(out).info.encoder
    assert first.chance.asked == 10
    index_music(music, out)
    assert open_library(out).info.encoder == first
    (music / "9.wav").unlink()
    index_music(music, out)
    assert open_library(out).info.encoder.chance is None  # too few tracks
    write_audio(music / "new.wav", song(11), RATE)
    index_music(music, out)
    assert open_library(out).info.encoder.chance.asked == 10


def test_refusals(music, weights, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(UserError, match=r"no\.pt: no such weights.*'shipped'.*make demo"):
        index_music(music, out, str(tmp_path / "no.pt"))
    published = tmp_path / "published.pth"
    torch.save({"weight": torch.zeros(2)}, published)
    with pytest.raises(UserError, match="expected --encoder"):
        index_music(music, out, str(published))
    assert not out.exists()
    index_music(music, out, weights)
    other = tmp_path / "other.pt"
    save_encoder(other, make_encoder(small_gnn(), seed=4), small_gnn())
    with pytest.raises(UserError, match="other weights"):
        index_music(music, out, other)
    with pytest.raises(UserError, match="made with architecture 'gnn'"):
        index_music(music, out, None, "resnet_ibn")
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(UserError, match="holds no audio"):
        index_music(tmp_path / "elsewhere", out)
    write_audio(tmp_path / "elsewhere" / "x.wav", song(1), RATE)
    with pytest.raises(UserError, match="a library of"):
        index_music(tmp_path / "elsewhere", out)
    with pytest.raises(UserError, match="is no library"):
        index_music(music, tmp_path / "elsewhere", weights)
    with pytest.raises(UserError, match="no library, expected one"):
        open_library(tmp_path / "elsewhere")
