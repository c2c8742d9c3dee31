"""Tables of a library's fingerprints: made when there is enough, kept, made again."""

from dataclasses import replace

import numpy as np
import pytest

from neuralsampleid.fingerprints.segments import Segments
from neuralsampleid.library import fingerprint_tables
from neuralsampleid.library.blobs import fingerprints_as_bytes, fingerprints_from
from neuralsampleid.library.fingerprint_tables import index_of, stored_tables, update_tables
from neuralsampleid.library.joining import open_libraries
from neuralsampleid.library.schema import EncoderInfo, LibraryInfo
from neuralsampleid.library.store import (
    File,
    Track,
    changing_library,
    create_library,
    open_library,
)

SIZE, ROWS = 16, 50
ENCODER = EncoderInfo(
    weights="shipped", weights_sha256="0", architecture="gnn", graph=None, embedding_size=SIZE,
    segment_s=2.0, segment_hop=1, hop_s=0.5,
)  # fmt: skip


def segments_of(number):
    values = np.random.default_rng(number).standard_normal((ROWS, SIZE))
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    # Every third is silent and left out.
    numbers = np.array([place for place in range(3 * ROWS) if place % 3][:ROWS])
    starts = 0.5 * numbers
    times = {"starts_s": starts, "ends_s": starts + 2.0}
    return Segments.of({"": ROWS}, values.astype(np.float32), **times, numbers=numbers)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A library that makes tables of three to five tracks."""
    monkeypatch.setattr(fingerprint_tables, "LEAST_ROWS", 3 * ROWS)
    monkeypatch.setattr(fingerprint_tables, "MOST_ROWS", 5 * ROWS)
    create_library(tmp_path / "library", LibraryInfo(music="/music", encoder=ENCODER))
    return tmp_path / "library"


def add(folder, *numbers):
    with changing_library(folder) as writer:
        for number in numbers:
            track = Track(80.0, segments_of(number))
            writer.add(File(f"{number}.wav", 1, 1), str(number), track)
    update_tables(folder, open_library(folder).fingerprints)


def forget(folder, *numbers):
    with changing_library(folder) as writer:
        writer.forget([f"{number}.wav" for number in numbers])
        writer.tidy()
    update_tables(folder, open_library(folder).fingerprints)


def held(folder):
    return sorted(table.numbers.tolist() for _, table in stored_tables(folder))


def check(folder, *numbers):
    """Each track's segments are found in it, at their numbers."""
    check_library(open_library(folder), *numbers)


def check_library(library, *numbers):
    index = index_of(library.fingerprints)
    for number in numbers:
        own = segments_of(number)
        found = index.nearest(own.embeddings, 1)
        assert {library.sha256[place] for place in found.tracks[:, 0]} == {str(number)}
        np.testing.assert_array_equal(found.numbers[:, 0], own.numbers)


@pytest.mark.parametrize("spread", [1.0, 1e-3])
def test_bytes_come_back(spread):
    """As exact as half a step, also where all segments are nearly one."""
    own = segments_of(0)
    values = 1 + spread * own.embeddings
    values = (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)
    own = replace(own, embeddings=values)
    numbers, embeddings = fingerprints_from(fingerprints_as_bytes(own), SIZE)
    np.testing.assert_array_equal(numbers, own.numbers)
    step = np.ptp(values, axis=0) / 255
    assert (np.abs(embeddings - values) <= 0.7 * step + 1e-6).all()
    assert (np.abs(embeddings - values).max(axis=0) > 0.1 * step).all()


def test_few_segments_and_what_nsid_did_not_write():
    one = Segments.of({"": 1}, np.full((1, SIZE), 0.25, np.float32), numbers=np.array([7]))
    numbers, embeddings = fingerprints_from(fingerprints_as_bytes(one), SIZE)
    assert numbers.tolist() == [7]
    np.testing.assert_array_equal(embeddings, one.embeddings)
    none = one.rows(slice(0, 0))
    assert fingerprints_from(fingerprints_as_bytes(none), SIZE)[1].shape == (0, SIZE)
    for wrong in (b"a", b"\0" * (9 * SIZE + 5), b"\xff" * (9 * SIZE + 4)):  # a step that is NaN
        with pytest.raises(ValueError, match=r"segments that nsid did not write|buffer"):
            fingerprints_from(wrong, SIZE)


def test_tables_are_made_of_enough_tracks_and_stay(folder):
    add(folder, 0, 1)
    assert held(folder) == []
    check(folder, 0, 1)
    add(folder, 2, 3, 4, 5, 6)
    assert held(folder) == [[1, 2, 3, 4, 5]]  # and two that are too few
    first = {path.name: path.stat().st_mtime_ns for path, _ in stored_tables(folder)}
    add(folder, 7)
    assert held(folder) == [[1, 2, 3, 4, 5], [6, 7, 8]]
    after = {path.name: path.stat().st_mtime_ns for path, _ in stored_tables(folder)}
    assert first.items() <= after.items()
    check(folder, *range(8))


def test_a_table_of_tracks_that_are_gone_is_made_again(folder):
    add(folder, *range(8))
    forget(folder, 2)
    assert held(folder) == [[1, 2, 4, 5], [6, 7, 8]]
    check(folder, 0, 1, 3, 4, 5, 6, 7)
    assert open_library(folder).sha256 == ["0", "1", "3", "4", "5", "6", "7"]


def test_what_is_missing_or_damaged_is_searched_exactly_and_made_again(folder):
    add(folder, *range(8))
    (one, _), (other, _) = stored_tables(folder)
    one.unlink()
    other.write_bytes(other.read_bytes()[:-4])
    (folder / "fingerprints" / ".left.table").touch()
    check(folder, *range(8))
    update_tables(folder, open_library(folder).fingerprints)
    assert held(folder) == [[1, 2, 3, 4, 5], [6, 7, 8]]
    assert len(list((folder / "fingerprints").iterdir())) == 2
    check(folder, *range(8))


def test_a_track_that_two_tables_hold_counts_once(folder):
    """nsid index was stopped before it removed the old one."""
    add(folder, *range(3))
    ((path, _),) = stored_tables(folder)
    content = path.read_bytes()
    add(folder, 3)
    (folder / "fingerprints" / "copy.table").write_bytes(content)
    library = open_library(folder)
    found = index_of(library.fingerprints).nearest(segments_of(1).embeddings, 4)
    pairs = [list(zip(*row, strict=True)) for row in zip(found.tracks, found.numbers, strict=True)]
    assert all(len(set(row)) == 4 for row in pairs)


def test_tables_of_several_libraries_are_searched_as_one(folder):
    """Numbers of tracks are those of both together, also of one that both hold."""
    add(folder, 0, 1, 2, 3, 4, 5)
    other = folder.with_name("other")
    create_library(other, LibraryInfo(music="/elsewhere", encoder=ENCODER))
    add(other, 7, 6, 3)
    assert (held(folder), held(other)) == ([[1, 2, 3, 4, 5]], [[1, 2, 3]])
    library = open_libraries([other, folder])
    assert sorted(library.sha256) == [str(number) for number in range(8)]
    assert library.paths[library.sha256.index("3")] == ["/elsewhere/3.wav", "/music/3.wav"]
    check_library(library, *range(8))
