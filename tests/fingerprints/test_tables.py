"""Tables of fingerprints: what a search of some cells keeps, files, damage."""

import numpy as np
import pytest

from neuralsampleid.fingerprints.nearest import FingerprintIndex
from neuralsampleid.fingerprints.segments import Segments
from neuralsampleid.fingerprints.tables import make_table, read_table, write_table

SIZE, TRACKS, LENGTH = 32, 40, 150


def unit(values):
    return (values / np.linalg.norm(values, axis=-1, keepdims=True)).astype(np.float32)


def tracks_of(seed=0):
    """Tracks whose segments are more alike than those of others."""
    rng = np.random.default_rng(seed)
    own, common = (
        rng.standard_normal((TRACKS, LENGTH, SIZE)),
        rng.standard_normal((TRACKS, 1, SIZE)),
    )
    return unit(own + common)


def segments_of(tracks):
    counts = {str(number): len(track) for number, track in enumerate(tracks)}
    return Segments.of(counts, np.concatenate(list(tracks)), seconds=np.ones(len(tracks)))


def table_of(tracks, first=0):
    owners = np.repeat(np.arange(first, first + len(tracks)), LENGTH)
    numbers = np.tile(np.arange(LENGTH), len(tracks))
    return make_table(np.concatenate(list(tracks)), owners, numbers)


def empty(count):
    return Segments.of({str(n): 0 for n in range(count)}, np.zeros((0, SIZE), np.float32),
                       seconds=np.ones(count))  # fmt: skip


@pytest.fixture(scope="module")
def tracks():
    return tracks_of()


@pytest.fixture(scope="module")
def asked(tracks):
    rng = np.random.default_rng(1)
    rows = tracks[rng.integers(0, TRACKS, 200), rng.integers(0, LENGTH, 200)]
    return unit(rows + 0.05 * rng.standard_normal(rows.shape))


def test_a_table_finds_nearly_what_an_exact_search_finds(tracks, asked):
    exact = FingerprintIndex(segments_of(tracks)).nearest(asked, 10)
    places = np.arange(TRACKS)
    found = FingerprintIndex(empty(TRACKS), [(table_of(tracks), places)]).nearest(asked, 10)
    own, expected = (each.tracks * LENGTH + each.numbers for each in (found, exact))
    kept = [len(np.intersect1d(*rows)) / 10 for rows in zip(own, expected, strict=True)]
    assert np.mean(kept) > 0.8
    assert np.mean(own[:, 0] == expected[:, 0]) > 0.9


def test_tables_and_memory_are_searched_as_one(tracks, asked):
    """Some tracks in two tables, under other numbers; some in memory."""
    places = np.full(25, -1)
    places[15:25] = np.arange(10, 20)  # the second table's numbers
    counts = [LENGTH if number >= 20 else 0 for number in range(TRACKS)]
    memory = Segments.of(
        {str(number): count for number, count in enumerate(counts)},
        np.concatenate(list(tracks[20:])),
        seconds=np.ones(TRACKS),
    )
    tables = [(table_of(tracks[:10]), np.arange(10)), (table_of(tracks[10:20], 15), places)]
    index = FingerprintIndex(memory, tables)
    found = index.nearest(asked, 5)
    exact = FingerprintIndex(segments_of(tracks)).nearest(asked, 1)
    same = (found.tracks[:, 0] == exact.tracks[:, 0]) & (found.numbers[:, 0] == exact.numbers[:, 0])
    assert same.mean() > 0.9
    without = {3, 12, 30}
    assert {3, 12, 30} <= set(np.unique(found.tracks))
    left = index.nearest(asked, 5, without)
    assert not without & set(np.unique(left.tracks).tolist())
    assert (left.tracks >= 0).all()


def test_a_track_that_is_gone_is_not_found(tracks, asked):
    places = np.where(np.arange(TRACKS) % 2, np.arange(TRACKS), -1)
    found = FingerprintIndex(empty(TRACKS), [(table_of(tracks), places)]).nearest(asked, 5)
    assert set(np.unique(found.tracks % 2).tolist()) == {1}


def test_fewer_rows_than_asked_for():
    few = tracks_of()[:1, :3]
    table = make_table(few[0], np.zeros(3, np.int64), np.arange(3))
    found = FingerprintIndex(empty(1), [(table, np.zeros(1, np.int64))]).nearest(few[0], 5)
    assert sorted(found.numbers[0, :3].tolist()) == [0, 1, 2]
    assert (found.tracks[:, 3:] == -1).all()
    nothing = FingerprintIndex(empty(1)).nearest(few[0], 2)
    assert (nothing.tracks == -1).all()


def test_a_file_holds_a_table(tracks, asked, tmp_path):
    table = table_of(tracks, 7)
    write_table(tmp_path / "a.table", table)
    found = read_table(tmp_path / "a.table")
    np.testing.assert_array_equal(found.numbers, np.arange(7, 7 + TRACKS))
    for own, expected in zip(found.search(asked, 4, [9]), table.search(asked, 4, [9]), strict=True):
        np.testing.assert_array_equal(own, expected)
    assert [path.name for path in tmp_path.iterdir()] == ["a.table"]
    assert read_table(tmp_path / "missing.table") is None


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_file_is_none_or_is_searched(tracks, asked, tmp_path, seed):
    """Nothing is read beyond it: the process does not end."""
    path, rng = tmp_path / "a.table", np.random.default_rng(seed)
    write_table(path, table_of(tracks))
    content = bytearray(path.read_bytes())
    if seed % 3 == 0:
        del content[int(rng.integers(len(content))) :]
    elif seed % 3 == 1:
        for place in rng.integers(0, len(content), 100):
            content[place] = int(rng.integers(256))
    else:  # rows alone, which no checksum covers
        start = len(content) // 2
        content[start : start + 2000] = rng.bytes(2000)
    path.write_bytes(content)
    table = read_table(path)
    if seed % 3 == 2:
        assert table is not None
    if table is not None:
        found = FingerprintIndex(empty(TRACKS), [(table, np.arange(TRACKS))]).nearest(asked, 5)
        assert ((found.tracks >= -1) & (found.tracks < TRACKS)).all()
