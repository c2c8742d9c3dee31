"""From candidates of single segments to a ranking of tracks, on similarities chosen by hand."""

import numpy as np
import pandas as pd
import pytest

from helpers.scripted import matrices, scripted_reranker
from neuralsampleid import config
from neuralsampleid.data.formats import MATCHES
from neuralsampleid.errors import UserError
from neuralsampleid.retrieval.index import build_index
from neuralsampleid.retrieval.matching import (
    Candidates,
    Database,
    match_queries,
    rank_votes,
    segments_within,
)
from neuralsampleid.retrieval.store import open_store, writing_store

AXES = np.eye(4, dtype=np.float32)


def write(folder, tracks, nodes=None):
    """A store; its segments last 2 s and begin every second."""
    with writing_store(folder, {}) as writer:
        for place, (track, rows) in enumerate(tracks.items()):
            starts = np.arange(len(rows), dtype=float)
            silent = ~np.any(rows, axis=1)
            own = None if nodes is None else matrices(*nodes[place])
            writer.append(track, rows, starts_s=starts, ends_s=starts + 2, silent=silent, nodes=own)
    return folder


@pytest.fixture
def stores(tmp_path):
    """The query's first segment is nearest to r2, its second to r1; noise is not like it."""
    query = np.array([[0.6, 0.8, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]], np.float32)
    references = {"r1": AXES[:1], "r2": AXES[1:2]}
    return (
        open_store(write(tmp_path / "query", {"q": query}, [(2.0, 2.0, 0.0)])),
        [
            write(tmp_path / "noise", {"n": AXES[2:3]}, [(0.0,)]),
            write(tmp_path / "reference", references, [(1.0,), (-1.0,)]),
        ],
    )


def match(stores, **options):
    query_store, folders = stores
    database = Database.open(folders)
    index = build_index(database.embeddings, config.Index(kind="flat", device="cpu"))
    queries = pd.DataFrame(
        [("full_track", "q", 0.0, 4.0), ("segment", "q", 0.0, 2.0), ("segment", "q", 2.0, 4.0)],
        columns=["protocol", "query_id", "query_start_s", "query_end_s"],
    )
    return match_queries(queries, query_store, database, index, candidates=3, ranks=2, **options)


def test_a_track_gets_the_largest_vote_of_each_segment(stores):
    found = match(stores)
    assert list(found) == list(MATCHES)
    assert found[
        ["query_start_s", "query_end_s", "rank", "reference_id", "score"]
    ].values.tolist() == [
        # r1 is second and first; r2 is first, and behind the noise, whose similarity is the same
        [0.0, 4.0, 1, "r1", 1.5],
        [0.0, 4.0, 2, "r2", 1.333333],
        [0.0, 2.0, 1, "r2", 1.0],
        [0.0, 2.0, 2, "r1", 0.5],
        # the last two seconds are silent
    ]
    assert found[["reference_start_s", "reference_end_s"]].drop_duplicates().values.tolist() == [
        [0.0, 2.0]
    ]


def test_the_reranker_adds_its_probability_where_it_does_not_reject(stores):
    reranker = scripted_reranker()
    found = match(stores, reranker=reranker, reranked=2, weight=0.5)
    scores = found.set_index(["query_start_s", "query_end_s", "reference_id"])["score"]
    plain = match(stores).set_index(["query_start_s", "query_end_s", "reference_id"])["score"]
    added = (scores - plain).loc[(0.0, 2.0)]
    assert added["r2"] == 0
    assert added["r1"] == pytest.approx(0.5 / (1 + np.exp(-1)), abs=2e-6)


def test_votes_are_reciprocal_ranks():
    similarities = np.array([[0.9, 0.5, 0.4], [0.7, -np.inf, -np.inf]], np.float32)
    rows = np.array([[0, 1, 2], [3, -1, -1]])
    votes = rank_votes(Candidates(rows, similarities))
    np.testing.assert_allclose(votes, [[1, 1 / 2, 1 / 3], [1, 0, 0]])


def test_a_range_shorter_than_a_segment_has_the_nearest_one(stores):
    store = stores[0]
    assert segments_within(store, "q", 0.0, 3.0).tolist() == [0, 1]
    assert segments_within(store, "q", 1.6, 2.2).tolist() == [1]
    assert segments_within(store, "q", 2.0, 4.0).tolist() == []  # silent


def test_stores_that_do_not_fit_together(stores, tmp_path):
    folders = stores[1]
    with pytest.raises(UserError, match="stands in another store too"):
        Database.open([folders[0], folders[0]])
    other = write(tmp_path / "other", {"o": np.ones((1, 3), np.float32)})
    with pytest.raises(UserError, match="fingerprints by another encoder"):
        Database.open([folders[0], other])
