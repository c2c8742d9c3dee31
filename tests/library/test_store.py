"""Catalogues of own music: what is added, forgotten, resumed, refused; and a process killed."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.songs import RATE, small_gnn, song_stems
from neuralsampleid.audio.io import write_audio
from neuralsampleid.errors import UserError
from neuralsampleid.library import fingerprinters
from neuralsampleid.library.store import (
    File,
    changing_collection,
    create_collection,
    open_collection,
)
from neuralsampleid.library.update import index_folder
from neuralsampleid.models.checkpoint import make_encoder, save_encoder

ABOUT = {"embedding_size": 3, "hop_s": 0.5, "segment_s": 2.0}


def song(seed: int, seconds: float = 2.0, rate: int = RATE) -> np.ndarray:
    return (song_stems(seed, seconds, rate).sum(axis=1) / 65536).astype(np.float32)


def stored(folder: Path) -> dict[str, bytes]:
    """Every file's rows."""
    found = open_collection(folder)
    spans = zip(found.paths, found.first_row, found.row_count, strict=True)
    return {p: found.rows[f : f + n].tobytes() for paths, f, n in spans for p in paths}


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
    summary = index_folder(music, tmp_path / "out", weights)
    assert (summary.added, summary.unchanged, summary.forgotten) == (4, 0, 0)
    skipped = {Path(path).name: reason for path, reason in summary.skipped}
    assert skipped.keys() == {"broken.mp3", "silent.wav"}
    assert "cannot be decoded" in skipped["broken.mp3"]
    assert "silent throughout" in skipped["silent.wav"]
    assert summary.lines()[0] == "4 added (0 of known content), 0 unchanged, 0 forgotten, 2 skipped"
    found = stored(tmp_path / "out")
    assert sorted(found) == ["a.wav", "d.mp3", "deep/b.flac", "deep/er/ü c.ogg"]
    assert all(len(rows) > 5 * 9 * 4 for rows in found.values())
    np.testing.assert_allclose(open_collection(tmp_path / "out").seconds, 2.0, atol=0.1)


def test_only_new_and_changed_files_are_read(music, weights, tmp_path, monkeypatch):
    out = tmp_path / "out"
    index_folder(music, out, weights)
    before = stored(out)
    decoded = []
    real = fingerprinters.read_any_audio
    monkeypatch.setattr(
        fingerprinters,
        "read_any_audio",
        lambda path, rate: decoded.append(path.name) or real(path, rate),
    )
    write_audio(music / "a.wav", song(9), RATE)  # changed
    os.utime(music / "d.mp3", (1, 1))  # touched: same content
    (music / "deep" / "b.flac").rename(music / "moved.flac")
    (music / "deep" / "er" / "ü c.ogg").unlink()
    shutil.copy(music / "d.mp3", music / "copy.mp3")
    write_audio(music / "new.wav", song(10), RATE)
    summary = index_folder(music, out)  # the weights are those of the catalogue
    assert sorted(decoded) == ["a.wav", "broken.mp3", "new.wav", "silent.wav"] or sorted(
        decoded
    ) == ["a.wav", "broken.mp3", "moved.flac", "new.wav", "silent.wav"]
    assert (summary.added, summary.unchanged, summary.forgotten) == (5, 0, 2)
    after = stored(out)
    assert sorted(after) == ["a.wav", "copy.mp3", "d.mp3", "moved.flac", "new.wav"]
    assert after["a.wav"] != before["a.wav"]
    assert after["copy.mp3"] == after["d.mp3"] == before["d.mp3"]
    assert after["moved.flac"] == before["deep/b.flac"]
    again = index_folder(music, out)
    assert (again.added, again.unchanged, again.forgotten) == (0, 5, 0)


def test_what_is_forgotten_gives_its_place_back(tmp_path):
    folder = tmp_path / "catalogue"
    create_collection(folder, ABOUT)
    rng = np.random.default_rng(0)
    parts = [rng.standard_normal((10, 3)).astype(np.float32) for _ in range(6)]
    with changing_collection(folder) as writer:
        for number, part in enumerate(parts):
            writer.add_content(str(number), np.arange(10.0), part, 7.0)
            writer.add_file(File(f"{number}.wav", 1, 1), str(number))
        before = open_collection(folder)
        writer.forget(["0.wav", "3.wav"])
        writer.tidy()
    assert len(list(folder.glob("rows-*"))) == 1
    found = open_collection(folder)
    assert found.paths == [["1.wav"], ["2.wav"], ["4.wav"], ["5.wav"]]
    np.testing.assert_array_equal(
        found.rows[:, 1:], np.concatenate([parts[i] for i in (1, 2, 4, 5)])
    )
    np.testing.assert_array_equal(before.rows[:10, 1:], parts[0])  # a reader keeps what it has


def test_a_killed_process_loses_the_track_it_was_at(tmp_path):
    folder = tmp_path / "catalogue"
    create_collection(folder, ABOUT)
    program = f"""
        import os, signal
        from pathlib import Path
        import numpy as np
        from neuralsampleid.library.store import File, changing_collection
        with changing_collection(Path({str(folder)!r})) as writer:
            for number in range(3):
                writer.add_content(str(number), np.arange(4.0), np.full((4, 3), number), 5.0)
                if number == 2:
                    os.kill(os.getpid(), signal.SIGKILL)
                writer.add_file(File(f"{{number}}.wav", 1, 1), str(number))
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=False)
    assert run.returncode == -signal.SIGKILL
    found = open_collection(folder)
    assert found.paths == [["0.wav"], ["1.wav"]]
    assert len(found.rows) == 8
    with changing_collection(folder) as writer:  # nothing is locked, nothing is in the way
        writer.add_content("9", np.arange(2.0), np.full((2, 3), 9.0, np.float32), 3.0)
        writer.add_file(File("9.wav", 1, 1), "9")
    found = open_collection(folder)
    np.testing.assert_array_equal(found.rows[:, 1], [0] * 4 + [1] * 4 + [9] * 2)


def test_one_process_at_a_time(tmp_path):
    create_collection(tmp_path / "c", ABOUT)
    with (
        changing_collection(tmp_path / "c"),
        pytest.raises(UserError, match="another nsid index"),
        changing_collection(tmp_path / "c"),
    ):
        pass


def test_refusals(music, weights, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(UserError, match=r"no\.pt: no such weights.*'shipped'.*make demo"):
        index_folder(music, out, str(tmp_path / "no.pt"))
    published = tmp_path / "published.pth"
    torch.save({"weight": torch.zeros(2)}, published)
    with pytest.raises(UserError, match="expected --encoder"):
        index_folder(music, out, str(published))
    assert not out.exists()
    index_folder(music, out, weights)
    other = tmp_path / "other.pt"
    save_encoder(other, make_encoder(small_gnn(), seed=4), small_gnn())
    with pytest.raises(UserError, match="other weights"):
        index_folder(music, out, other)
    with pytest.raises(UserError, match="made with architecture 'gnn'"):
        index_folder(music, out, None, "resnet_ibn")
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(UserError, match="holds no audio"):
        index_folder(tmp_path / "elsewhere", out)
    write_audio(tmp_path / "elsewhere" / "x.wav", song(1), RATE)
    with pytest.raises(UserError, match="a catalogue of"):
        index_folder(tmp_path / "elsewhere", out)
    with pytest.raises(UserError, match="is no catalogue"):
        index_folder(music, tmp_path / "elsewhere", weights)
    with pytest.raises(UserError, match="no catalogue, expected one"):
        open_collection(tmp_path / "elsewhere")
