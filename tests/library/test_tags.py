"""Artist and title in a library: kept, found again, read late for libraries that lack them."""

import sqlite3
from contextlib import closing

import numpy as np
import pytest
import soundfile

from helpers.tunes import TUNE_RATE, put, tune
from neuralsampleid.audio.tags import NO_TAGS, Tags
from neuralsampleid.library.database import FILE
from neuralsampleid.library.identify import Identifier
from neuralsampleid.library.joining import open_libraries
from neuralsampleid.library.update import index_music


def put_tagged(path, audio, artist, title):
    path.parent.mkdir(parents=True, exist_ok=True)
    with soundfile.SoundFile(path, "w", TUNE_RATE, 1) as file:
        file.artist, file.title = artist, title
        file.write(audio)


def kept(library):
    with closing(sqlite3.connect(library / FILE)) as table:
        return table.execute("SELECT artist, title FROM tags ORDER BY artist").fetchall()


@pytest.fixture
def music(tmp_path):
    put_tagged(tmp_path / "music/0.flac", tune(0, 8), "Zero", "Naught")
    put_tagged(tmp_path / "music/1.ogg", tune(1, 8), "One", "Ace")
    put(tmp_path / "music/2.wav", tune(2, 8))
    index_music(tmp_path / "music", tmp_path / "library", "landmarks")
    return tmp_path / "music"


def test_answers_and_queries_have_their_tags(music, tmp_path):
    put_tagged(tmp_path / "new.flac", np.concatenate([tune(7, 3), tune(1, 8)]), "Me", "Mine")
    put(tmp_path / "plain.wav", tune(2, 8)[TUNE_RATE:])
    identifier = Identifier.open(tmp_path / "library")
    found = identifier.identify_file(tmp_path / "new.flac")
    assert (found.tags, found.answers[0].tags) == (Tags("Me", "Mine"), Tags("One", "Ace"))
    assert found.seconds == 11.0
    plain = identifier.identify_file(tmp_path / "plain.wav")
    assert (plain.tags, plain.answers[0].tags) == (NO_TAGS, NO_TAGS)


def test_tags_follow_their_files(music, tmp_path):
    library = tmp_path / "library"
    assert kept(library) == [(None, None), ("One", "Ace"), ("Zero", "Naught")]
    put_tagged(music / "1.ogg", tune(1, 8), "One", "Ace (remastered)")
    (music / "0.flac").unlink()
    index_music(music, library)
    assert kept(library) == [(None, None), ("One", "Ace (remastered)")]


def test_an_older_library_is_read_and_gets_its_tags(music, tmp_path):
    library = tmp_path / "library"
    with closing(sqlite3.connect(library / FILE)) as table:
        table.execute("DROP TABLE tags")
    assert open_libraries([library]).tags == {}
    (music / "0.flac").rename(tmp_path / "0.flac")
    index_music(music, library, files=[music / "1.ogg"])
    assert kept(library) == [("One", "Ace")]
    (tmp_path / "0.flac").rename(music / "0.flac")
    assert index_music(music, library).added == 2
    assert kept(library) == [(None, None), ("One", "Ace"), ("Zero", "Naught")]


def test_libraries_together_have_the_tags_of_all(music, tmp_path):
    put_tagged(tmp_path / "more/3.flac", tune(3, 8), "Three", "Tri")
    index_music(tmp_path / "more", tmp_path / "second", "landmarks")
    both = open_libraries([tmp_path / "library", tmp_path / "second"])
    assert sorted(tags.name for tags in both.tags.values()) == [
        "One – Ace", "Three – Tri", "Zero – Naught"
    ]  # fmt: skip
