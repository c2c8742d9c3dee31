"""Rankings on fingerprints that are placed by hand, with and without some of the tracks."""

import numpy as np
import pandas as pd
import pytest

from helpers.scripted import matrices, scripted_reranker
from helpers.stores import segments
from neuralsampleid import config
from neuralsampleid.catalogue.formats import MATCHES, QUERIES
from neuralsampleid.errors import UserError
from neuralsampleid.fingerprints.index import build_index
from neuralsampleid.fingerprints.segments import Segments
from neuralsampleid.matching.fingerprints import Reranking, rank_by_fingerprints
from neuralsampleid.matching.pair_scores import PairScorer
from neuralsampleid.matching.ranking import rank_votes

NAN = float("nan")
SETTINGS = {"lists": 8, "probes": 8, "subquantizers": 8, "bits": 4}


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def together(tracks, nodes=None):
    """Tracks are id → (segments, d); segments are two seconds long and one apart."""
    nodes = nodes or {}
    return Segments.join(
        [segments(name, rows, hop=1.0, nodes=nodes.get(name)) for name, rows in tracks.items()]
    )


@pytest.fixture
def music():
    """A query whose second segment is the third of r1, and whose fourth is nearly r2's first."""
    rng = np.random.default_rng(0)
    tracks = {name: unit(rng.normal(size=(6, 16))) for name in ("n1", "r1", "r2", "r3")}
    query = unit(rng.normal(size=(5, 16)))
    query[1] = tracks["r1"][2]
    query[3] = unit(tracks["r2"][:1] + 0.1 * rng.normal(size=(1, 16)))[0]
    return together({"q": query}), together(tracks)


def queries(*excluded):
    """The whole track and its first four seconds, for each way of excluding."""
    rows = [
        (*about, NAN, "", "r1|r2", "", out)
        for out in excluded
        for about in (("full_track", "q", 0.0, 6.0), ("segment", "q", 0.0, 4.0))
    ]
    return pd.DataFrame(rows, columns=list(QUERIES))


def matches(music, asked, kind="flat", **options):
    own, searched = music
    index = build_index(searched.embeddings, config.Index(kind=kind, **SETTINGS))
    return rank_by_fingerprints(asked, own, searched, index, candidates=8, ranks=9, **options)


def test_a_match_says_where_on_both_sides(music):
    table = matches(music, queries(""))
    assert list(table.columns) == list(MATCHES)
    whole = table[table["task"] == "full_track"]
    assert whole["rank"].tolist() == list(range(1, len(whole) + 1))
    found = whole.set_index("reference_id")
    times = ["reference_start_s", "reference_end_s", "matched_start_s", "matched_end_s"]
    assert found.loc["r1", times].tolist() == [2, 4, 1, 3]
    assert found.loc["r2", times].tolist() == [0, 2, 3, 5]
    assert found["probability"].isna().all()
    # The segment at 3–5 s lies outside the first four seconds.
    part = table[table["task"] == "segment"].set_index("reference_id")
    assert (part["matched_end_s"] <= 4).all()


@pytest.mark.parametrize("kind", ["flat", "ivf"])
def test_excluding_is_searching_a_catalogue_without_the_tracks(music, kind):
    """Exact, not the old ranking without some rows: further candidates move up."""
    own, searched = music
    table = matches(music, queries("r1|r2"), kind)
    smaller = Segments.join([searched.track(name) for name in ("n1", "r3")])
    expected = matches((own, smaller), queries(""), kind)
    pd.testing.assert_frame_equal(table, expected, atol=2e-6)
    assert set(table["reference_id"]) == {"n1", "r3"}
    filtered = matches(music, queries(""), kind)
    filtered = filtered[filtered["reference_id"].isin(["n1", "r3"])]
    assert filtered["score"].max() < table["score"].max()


def test_queries_that_exclude_something_change_no_others(music):
    table = matches(music, queries("r1|r2", "", "r3"))
    plain = matches(music, queries(""))
    number = (table["rank"] == 1).cumsum()  # of the query, in the order asked
    parts = [part for _, part in table.groupby(number)]
    assert [part["task"].iloc[0] for part in parts] == ["full_track", "segment"] * 3
    middle = pd.concat(parts[2:4], ignore_index=True)
    pd.testing.assert_frame_equal(middle, plain)
    assert "r3" not in set(pd.concat(parts[4:])["reference_id"])


def test_an_unknown_track_cannot_be_excluded(music):
    with pytest.raises(UserError, match="no fingerprints of track 'r9', expected one of the 4"):
        matches(music, queries("r1|r9"))


@pytest.fixture
def reranked():
    """Two tracks; the re-ranker likes the second (logit 2), not the first (−2)."""
    rng = np.random.default_rng(1)
    tracks = {name: unit(rng.normal(size=(4, 16))) for name in ("r1", "r2", "r3")}
    query = {"q": unit(tracks["r1"] + 0.5 * rng.normal(size=(4, 16)))}
    logits = {"r1": -2.0, "r2": 2.0, "r3": 0.5}
    nodes = {name: matrices(*[logit] * 4) for name, logit in logits.items()}
    return together(query, {"q": matrices(0, 0, 0, 0)}), together(tracks, nodes)


def test_the_probability_of_the_pair_is_told_and_added_where_it_accepts(reranked):
    asked = queries("")[:1]
    plain = matches(reranked, asked).set_index("reference_id")
    reranking = Reranking(scripted_reranker(), candidates=8, weight=10.0)
    table = matches(reranked, asked, reranking=reranking).set_index("reference_id")
    sigmoid = {name: 1 / (1 + np.exp(-logit)) for name, logit in (("r1", -2), ("r2", 2))}
    for name, probability in sigmoid.items():
        assert table.loc[name, "probability"] == pytest.approx(probability, abs=1e-5)
    assert table.loc["r1", "score"] == plain.loc["r1", "score"]  # rejected: told, not added
    assert table.index[0] == "r2"


def test_what_was_re_ranked_before_is_taken_over(reranked, monkeypatch):
    """Each pair is scored once, and a search without a track gives what a fresh one gives."""

    scored = []
    pairs = PairScorer.pairs

    def counting(scorer, nodes, rows):
        scored.append(int((rows >= 0).sum()))
        return pairs(scorer, nodes, rows)

    monkeypatch.setattr(PairScorer, "pairs", counting)
    reranking = Reranking(scripted_reranker(), candidates=3, weight=10.0)
    alone = matches(reranked, queries("r1")[:1], reranking=reranking)
    scored.clear()
    both = matches(reranked, queries("", "r1")[::2], reranking=reranking)
    without = both[len(both) - len(alone) :].reset_index(drop=True)
    pd.testing.assert_frame_equal(without, alone)
    own, searched = reranked
    index = build_index(searched.embeddings, config.Index(kind="flat"))
    _, first = index.search(own.embeddings, 3)
    _, second = index.search(own.embeddings, 3, excluded=searched.rows_of_tracks(["r1"]))
    distinct = {
        (segment, row)
        for rows in (first, second)
        for segment, found in enumerate(rows)
        for row in found
    }
    assert sum(scored) == len(distinct)


def test_votes_are_reciprocal_ranks():
    votes = rank_votes(np.array([[0, 1, 2], [3, -1, -1]]))
    np.testing.assert_allclose(votes, [[1, 1 / 2, 1 / 3], [1, 0, 0]])
