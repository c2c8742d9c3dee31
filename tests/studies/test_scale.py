"""The scale study on a small enlarged catalogue."""

import weakref

import numpy as np
import pandas as pd
import pytest

from helpers.stores import segments
from neuralsampleid.errors import UserError
from neuralsampleid.fingerprints.segments import Segments
from neuralsampleid.studies import scale
from neuralsampleid.studies.scale import (
    COLUMNS,
    DISTANCE_COLUMNS,
    compare_kinds,
    neighbour_distances,
    open_enlarged,
    queries_of_length,
    sounding_tracks,
    write_enlarged,
)

SIZE = 16


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def tracks(count: int, seed: int, segments: int = 40) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {f"t{seed}_{n}": unit(rng.normal(size=(segments, SIZE))) for n in range(count)}


def joined(found: dict[str, np.ndarray], silent: int = 0) -> Segments:
    parts = [segments(name, rows, length=1.0, silent=range(silent)) for name, rows in found.items()]
    return Segments.join(parts)


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """References, the enlarged catalogue, and queries that are references with noise."""
    folder = tmp_path_factory.mktemp("scale")
    references, noise = tracks(4, 0), tracks(6, 1)
    write_enlarged(folder / "catalogue", references, noise, 3000, 8, 5)
    rng = np.random.default_rng(2)
    heard = {
        f"q{n}": unit(rows + 0.15 * rng.normal(size=rows.shape))
        for n, rows in enumerate(references.values())
    }
    queries = pd.DataFrame(
        {
            "task": "segment",
            "query_id": list(heard),
            "query_start_s": 2.0,
            "query_end_s": 7.0,
            "query_seconds": 5.0,
            "relevant": list(references),
        }
    )
    return folder / "catalogue", references, noise, joined(heard), queries


def test_the_catalogue_begins_with_what_is_real(material):
    folder, references, noise, *_ = material
    database = open_enlarged(folder, 3000, list(references))
    real = np.concatenate([*references.values(), *noise.values()])
    np.testing.assert_array_equal(database.embeddings[: len(real)], real)
    assert database.track_ids[:4] == list(references)
    assert len(database.track_ids) == database.tracks[-1] + 1
    assert (np.diff(database.tracks) >= 0).all()
    assert np.bincount(database.tracks)[:-1].tolist() == [40] * (len(database.track_ids) - 1)
    smaller = open_enlarged(folder, 200, list(references))
    np.testing.assert_array_equal(smaller.embeddings, database.embeddings[:200])
    with pytest.raises(UserError, match="3000 segments, expected at least 3001"):
        open_enlarged(folder, 3001, list(references))


def test_kinds_are_measured_against_flat(material):
    folder, references, _, store, queries = material
    database = open_enlarged(folder, 3000, list(references))
    kinds = ["flat", "ivf", "hnsw"]
    table = compare_kinds(
        database, queries, store, kinds, candidates=10, seed=0, threads=1
    ).set_index("kind")
    assert list(table.reset_index()[list(COLUMNS)]) == list(COLUMNS)
    assert list(table.index) == kinds
    assert table.loc["flat", "kept"] == 1.0
    assert table.loc["flat", ["hit_1", "hit_3", "hit_10"]].tolist() == [1.0, 1.0, 1.0]
    assert 0 < table.loc["ivf", "kept"] < 1.0  # an eighth of the cells of shapeless data
    assert table.loc["hnsw", "kept"] > 0.95
    assert table.loc["flat", "bytes_per_segment"] == pytest.approx(4 * SIZE + 8, rel=0.02)
    assert table.loc["hnsw", "bytes_per_segment"] > table.loc["ivf", "bytes_per_segment"]
    assert (table["ms_one_thread"] > 0).all()
    assert (table["segments"] == 3000).all()


def test_no_two_indexes_are_in_memory(material, monkeypatch):
    folder, references, _, store, queries = material
    build, built = scale.build_index, []

    def watched(*arguments, **options):
        assert not [index for index in built if index() is not None]
        index = build(*arguments, **options)
        built.append(weakref.ref(index))
        return index

    monkeypatch.setattr(scale, "build_index", watched)
    database = open_enlarged(folder, 500, list(references))
    assert isinstance(database.embeddings, np.memmap)
    compare_kinds(
        database, queries, store, ["flat", "ivf", "hnsw"], candidates=5, seed=0, threads=2
    )
    assert [index() for index in built] == [None] * 3


def test_silent_segments_and_other_lengths_are_left_out(material):
    *_, queries = material
    store = joined(tracks(2, 7), silent=3)
    assert [len(rows) for rows in sounding_tracks(store).values()] == [37, 37]
    whole = queries.assign(task="full_track")
    assert len(queries_of_length(pd.concat([queries, whole]), 5.0)) == len(queries)
    with pytest.raises(UserError, match=r"scale\.query_seconds: no query of 9 s"):
        queries_of_length(queries, 9.0)


def test_distances_stand_side_by_side():
    queries = np.concatenate(list(tracks(3, 8).values()))
    table = neighbour_distances(queries, list(tracks(8, 9).values()), components=4, seed=0)
    assert list(table) == list(DISTANCE_COLUMNS)
    assert set(table["catalogue"]) == {"fitted noise", "held-out noise", "distractors"}
    middle = table[table["share"] == 0.5].set_index(["catalogue", "neighbour"])["distance"]
    for neighbour in (1, 20):
        real, made = middle["held-out noise", neighbour], middle["distractors", neighbour]
        assert made == pytest.approx(real, abs=0.05)
    assert middle["distractors", 1] < middle["distractors", 20]
