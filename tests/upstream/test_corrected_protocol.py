"""The corrected protocol: hand-made sets, one correction at a time, and properties."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.paper import RERANKER
from helpers.parity import released_weights
from helpers.scripted import matrices, scripted_reranker
from helpers.upstream_set import tree_bytes, unit, write_rows, write_set
from neuralsampleid.errors import UserError
from neuralsampleid.models.reranker import CrossAttentionReranker
from neuralsampleid.upstream.corrected_protocol import evaluate_corrected, noise_tracks
from neuralsampleid.upstream.layout import read_fingerprints, read_ground_truth
from neuralsampleid.upstream.release_protocol import evaluate_released

E = np.eye(8, dtype=np.float32)


def near(row, other, share):
    return unit((1 - share) * row + share * other)


def make(tmp_path, **parts):
    values = {
        "noise": E[6:7],
        "references": {"A": E[0:1], "B": E[1:2], "C": E[2:3]},
        "occurrences": {"Q_0": E[0:1]},
        "queries": {"Q": E[0:1]},
    } | parts
    return read_fingerprints(write_set(tmp_path / "set", **values))


def ask(fingerprints, truth=None, system="baseline", lengths=(1,), reranker=None):
    truth = truth or {"A": {"Q"}}
    return evaluate_corrected(fingerprints, truth, system, "flat", lengths, reranker)


def test_the_nearest_wins(tmp_path):
    judged = ask(make(tmp_path))
    assert judged.rankings()["Q"][0] == "A"
    assert judged.mean_average_precision() == 1
    # The released baseline ranks the same set by distance.
    released = evaluate_released(make(tmp_path / "r"), {"A": {"Q"}}, "baseline", "flat", [1])
    assert released.segment_answers[0].first_rank == 3


def test_precision_counts_the_relevant_that_were_missed(tmp_path):
    truth = {"A": {"Q"}, "elsewhere": {"Q"}, "nowhere": {"Q"}}
    assert ask(make(tmp_path), truth).mean_average_precision() == pytest.approx(1 / 3)


def test_the_ranking_is_not_cut_off(tmp_path):
    references = {f"R{n:02d}": near(E[0], E[1], 0.01 * n)[None] for n in range(30)}
    # Each query segment finds 20 candidates; two segments find the first and the last ones.
    queries = {"Q": np.stack([E[0], near(E[0], E[1], 0.29)])}
    judged = ask(make(tmp_path, references=references, queries=queries), {"R15": {"Q"}})
    ranking = judged.rankings()["Q"]
    assert len(ranking) == 30
    assert judged.mean_average_precision() == 1 / (1 + ranking.index("R15"))


def test_noise_can_be_the_wrong_answer(tmp_path):
    close = near(E[0], E[5], 0.1)[None]
    references = {"A": near(E[0], E[5], 0.3)[None], "B": E[1:2]}
    judged = ask(make(tmp_path, noise=close, references=references))
    assert judged.rankings()["Q"] == ["noise_0001", "A", "B"]
    assert judged.mean_average_precision() == 1 / 2
    assert judged.segment_answers[0].first_rank == 2
    assert judged.hit_rates() == [[0.0], [100.0], [100.0]]


def test_noise_is_cut_into_tracks_as_long_as_the_mean_reference(tmp_path):
    fingerprints = make(
        tmp_path, noise=np.repeat(E[6:7], 8, axis=0), references={"A": E[:2], "B": E[:4]}
    )
    noise = noise_tracks(fingerprints)
    assert noise.track_ids == ["noise_0001", "noise_0002", "noise_0003"]
    assert noise.tracks.tolist() == [0, 0, 0, 1, 1, 1, 2, 2]


def test_noise_with_names(tmp_path):
    fingerprints = make(tmp_path)
    write_rows(fingerprints.folder, "dummy_db", E[5:8], ["N1", "N1", "N2"])
    assert noise_tracks(read_fingerprints(fingerprints.folder)).track_ids == ["N1", "N2"]
    write_rows(fingerprints.folder, "dummy_db", E[5:8], ["N1", "N1", "A"])
    with pytest.raises(UserError, match="'A' is both a noise track and a reference"):
        ask(read_fingerprints(fingerprints.folder))


def test_every_query_counts(tmp_path):
    judged = ask(
        make(
            tmp_path,
            occurrences={"Q_0": E[0:1], "Q_1": E[0:3], "P_2": E[1:2]},
            queries={"Q": E[0:1], "P": E[1:2]},
        ),
        {"A": {"Q"}, "B": {"P"}},
        lengths=(3, 1),
    )
    assert judged.queries() == [3, 3]
    assert judged.hit_rates()[0] == [100.0, 100.0]
    assert list(judged.rankings()) == ["Q", "P"]


def test_only_what_the_ground_truth_does_not_know_is_left_out(tmp_path, caplog):
    judged = ask(make(tmp_path, occurrences={"Q_0": E[0:1], "X_1": E[0:1]}))
    assert judged.queries() == [1]
    assert "1 query tracks that sample nothing by the ground truth are left out: X" in caplog.text


def test_the_own_track_neither_answers_nor_takes_places(tmp_path):
    own = np.stack([near(E[0], E[5], 0.001 * n) for n in range(25)])
    judged = ask(make(tmp_path, references={"Q": own, "A": E[0:1], "B": E[1:2]}))
    assert judged.rankings()["Q"] == ["A", "noise_0001", "B"]


def test_constant_segments_find_nothing_and_are_not_found(tmp_path):
    constant = np.full((1, 8), np.nan, np.float32)
    judged = ask(
        make(
            tmp_path,
            references={"A": np.concatenate([constant, E[0:1]]), "B": constant},
            occurrences={"Q_0": constant, "Q_1": np.concatenate([constant, E[0:1]])},
        ),
        lengths=(1, 2),
    )
    ranks = {(a.occurrence, a.segments): a.first_rank for a in judged.segment_answers}
    assert ranks == {("Q_0", 1): None, ("Q_0", 2): None, ("Q_1", 1): None, ("Q_1", 2): 1}
    assert judged.rankings() == {"Q": ["A", "noise_0001"]}


# --- with re-ranker ---


def reranked(tmp_path, logits, **parts):
    """A is the nearest and B comes next; ``logits`` says what the re-ranker thinks."""
    values = {
        "references": {"A": near(E[0], E[5], 0.1)[None], "B": near(E[0], E[5], 0.12)[None]},
        "reference_nodes": {name: matrices(value) for name, value in logits.items()},
        "occurrence_nodes": {"Q": matrices(0.0)},
        "query_nodes": {"Q": matrices(0.0)},
    } | parts
    return ask(make(tmp_path, **values), system="proposed", reranker=scripted_reranker())


def test_the_reranker_adds_what_it_does_not_reject(tmp_path):
    assert reranked(tmp_path / "a", {"A": -1.0, "B": 3.0}).rankings()["Q"][0] == "B"
    assert reranked(tmp_path / "b", {"A": -1.0, "B": -0.1}).rankings()["Q"][0] == "A"
    assert reranked(tmp_path / "c", {"A": 3.0, "B": 3.0}).rankings()["Q"][0] == "A"


def test_a_candidate_without_node_matrices_keeps_its_similarity(tmp_path):
    assert reranked(tmp_path / "a", {"B": 3.0}).rankings()["Q"] == ["B", "A", "noise_0001"]
    assert reranked(tmp_path / "b", {"B": -1.0}).rankings()["Q"][0] == "A"


def test_node_matrices_of_another_occurrence_are_not_used(tmp_path, caplog):
    judged = reranked(
        tmp_path,
        {"A": -1.0, "B": 3.0},
        occurrences={"Q_0": E[0:1], "Q_1": E[0:1]},
    )
    assert [answer.first_rank for answer in judged.segment_answers] == [1, 2]
    assert "1 of 2 occurrences have node matrices of their own" in caplog.text


def test_node_matrices_by_occurrence_are_used_where_they_exist(tmp_path, caplog):
    judged = reranked(
        tmp_path,
        {"A": -1.0, "B": 3.0},
        occurrences={"Q_0": E[0:1], "Q_1": E[0:1], "Q_2": E[0:2]},
        occurrence_nodes={"Q_0": matrices(0.0), "Q_1": matrices(0.0), "Q": matrices(0.0)},
        query_nodes={"Q": matrices(0.0, 0.0)},
    )
    # The last occurrence has two segments but one matrix, so that is not its own.
    assert [answer.first_rank for answer in judged.segment_answers] == [2, 2, 1]
    assert "2 of 3 occurrences" in caplog.text
    assert "0 of 1 query tracks" in caplog.text
    assert judged.rankings()["Q"][0] == "A"


# --- the parity set ---


@pytest.fixture(scope="module")
def parity(parity_set):
    fingerprints = read_fingerprints(parity_set[0])
    return fingerprints, read_ground_truth(parity_set[1], fingerprints)


def test_the_parity_set(parity, parity_set):
    before = tree_bytes(parity_set[0])
    model = CrossAttentionReranker(RERANKER, 512, 32)
    model.load_state_dict(released_weights("classifier"))
    lengths = [1, 3, 6, 12, 20]
    judged = evaluate_corrected(*parity, "proposed", "flat", lengths, model.eval(), threads=2)
    assert judged.queries() == [35] * 5
    assert len(judged.rankings()) == 16
    # Longer queries are no harder, and a larger k never hits less.
    rates = np.array(judged.hit_rates())
    assert (np.diff(rates, axis=0) >= 0).all()
    assert rates[0, -1] >= rates[0, 0]
    assert judged.mean_average_precision() > 0.9  # the set is easy
    assert any(name.startswith("noise_") for name in judged.rankings()["T200"])
    assert tree_bytes(parity_set[0]) == before
    assert json.loads(json.dumps(judged.as_json()))["queries"] == [35] * 5


def test_an_ivfpq_index(parity):
    judged = evaluate_corrected(*parity, "baseline", "ivfpq", [6])
    assert 0.5 < judged.mean_average_precision() <= 1


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), extra=st.integers(1, 6))
def test_nearer_noise_comes_first(tmp_path_factory, seed, extra):
    """Noise that is nearer to the query than anything else leaves the second place at best.

    It need not lower a precision: votes go by rank, so it also changes how references compare.
    """
    rng = np.random.default_rng(seed)
    references = {name: unit(rng.standard_normal((3, 8))) for name in "ABC"}
    query = unit(rng.standard_normal((2, 8)))
    parts = {"references": references, "queries": {"Q": query}, "occurrences": {"Q_0": query}}
    noise = np.concatenate([E[6:7], *[query] * extra])
    noisy = ask(make(tmp_path_factory.mktemp("sets"), noise=noise, **parts))
    assert noisy.mean_average_precision() <= 1 / 2
    assert noisy.hit_rates()[0][0] == 0
