"""Audio files that a person names, into a store."""

from pathlib import Path

import pytest

from helpers.songs import RATE, small_gnn, song_stems
from neuralsampleid.audio.io import write_audio
from neuralsampleid.errors import UserError
from neuralsampleid.files import sha256_of
from neuralsampleid.fingerprints.store import open_store
from neuralsampleid.library.own_audio import fingerprint_files, track_table
from neuralsampleid.models.checkpoint import make_encoder, save_encoder

SMALL = small_gnn()


@pytest.fixture
def weights(tmp_path):
    save_encoder(tmp_path / "own.pt", make_encoder(SMALL, seed=0), SMALL)
    return tmp_path / "own.pt"


def song(path, seed=0):
    write_audio(path, (song_stems(seed).sum(axis=1) / 40000).astype("float32"), RATE)
    return path


def test_the_store(tmp_path, weights):
    audio = [song(tmp_path / "b.wav", 0), song(tmp_path / "a.flac", 1)]
    fingerprint_files(audio, "gnn", weights, tmp_path / "store", graph="bypassed")
    store = open_store(tmp_path / "store")
    assert list(store.tracks) == ["b", "a"]
    assert store.nodes is not None
    assert store.meta["weights_sha256"] == sha256_of(weights)
    assert store.meta["settings"]["graph"] == "bypassed"
    assert store.meta["settings"]["front_end"]["sample_rate"] == RATE
    assert set(store.meta["versions"]) == {"neuralsampleid", "numpy", "torch"}
    # A store may be replaced.
    fingerprint_files(audio[:1], "gnn", weights, tmp_path / "store")
    assert list(open_store(tmp_path / "store").tracks) == ["b"]


def test_what_is_not_replaced(tmp_path, weights):
    (tmp_path / "music").mkdir()
    audio = song(tmp_path / "music" / "b.wav")
    with pytest.raises(UserError, match="exists and is no fingerprint store"):
        fingerprint_files([audio], "gnn", weights, tmp_path / "music")
    assert audio.exists()


def test_names():
    table = track_table([Path("x/one.wav"), Path("two.mp3")])
    assert table["track_id"].tolist() == ["one", "two"]
    assert table["path"].tolist() == ["x/one.wav", "two.mp3"]
    with pytest.raises(UserError, match=r"y/one\.mp3: track 'one' is also x/one\.wav"):
        track_table([Path("x/one.wav"), Path("y/one.mp3")])
    with pytest.raises(UserError, match="expected at least one"):
        track_table([])
