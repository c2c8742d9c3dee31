"""Scoring many pairs at once gives what the re-ranker gives pair by pair."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralsampleid.config import Reranker
from neuralsampleid.matching.pair_scores import PairScorer
from neuralsampleid.models.checkpoint import make_reranker

CHANNELS, NODES = 8, 3
RERANKER = make_reranker(Reranker(heads=2, hidden_size=5), (CHANNELS, NODES), seed=3).eval()
DATABASE = np.random.default_rng(0).standard_normal((40, CHANNELS, NODES)).astype(np.float32)
QUERIES = np.random.default_rng(1).standard_normal((7, CHANNELS, NODES)).astype(np.float32)


@torch.inference_mode()
def one_by_one(query, row):
    pair = torch.from_numpy(query)[None], torch.from_numpy(DATABASE[row])[None]
    return float(RERANKER.score(*pair)[0])


@settings(max_examples=30)
@given(
    queries=st.integers(1, 7),
    rows=st.lists(st.integers(0, 39), min_size=1, max_size=60),
    threads=st.integers(1, 2),
    at_once=st.integers(1, 70),
    kept=st.sampled_from([0, 10_000, 1 << 30]),
)
def test_a_grid_equals_single_pairs(queries, rows, threads, at_once, kept):
    scorer = PairScorer(RERANKER, lambda wanted: DATABASE[wanted], threads, kept, at_once=at_once)
    found = scorer.grid(QUERIES[:queries], np.array(rows))
    again = scorer.grid(QUERIES[:queries], np.array(rows))
    expected = [[one_by_one(query, row) for row in rows] for query in QUERIES[:queries]]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(again, found, atol=1e-6)


@pytest.mark.parametrize("at_once", [2, 512])
def test_pairs_of_their_own(at_once):
    rows = np.array([[3, -1], [-1, -1], [3, 5], [39, 0]])
    scorer = PairScorer(RERANKER, lambda wanted: DATABASE[wanted], 2, at_once=at_once)
    found = scorer.pairs(QUERIES[:4], rows)
    for segment, place in np.ndindex(*rows.shape):
        row = rows[segment, place]
        expected = one_by_one(QUERIES[segment], row) if row >= 0 else np.nan
        assert found[segment, place] == pytest.approx(expected, abs=1e-6, nan_ok=True)


def test_in_bfloat16_scores_are_nearly_the_same():
    rows = np.arange(12)
    full, half = (
        PairScorer(RERANKER, lambda wanted: DATABASE[wanted], 2, precision=precision)
        for precision in ("float32", "bfloat16")
    )
    exact, rounded = full.grid(QUERIES, rows), half.grid(QUERIES, rows)
    assert rounded.dtype == np.float32
    assert not np.array_equal(exact, rounded)
    np.testing.assert_allclose(rounded, exact, atol=0.02)
    own = np.stack([rows[:4]] * 2)
    np.testing.assert_allclose(half.pairs(QUERIES[:2], own), exact[:2, :4], atol=0.02)


def test_no_candidate_at_all():
    scorer = PairScorer(RERANKER, lambda wanted: DATABASE[wanted])
    assert np.isnan(scorer.pairs(QUERIES[:2], np.full((2, 3), -1))).all()
    assert not scorer.passing(QUERIES[:2], np.full((2, 3), -1)).any()


def test_each_candidate_is_projected_once():
    asked = []

    def nodes_of(rows):
        asked.extend(rows.tolist())
        return DATABASE[rows]

    scorer = PairScorer(RERANKER, nodes_of)
    scorer.grid(QUERIES, np.array([4, 2, 4]))
    scorer.grid(QUERIES, np.array([2, 7]))
    scorer.pairs(QUERIES[:1], np.array([[7, 4]]))
    assert sorted(asked) == [2, 4, 7]


def test_torch_gets_its_threads_back():
    before = torch.get_num_threads()
    PairScorer(RERANKER, lambda wanted: DATABASE[wanted], 2).grid(QUERIES, np.arange(5))
    assert torch.get_num_threads() == before


def test_nan_stays_with_its_pair():
    queries = QUERIES[:2].copy()
    queries[1, 0, 0] = np.nan
    found = PairScorer(RERANKER, lambda wanted: DATABASE[wanted]).grid(queries, np.arange(4))
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all()
