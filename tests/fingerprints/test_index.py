"""The search index: against brute force, with too little data, on other devices, on the disk."""

import logging
from itertools import pairwise
from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralsampleid import config
from neuralsampleid.errors import UserError
from neuralsampleid.fingerprints.index import (
    build_index,
    feasible_kind,
    load_index,
    search_blocks,
    sized,
    use_gpu,
)

ERROR = {"ivfpq": 0.2, "ivfpq_rescored": 0.01}  # of inner products, by coding
KINDS = ("flat", "ivf", "ivfpq", "hnsw", "ivfpq_rescored")


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def fingerprints(rows: int = 2000, size: int = 16, seed: int = 0) -> np.ndarray:
    """Clustered like music, not spread evenly over the sphere."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(50, size))
    return unit(centres[random.integers(0, 50, rows)] + 0.4 * random.normal(size=(rows, size)))


def asked(kind: str, **values: object) -> config.Index:
    small = {"lists": 16, "probes": 8, "subquantizers": 8, "bits": 6}
    return config.Index.model_validate({"kind": kind, **small, **values})


def near(vectors: np.ndarray, number: int = 100) -> np.ndarray:
    noise = np.random.default_rng(1).normal(size=(number, vectors.shape[1]))
    return unit(vectors[:number] + 0.02 * noise)


@settings(max_examples=25)
@given(rows=st.integers(1, 60), k=st.integers(1, 10), seed=st.integers(0, 2**16))
def test_flat_is_brute_force(rows: int, k: int, seed: int):
    random = np.random.default_rng(seed)
    vectors = unit(random.normal(size=(rows, 5)))
    queries = (3 * random.normal(size=(7, 5))).astype(np.float32)
    distances, found = build_index(vectors, asked("flat")).search(queries, k)
    every = np.square(queries[:, None] - vectors).sum(axis=2)
    expected = np.sort(every, axis=1)[:, :k]
    np.testing.assert_allclose(distances[:, : min(k, rows)], expected, atol=1e-4)
    assert distances.dtype == np.float32
    assert found.dtype == np.int64
    assert found.shape == distances.shape == (7, k)
    valid = found >= 0
    assert valid.sum() == 7 * min(k, rows)
    picked = np.take_along_axis(every, np.where(valid, found, 0), axis=1)
    np.testing.assert_allclose(distances[valid], picked[valid], atol=1e-4)


@settings(max_examples=25)
@given(cuts=st.lists(st.integers(1, 59), unique=True, max_size=5), k=st.integers(1, 70))
def test_blocks_are_searched_as_the_whole(cuts: list[int], k: int):
    vectors = fingerprints(60)
    borders = [0, *sorted(cuts), 60]
    blocks = [(first, vectors[first:last]) for first, last in pairwise(borders)]
    similar, found = search_blocks(blocks, near(vectors, 9), k)
    expected = build_index(vectors, asked("flat")).search(near(vectors, 9), k)
    np.testing.assert_array_equal(found, expected[1])
    products = np.einsum("qd,qkd->qk", near(vectors, 9), vectors[found[:, : min(k, 60)]])
    np.testing.assert_allclose(similar[:, : min(k, 60)], products, atol=1e-5)
    assert (search_blocks([], vectors, 2)[1] == -1).all()


@pytest.mark.parametrize(
    ("kind", "recall"),
    [("flat", 1), ("ivf", 0.95), ("ivfpq", 0.6), ("hnsw", 0.98), ("ivfpq_rescored", 0.9)],
)
def test_recall_against_brute_force(kind: str, recall: float):
    vectors = fingerprints()
    queries = near(vectors)
    built = build_index(vectors, asked(kind))
    assert (built.kind, built.reason) == (kind, "")
    _, found = built.search(queries, 10)
    true = np.argsort(-(queries @ vectors.T), axis=1)[:, :10]
    hits = [len(set(a) & set(b)) / 10 for a, b in zip(found, true, strict=True)]
    assert np.mean(hits) >= recall


@pytest.mark.parametrize("kind", KINDS)
def test_distances_are_about_those_of_the_rows(kind: str):
    vectors = fingerprints()
    queries = near(vectors)
    distances, found = build_index(vectors, asked(kind)).search(queries, 3)
    expected = 2 - 2 * np.einsum("qd,qkd->qk", queries, vectors[found])  # of length 1
    np.testing.assert_allclose(distances, expected, atol=2 * ERROR.get(kind, 1e-5))
    assert (np.diff(distances, axis=1) >= 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_silent_rows_are_never_found_and_the_others_keep_their_numbers(kind: str):
    vectors = fingerprints()
    silent = np.arange(len(vectors)) % 3 == 0
    vectors[silent] = 0
    _, found = build_index(vectors, asked(kind), silent=silent).search(near(vectors[1:]), 5)
    assert not silent[found].any()
    _, found = build_index(vectors, asked("flat"), silent=silent).search(vectors[~silent], 1)
    np.testing.assert_array_equal(found[:, 0], np.flatnonzero(~silent))


@pytest.mark.parametrize("kind", KINDS)
def test_same_results_again_and_with_more_threads(kind: str):
    vectors = fingerprints()
    queries = near(vectors)
    first = build_index(vectors, asked(kind)).search(queries, 10)
    again = build_index(vectors, asked(kind), threads=2).search(queries, 10, threads=2)
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])


def test_threads_are_put_back():
    before = faiss.omp_get_max_threads()
    build_index(fingerprints(100), asked("flat"), threads=before + 1)
    assert faiss.omp_get_max_threads() == before


@pytest.mark.parametrize("kind", KINDS)
def test_saved_and_loaded_it_finds_the_same(kind: str, tmp_path: Path):
    vectors = fingerprints()
    silent = np.arange(len(vectors)) < 10
    built = build_index(vectors, asked(kind), silent=silent)
    built.save(tmp_path / "index.faiss")
    loaded = load_index(tmp_path / "index.faiss")
    assert loaded.kind == kind
    for before, after in zip(
        built.search(near(vectors), 10), loaded.search(near(vectors), 10), strict=True
    ):
        np.testing.assert_array_equal(before, after)
    assert [path.name for path in tmp_path.iterdir()] == ["index.faiss"]


@pytest.mark.parametrize(
    ("kind", "points", "size", "got", "reason"),
    [
        ("ivfpq", 64, 16, "ivfpq", ""),
        ("ivfpq", 63, 16, "ivf", "63 training vectors, 64 codes"),
        ("ivfpq", 15, 16, "flat", "15 training vectors, 16 lists"),
        ("ivfpq", 64, 12, "ivf", "8 subquantizers do not divide embedding size 12"),
        ("ivfpq", 15, 12, "flat", "12; 15 training vectors, 16 lists"),
        ("ivf", 16, 16, "ivf", ""),
        ("ivf", 15, 16, "flat", "15 training vectors, 16 lists"),
        ("ivfpq_rescored", 64, 16, "ivfpq_rescored", ""),
        ("ivfpq_rescored", 63, 16, "ivf", "63 training vectors, 64 codes"),
        ("hnsw", 1, 16, "hnsw", ""),
        ("flat", 1, 16, "flat", ""),
    ],
)
def test_too_few_data_fall_back_with_a_reason(
    kind: str, points: int, size: int, got: str, reason: str
):
    found, message = feasible_kind(asked(kind), points, size)
    assert found == got
    assert reason in message
    assert bool(message) == bool(reason)


@pytest.mark.parametrize(("kind", "points"), [("ivfpq", 64), ("ivf", 16), ("hnsw", 1), ("flat", 1)])
def test_the_fewest_data_that_a_kind_allows_work_without_warnings(
    kind: str, points: int, capfd: pytest.CaptureFixture[str]
):
    vectors = fingerprints(points)
    built = build_index(vectors, asked(kind))
    assert built.kind == kind
    _, found = built.search(vectors, 1)
    assert (found >= 0).all()
    assert capfd.readouterr() == ("", "")


def test_the_fallback_is_logged_and_works(caplog: pytest.LogCaptureFixture):
    vectors = fingerprints(10)
    with caplog.at_level(logging.WARNING):
        built = build_index(vectors, asked("ivfpq"))
    assert caplog.messages == [built.reason]
    assert built.reason.startswith("index: 'flat' instead of 'ivfpq': 10 training vectors")
    np.testing.assert_array_equal(built.search(vectors, 1)[1][:, 0], np.arange(10))


def test_training_vectors_of_their_own_decide_the_kind():
    vectors = fingerprints(10)
    built = build_index(vectors, asked("ivf"), training=fingerprints(500, seed=3))
    assert built.kind == "ivf"
    assert build_index(fingerprints(500), asked("ivf"), training=vectors).kind == "flat"


def test_more_probes_than_lists_search_everything():
    vectors = fingerprints()
    _, found = build_index(vectors, asked("ivf", probes=99)).search(near(vectors), 5)
    _, exact = build_index(vectors, asked("flat")).search(near(vectors), 5)
    np.testing.assert_array_equal(found, exact)


def test_rescoring_finds_more_of_what_is_nearest():
    vectors = fingerprints()
    queries = near(vectors)
    true = np.argsort(-(queries @ vectors.T), axis=1)[:, :10]
    shares = []
    for kind in ("ivfpq", "ivfpq_rescored"):
        _, found = build_index(vectors, asked(kind, probes=16)).search(queries, 10)
        shares.append(
            np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, true, strict=True)])
        )
    assert shares[1] > shares[0] + 0.1
    assert shares[1] > 0.97


def test_large_catalogues_are_added_in_parts():
    vectors = fingerprints()
    silent = np.arange(len(vectors)) % 7 == 0
    whole = build_index(vectors, asked("ivf"), silent=silent).search(near(vectors), 5)
    parts = build_index(vectors, asked("ivf"), silent=silent, added_at_once=300)
    parts = parts.search(near(vectors), 5)
    np.testing.assert_array_equal(whole[1], parts[1])


def test_auto_is_exact_up_to_a_million_segments_and_compact_beyond():
    settings = asked("auto")
    assert sized(settings, 1_000_000).kind == "flat"
    large = sized(settings, 10_000_000)
    assert (large.kind, large.lists, large.probes) == ("ivfpq_rescored", 8192, 1024)
    assert sized(asked("ivf"), 10_000_000) == asked("ivf")
    assert build_index(fingerprints(), settings).kind == "flat"


def test_only_silence_is_an_error():
    with pytest.raises(UserError, match="all 4 segments are silent"):
        build_index(fingerprints(4), asked("flat"), silent=np.ones(4, bool))


def test_gpu_asked_for_and_absent(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 0)
    with pytest.raises(UserError, match="device: 'cuda'"):
        build_index(fingerprints(10), asked("flat"), device="cuda")


def test_a_gpu_that_is_there_is_used_unless_told_otherwise():
    assert use_gpu("auto", "flat", gpus=1)
    assert use_gpu("cuda", "ivf", gpus=1)
    assert not use_gpu("cpu", "flat", gpus=1)
    assert not use_gpu("auto", "flat", gpus=0)
    assert not use_gpu("cuda", "hnsw", gpus=1)  # FAISS has it for the CPU only


def test_files_that_are_no_index(tmp_path: Path):
    with pytest.raises(UserError, match="no such file"):
        load_index(tmp_path / "index.faiss")
    (tmp_path / "text").write_text("not an index")
    with pytest.raises(UserError, match="not an index"):
        load_index(tmp_path / "text")
    faiss.write_index(faiss.IndexFlatL2(4), str(tmp_path / "unlabelled"))
    with pytest.raises(UserError, match="not an index that this program wrote"):
        load_index(tmp_path / "unlabelled")
    faiss.write_index(faiss.IndexIDMap(faiss.IndexLSH(4, 8)), str(tmp_path / "other"))
    with pytest.raises(UserError, match="a FAISS IndexLSH, expected"):
        load_index(tmp_path / "other")


@pytest.mark.parametrize("kind", KINDS)
def test_excluded_rows_are_passed_over(kind: str):
    """As many rows are found as before, and they are those that a longer search finds."""
    vectors = fingerprints(600)
    index = build_index(vectors, asked(kind))
    queries, excluded = near(vectors, 40), np.arange(0, 600, 3)
    distances, found = index.search(queries, 10, excluded=excluded)
    assert (found % 3 != 0).all()
    assert (found >= 0).all()
    longer = index.search(queries, 300)[1]
    kept = [row[(row % 3 != 0) & (row >= 0)][:10] for row in longer]
    if kind == "hnsw":  # a search of its graph that is longer may also find better
        same = np.mean([len(np.intersect1d(a, b)) / 10 for a, b in zip(found, kept, strict=True)])
        assert same > 0.95
    else:
        np.testing.assert_array_equal(found, kept)
    assert (np.diff(distances, axis=1) >= -1e-6).all()
    nothing = index.search(queries, 10, excluded=np.array([], np.int64))
    np.testing.assert_array_equal(nothing[1], index.search(queries, 10)[1])
