"""The released protocol: parity with the release's own evaluation, and each of its oddities."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.paper import RERANKER
from helpers.parity import FOLDER, released_weights
from helpers.scripted import matrices, scripted_reranker
from helpers.upstream_set import tree_bytes, unit, write_set
from neuralsampleid.errors import UserError
from neuralsampleid.evaluation.metrics import average_precision
from neuralsampleid.models.reranker import CrossAttentionReranker
from neuralsampleid.upstream.layout import read_fingerprints, read_ground_truth
from neuralsampleid.upstream.release_protocol import evaluate_released, released_average_precision

SHARED = Path(__file__).parents[3] / "shared" / "parity"
INDEXES = {"flat": "l2", "ivfpq": "ivfpq"}
SYSTEMS = {
    "proposed": "proposed",
    "proposed_no_reranker": "gnn_without_classifier",
    "baseline": "baseline",
}


@pytest.fixture(scope="module")
def expected():
    return json.loads((FOLDER / "release_eval_seed7.json").read_text())


@pytest.fixture(scope="module")
def reranker():
    model = CrossAttentionReranker(RERANKER, 512, 32)
    model.load_state_dict(released_weights("classifier"))
    return model.eval()


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/parity, which is not public")
def test_the_set_is_the_one_that_the_release_was_run_on(parity_set, tmp_path):
    spec = importlib.util.spec_from_file_location("layout", SHARED / "release_layout.py")
    assert spec is not None
    layout = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(layout)
    layout.build(tmp_path, 7)
    folder, truth = parity_set
    theirs = tree_bytes(tmp_path / "fingerprints")
    ours = tree_bytes(folder)
    assert ours.keys() == theirs.keys()
    for name, content in theirs.items():
        assert ours[name] == content, name
    assert truth.read_bytes() == (tmp_path / "data" / "gt_dict.json").read_bytes()


@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize("system", SYSTEMS)
def test_parity_with_the_release(system, index, parity_set, expected, reranker):
    before = tree_bytes(parity_set[0])
    fingerprints = read_fingerprints(parity_set[0])
    judged = evaluate_released(
        fingerprints,
        read_ground_truth(parity_set[1], fingerprints),
        system,
        index,
        expected["query_segments"],
        reranker,
        threads=2,
    )
    name, kind = SYSTEMS[system], INDEXES[index]
    np.testing.assert_allclose(judged.hit_rates(), expected[f"{name}_hit_rates_{kind}"], rtol=1e-12)
    if f"{name}_map_at_20_{kind}" in expected:
        score = expected[f"{name}_map_at_20_{kind}"]
        assert judged.mean_average_precision() == pytest.approx(score, rel=1e-12)
    if f"{name}_rankings_{kind}" in expected:
        assert judged.rankings() == expected[f"{name}_rankings_{kind}"]
        assert raw_hits(judged, fingerprints) == expected[f"{name}_raw_{kind}"]
    assert tree_bytes(parity_set[0]) == before


def raw_hits(judged, fingerprints):
    """One row per occurrence; top 1, 3 and 10, each over the lengths; 0 where left out."""
    ranks = {
        (answer.occurrence, answer.segments): answer.first_rank or 99
        for answer in judged.segment_answers
    }
    return [
        [
            int(ranks.get((name, length), 99) <= k)
            for k in (1, 3, 10)
            for length in judged.query_segments
        ]
        for name in fingerprints.occurrences.track_ids
    ]


# --- one oddity at a time, with fingerprints of 4 numbers ---

E0, E1, E2, E3 = np.eye(4, dtype=np.float32)


def near(row, other, share):
    return unit((1 - share) * row + share * other)


def ask(tmp_path, system="baseline", lengths=(1,), truth=None, reranker=None, **parts):
    """Evaluate a hand-made set with a flat index."""
    values = {
        "noise": np.stack([-E0, -E1]),
        "references": {"A": E0[None], "B": E1[None]},
        "occurrences": {"Q_0": E0[None]},
        "queries": {"Q": np.repeat(E0[None], 11, axis=0)},
    } | parts
    fingerprints = read_fingerprints(write_set(tmp_path / "set", **values))
    truth = truth or {"A": {"Q"}}
    return evaluate_released(fingerprints, truth, system, "flat", lengths, reranker)


def test_the_baseline_takes_distances_for_similarities(tmp_path):
    # A is the query itself (distance 0), B is orthogonal to it (distance 2).
    judged = ask(tmp_path)
    assert judged.rankings() == {"Q": ["B", "A"]}
    assert judged.segment_answers[0].first_rank == 2


def test_a_distinct_candidate_counts_once_for_the_baseline_with_its_largest_distance(tmp_path):
    queries = np.concatenate([np.repeat(E0[None], 10, axis=0), E1[None]])
    judged = ask(
        tmp_path,
        # A at largest distance 2 (from E1); B at 2 too, but C's two rows add up to 4.
        references={"A": E0[None], "B": E1[None], "C": np.stack([E2, E3])},
        queries={"Q": queries},
    )
    assert judged.rankings() == {"Q": ["C", "A", "B"]}  # a tie in the order of the database


def test_a_sequence_runs_into_the_next_track_and_is_cut_at_the_end(tmp_path):
    # From A's only row on, the query [E0, E1] meets B's row; from B's row on it is cut.
    judged = ask(
        tmp_path,
        "proposed_no_reranker",
        lengths=(2,),
        references={"A": E0[None], "B": E1[None]},
        occurrences={"Q_0": np.stack([E0, E1])},
    )
    assert judged.segment_answers[0].first_rank == 1
    other = ask(
        tmp_path / "other",
        "proposed_no_reranker",
        lengths=(2,),
        references={"A": E0[None], "B": -E1[None], "C": near(E0, E1, 0.2)[None]},
        occurrences={"Q_0": np.stack([E0, E1])},
        truth={"C": {"Q"}},
    )
    # A is a perfect match but is followed by the opposite; C, cut to one row, wins.
    assert other.segment_answers[0].first_rank == 1


def test_without_reranker_a_candidate_counts_each_time_it_is_found(tmp_path):
    # A's row is found by both segments (mean 1/2, twice), and so is every other row.
    judged = ask(
        tmp_path,
        "proposed_no_reranker",
        lengths=(2,),
        references={"A": E0[None], "B": np.stack([E1, E1]), "C": E2[None]},
        occurrences={"Q_0": np.stack([E0, E0])},
    )
    assert judged.segment_answers[0].first_rank == 1


def test_noise_takes_places_but_is_never_ranked(tmp_path):
    noise = np.repeat(near(E0, E2, 0.01)[None], 19, axis=0)
    judged = ask(tmp_path, noise=noise)
    assert judged.rankings() == {"Q": ["A"]}  # B is crowded out of the nearest 20
    crowded = ask(tmp_path / "crowded", noise=np.repeat(E0[None], 20, axis=0))
    assert crowded.rankings() == {"Q": []}
    assert crowded.segment_answers[0].first_rank is None
    assert crowded.mean_average_precision() == 0


def test_the_own_track_is_skipped(tmp_path):
    judged = ask(tmp_path, references={"Q": E1[None], "A": E0[None]})
    assert judged.rankings() == {"Q": ["A"]}


def test_short_occurrences_are_left_out_and_map_skips_short_tracks(tmp_path):
    judged = ask(
        tmp_path,
        lengths=(1, 2, 3),
        occurrences={"Q_0": np.stack([E0, E0]), "P_1": E0[None]},
        queries={"P": np.repeat(E0[None], 10, axis=0), "Q": np.repeat(E0[None], 11, axis=0)},
    )
    assert judged.queries() == [2, 1, 0]
    rates = judged.hit_rates()
    assert rates[1][0] == 50  # P samples nothing and counts as a miss
    assert np.isnan(rates[0][2])
    assert judged.as_json()["hit_rates"][0][2] is None
    assert list(judged.rankings()) == ["Q"]


def test_columns_are_as_asked(tmp_path):
    judged = ask(tmp_path, lengths=(3, 1), occurrences={"Q_0": np.stack([E0, E0])})
    assert judged.queries() == [0, 1]


def reranked(tmp_path, reference_logits, **parts):
    values = {
        "references": {
            name: np.repeat(E0[None], len(logits), axis=0)
            for name, logits in reference_logits.items()
        },
        "reference_nodes": {name: matrices(*logits) for name, logits in reference_logits.items()},
        "occurrence_nodes": {"Q": matrices(0.0)},
        "query_nodes": {"Q": matrices(*[0.0] * 11)},
    } | parts
    return ask(tmp_path, "proposed", reranker=scripted_reranker(), **values)


def test_rejected_candidates_leave_the_hits_but_stay_in_the_ranking_for_map(tmp_path):
    judged = reranked(tmp_path, {"A": [-1.0], "B": [2.0]})
    assert judged.rankings() == {"Q": ["B", "A"]}
    assert judged.segment_answers[0].first_rank is None


def test_a_score_of_one_half_passes_for_hits_and_fails_for_map(tmp_path):
    judged = reranked(tmp_path, {"A": [0.0], "B": [0.0]}, truth={"B": {"Q"}})
    assert judged.segment_answers[0].first_rank == 2
    # Both are at 0 for mAP; as B's is above one half here, it would be first.
    raised = reranked(tmp_path / "raised", {"A": [0.0], "B": [1e-3]}, truth={"B": {"Q"}})
    assert raised.rankings() == {"Q": ["B", "A"]}


def test_hits_count_each_finding_and_map_each_candidate(tmp_path):
    # Two segments find A's row twice: 2 · σ(0.1) > σ(2); as one candidate σ(0.1) < σ(2).
    close, far = near(E0, E1, 0.02), near(E0, E1, 0.04)
    noise = np.stack([near(E0, E2, 0.03 + place / 100) for place in range(4)])
    judged = reranked(
        tmp_path,
        {"A": [0.1], "B": [2.0]},
        references={"A": close[None], "B": E3[None]},
        occurrences={"Q_0": np.stack([E0, far, E3])},
        occurrence_nodes={"Q": matrices(0.0, 0.0, 0.0)},
        queries={"Q": np.stack([E0, far, E3])},
        query_nodes={"Q": matrices(0.0, 0.0, 0.0)},
        noise=np.concatenate([noise, noise]),
        lengths=(3,),
    )
    assert judged.segment_answers[0].first_rank == 1
    assert judged.rankings() == {"Q": ["B", "A"]}  # and short tracks are not skipped


def test_one_constant_segment_in_the_query_rejects_every_candidate(tmp_path):
    judged = reranked(
        tmp_path,
        {"A": [3.0], "B": [2.0]},
        lengths=(1, 2),
        occurrences={"Q_0": np.stack([E0, np.full(4, np.nan)])},
        occurrence_nodes={"Q": matrices(0.0, np.nan)},
        query_nodes={"Q": matrices(0.0, np.nan)},
    )
    assert [answer.first_rank for answer in judged.segment_answers] == [1, None]
    assert judged.rankings() == {"Q": ["A", "B"]}  # with 0 each


def test_references_without_node_matrices_are_skipped(tmp_path, caplog):
    judged = reranked(
        tmp_path,
        {"A": [3.0], "B": [2.0]},
        references={"A": E0[None], "B": np.stack([E0, E0]), "C": E0[None]},
    )
    assert judged.rankings() == {"Q": ["A", "B"]}
    assert "C.npy: no such file" in caplog.text
    assert "1 node matrices, but 2 fingerprints of 'B'" in caplog.text


def test_what_the_reranker_cannot_read(tmp_path):
    with pytest.raises(UserError, match="no node matrices of query 'Q'"):
        reranked(tmp_path / "a", {"A": [3.0]}, occurrence_nodes={"P": matrices(0.0)})
    with pytest.raises(UserError, match=r"query_nmatrix.npy: node matrices of 3 channels"):
        reranked(tmp_path / "b", {"A": [3.0]}, occurrence_nodes={"Q": np.zeros((1, 3, 1), "f4")})
    with pytest.raises(UserError, match=r"ref_nmatrix: node matrices of 3 channels"):
        reranked(tmp_path / "c", {"A": [3.0]}, reference_nodes={"A": np.zeros((1, 3, 1), "f4")})
    with pytest.raises(UserError, match="'Q' has no node matrix"):
        reranked(tmp_path / "d", {"A": [3.0]}, query_nodes={"Q": np.zeros((0, 2, 1), "f4")})
    with pytest.raises(UserError, match="node matrices of sizes"):
        nodes = {"A": matrices(0.0), "B": np.zeros((1, 3, 1), "f4")}
        reranked(tmp_path / "e", {"A": [0.0], "B": [0.0]}, reference_nodes=nodes)


def test_too_little_noise_for_the_released_index(tmp_path):
    folder = write_set(
        tmp_path / "set",
        np.stack([E0, E1]),
        {"A": E0[None]},
        {"Q_0": E0[None]},
        {"Q": E0[None]},
    )
    with pytest.raises(UserError, match=r"dummy_db.mm: index: 'flat' instead of 'ivfpq'"):
        evaluate_released(read_fingerprints(folder), {"A": {"Q"}}, "baseline", "ivfpq", [1])


def test_average_precision_by_hand():
    truth = {name: {"Q"} for name in "abc"}
    assert released_average_precision(list("xaxb"), truth, "Q") == (1 / 2 + 2 / 4) / 2
    assert released_average_precision(["a"], truth, "Q") == 1  # the missed two are forgiven
    assert released_average_precision([*"x" * 20, "a"], truth, "Q") == 0  # beyond the first 20
    assert released_average_precision([], truth, "Q") == 0


@given(st.lists(st.sampled_from("abcdefghij"), unique=True), st.sets(st.sampled_from("abc")))
def test_the_released_average_precision_never_lies_below_the_true_one(ranking, relevant):
    truth = {name: {"Q"} for name in relevant}
    released = released_average_precision(ranking, truth, "Q")
    assert 0 <= released <= 1
    if relevant:
        assert released >= average_precision(ranking, relevant) - 1e-12
