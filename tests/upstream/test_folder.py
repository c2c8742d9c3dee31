"""The door to both protocols."""

import math

import pytest

from helpers.scripted import matrices, scripted_reranker
from neuralsampleid.errors import UserError
from neuralsampleid.upstream.folder import default_segments, evaluate_folder
from neuralsampleid.upstream.protocol import Answers, SegmentAnswer, TrackAnswer


def test_the_protocols_differ(parity_set):
    found = {
        protocol: evaluate_folder(*parity_set, "baseline", protocol, "flat", [20])
        for protocol in ("released", "corrected")
    }
    assert found["released"].queries() == [7]
    assert found["corrected"].queries() == [35]
    released, corrected = (judged.mean_average_precision() for judged in found.values())
    assert released == pytest.approx(0.6591479700854701)
    assert corrected > released  # distances sent the right answers down


def test_lengths_of_the_released_tables(parity_set):
    assert default_segments("proposed") == [2, 6, 12, 22, 32]
    assert default_segments("proposed_no_reranker") == [2, 6, 12, 22, 32]
    assert default_segments("baseline") == [1, 1, 3, 5, 7]
    judged = evaluate_folder(*parity_set, "baseline", "released", "flat")
    assert judged.query_segments == (1, 1, 3, 5, 7)
    assert len(judged.hit_rates()[0]) == 5
    assert judged.queries()[:2] == [35, 35]


def test_wrong_requests(parity_set):
    with pytest.raises(UserError, match="no re-ranker"):
        evaluate_folder(*parity_set, "proposed", "released", "flat", [1])
    for lengths in ([], [3, 0]):
        with pytest.raises(UserError, match="expected lengths of at least 1"):
            evaluate_folder(*parity_set, "baseline", "released", "flat", lengths)
    with pytest.raises(UserError, match=r"512 channels × 32 nodes, expected the 2 × 1"):
        evaluate_folder(*parity_set, "proposed", "released", "flat", [1], scripted_reranker())


def test_averages_by_hand():
    answers = [
        SegmentAnswer("Q_0", "Q", 1, 1),
        SegmentAnswer("Q_1", "Q", 1, 3),
        SegmentAnswer("P_2", "P", 1, None),
        SegmentAnswer("Q_0", "Q", 2, 11),
    ]
    tracks = (TrackAnswer("Q", 0.5, ("A", "B")), TrackAnswer("P", 1.0, ("B",)))
    judged = Answers((1, 2, 3), tuple(answers), tracks)
    rates = judged.hit_rates()
    assert [row[0] for row in rates] == pytest.approx([100 / 3, 200 / 3, 200 / 3])
    assert [row[1] for row in rates] == [0, 0, 0]
    assert math.isnan(rates[0][2])
    assert judged.mean_average_precision() == 0.75
    content = judged.as_json()
    assert content["hit_rates"][0][2] is None
    assert content["rankings"] == {"Q": ["A", "B"], "P": ["B"]}
    empty = Answers((1,), (), ())
    assert math.isnan(empty.mean_average_precision())
    assert empty.as_json()["map"] is None


def test_the_scripted_reranker_says_what_it_is_told():
    import torch

    pairs = torch.from_numpy(matrices(0.0, 0.0)), torch.from_numpy(matrices(1.5, -2.0))
    with torch.inference_mode():
        assert scripted_reranker()(*pairs).tolist() == pytest.approx([1.5, -2.0])
