"""Tables of a library's triples: made once, extended, damaged, killed; always the same answers."""

import numpy as np
import pytest

from neuralsampleid.config import Landmarks, PeakFinding
from neuralsampleid.errors import UserError
from neuralsampleid.landmarks.index import LandmarkIndex
from neuralsampleid.landmarks.peaks import Peaks
from neuralsampleid.library import tables
from neuralsampleid.library.schema import LandmarkInfo, LibraryInfo
from neuralsampleid.library.store import (
    File,
    Track,
    changing_library,
    create_library,
    open_library,
)
from neuralsampleid.library.tables import index_of, update_tables

INFO = LandmarkInfo(peaks=PeakFinding(percussive_n_fft=None), settings=Landmarks())
FRAMES = 1500


def peaks_of(number):
    rng = np.random.default_rng(number)
    return Peaks.at(np.sort(rng.uniform(0, FRAMES, 400)), rng.uniform(0, 198, 400))


def excerpt_of(number, first=400, last=1100):
    own = peaks_of(number)
    inside = (own.frames >= first) & (own.frames < last)
    return Peaks(own.frames[inside] - first, own.bins[inside])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A library whose tables are full with three tracks."""
    monkeypatch.setattr(tables, "TABLE_FRAMES", 3 * 1536)
    monkeypatch.setattr(tables.divide, "__defaults__", (3 * 1536,))
    create_library(tmp_path / "library", LibraryInfo(music="/music", landmarks=INFO))
    return tmp_path / "library"


def add(folder, *numbers):
    with changing_library(folder) as writer:
        for number in numbers:
            seconds = FRAMES * INFO.peaks.frame_s
            track = Track(seconds, landmarks=peaks_of(number))
            writer.add(File(f"{number}.wav", 1, 1), str(number), track)
    update(folder)


def forget(folder, *numbers):
    with changing_library(folder) as writer:
        writer.forget([f"{number}.wav" for number in numbers])
        writer.tidy()
    update(folder)


def update(folder):
    library = open_library(folder)
    update_tables(folder, library.landmarks, INFO)


def files(folder):
    return {path.name: path.stat().st_mtime_ns for path in (folder / "triples").iterdir()}


def held(folder):
    """The tracks of each table, by the order of their numbers."""
    found = [stored.numbers.tolist() for stored in tables.stored_tables(folder, INFO)]
    return sorted(found)


def check(folder, number):
    """An excerpt of a track is found, as in tracks in memory, and no other track is near it."""
    library = open_library(folder)
    found = index_of(library.landmarks, INFO).best(excerpt_of(number))
    memory = LandmarkIndex.of(list(library.landmarks), INFO.peaks, INFO.settings)
    expected = memory.best(excerpt_of(number))
    for name, values in vars(expected).items():
        np.testing.assert_array_equal(getattr(found, name), values)
    assert library.sha256[int(found.scores.argmax())] == str(number)
    assert found.scores.max() > 100


def test_tables_are_made_once_and_extended(folder):
    add(folder, 0, 1, 2, 3)
    assert held(folder) == [[1, 2, 3], [4]]
    first = files(folder)
    update(folder)
    assert files(folder) == first
    add(folder, 4)
    assert held(folder) == [[1, 2, 3], [4, 5]]
    assert len(first.keys() & files(folder).keys()) == 1  # the full one stays
    for number in range(5):
        check(folder, number)


def test_tracks_that_go_are_not_found_and_small_tables_are_joined(folder):
    add(folder, 0, 1, 2, 3, 4, 5, 6)
    forget(folder, 1)
    assert held(folder) == [[1, 2, 3], [4, 5, 6], [7]]
    check(folder, 0)
    forget(folder, 2)  # a third of the table is left
    assert held(folder) == [[1, 7], [4, 5, 6]]
    for number in (0, 3, 6):
        check(folder, number)
    forget(folder, 0, 3, 4, 5, 6)
    assert held(folder) == []
    library = open_library(folder)
    assert len(index_of(library.landmarks, INFO).best(excerpt_of(1)).scores) == 0


def test_what_is_missing_or_damaged_is_searched_in_memory_and_made_again(folder, caplog):
    add(folder, 0, 1, 2, 3)
    one, other = sorted((folder / "triples").iterdir())
    one.unlink()
    other.write_bytes(other.read_bytes()[:-4])
    assert held(folder) == []
    for number in range(4):
        check(folder, number)
    assert f"{folder}: no table holds the landmarks of 4 tracks" in caplog.text
    update(folder)
    assert held(folder) == [[1, 2, 3], [4]]
    caplog.clear()
    check(folder, 0)
    assert not caplog.text


@pytest.mark.parametrize("seed", range(20))
def test_a_table_with_other_bytes_is_answered_or_left_out(folder, seed):
    """Nothing is read beyond it: the process does not end."""
    add(folder, 0, 1, 2)
    (path,) = (folder / "triples").iterdir()
    rng, content = np.random.default_rng(seed), bytearray(path.read_bytes())
    for place in rng.integers(0, len(content), 200):
        content[place] = int(rng.integers(256))
    if seed % 2:  # only rows and times, which no check refuses
        table = tables.stored_tables(folder, INFO)[0].table
        content, rows = bytearray(path.read_bytes()), 8 * 5 + 16 * 3
        content[rows : rows + 800] = rng.bytes(800)
        content[-3 * len(table.rows) :] = rng.bytes(3 * len(table.rows))
    path.write_bytes(content)
    library = open_library(folder)
    scores = index_of(library.landmarks, INFO).best(excerpt_of(1)).scores
    assert len(scores) == 3


def test_a_track_that_two_tables_hold_counts_once(folder):
    """nsid index was stopped after it had written a new table, before it removed the old one."""
    add(folder, 0)
    (old,) = (folder / "triples").iterdir()
    content = old.read_bytes()
    add(folder, 1)
    old.write_bytes(content)
    assert held(folder) == [[1], [1, 2]]
    check(folder, 0)
    check(folder, 1)
    update(folder)
    assert held(folder) == [[1, 2]]


def test_a_track_that_went_meanwhile_is_said(folder):
    add(folder, 0, 1)
    library = open_library(folder)
    forget(folder, 0)
    with pytest.raises(UserError, match="nsid index has changed it meanwhile"):
        library.landmarks[0]
    assert len(library.landmarks[1:]) == 1
