"""Rankings of several systems as one."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralsampleid.catalogue.formats import MATCHES
from neuralsampleid.matching.fusion import clearest_in, fuse


def ranking(scores: dict[str, float], query: str = "q", at_s: float = 0.0) -> pd.DataFrame:
    """A system's ranking of a query's tracks; its times tell which system it was."""
    best_first = sorted(scores.items(), key=lambda item: -item[1])
    rows = [
        ("segment", query, 0.0, 5.0, rank, track, score, at_s, at_s + 2.0, 1.0, 3.0, 0.9)
        for rank, (track, score) in enumerate(best_first, 1)
    ]
    return pd.DataFrame(rows, columns=list(MATCHES))


def test_a_hand_computed_sum():
    votes = ranking({"a": 4.0, "b": 2.0, "c": 0.0}, at_s=10.0)  # √(3/2), 0, −√(3/2)
    landmarks = ranking({"b": 30.0, "d": 10.0}, at_s=20.0)  # 1, −1
    fused = fuse([votes, landmarks], ranks=10)
    root = math.sqrt(1.5)
    assert list(fused) == list(MATCHES)
    assert fused["reference_id"].tolist() == ["b", "a", "c", "d"]
    # Landmarks did not rank a and c, votes did not rank d: these get what is lowest there.
    expected = [1.0, root - 1, -root - 1, -root - 1]
    assert fused["score"].tolist() == pytest.approx(expected, abs=1e-6)
    assert fused["rank"].tolist() == [1, 2, 3, 4]
    # Where a track stands out most; d only landmarks know.
    assert fused["reference_start_s"].tolist() == [20.0, 10.0, 10.0, 20.0]
    assert fused["probability"].isna().all()
    assert fuse([votes, landmarks], ranks=2)["reference_id"].tolist() == ["b", "a"]
    clearest = [clearest_in(fused, [votes, landmarks], place) for place in (0, 1)]
    assert ["".join(part["reference_id"]) for part in clearest] == ["ac", "bd"]
    pd.testing.assert_frame_equal(clearest_in(votes, [votes], 0), votes)


def test_queries_keep_apart():
    one = pd.concat([ranking({"a": 2.0, "b": 1.0}, "p"), ranking({"a": 1.0, "b": 9.0}, "q")])
    other = ranking({"b": 3.0, "a": 1.0}, "p")  # finds nothing in q
    fused = fuse([one, other], ranks=10)
    of = {
        query: part.set_index("reference_id")["score"] for query, part in fused.groupby("query_id")
    }
    assert of["p"].to_dict() == {"a": 0.0, "b": 0.0}
    assert of["q"].to_dict() == {"b": 1.0, "a": -1.0}


def test_a_system_that_ranks_all_alike_adds_nothing():
    alike, clear = ranking({"a": 3.0, "b": 3.0, "c": 3.0}), ranking({"a": 2.0, "c": 4.0})
    fused = fuse([alike, clear], ranks=10).set_index("reference_id")["score"]
    assert fused.to_dict() == {"c": 1.0, "a": -1.0, "b": -1.0}


@given(
    scores=st.lists(st.integers(-50, 50), min_size=2, max_size=8, unique=True),
    factor=st.floats(0.1, 10.0),
    shift=st.floats(-100.0, 100.0),
)
def test_units_do_not_matter_and_one_opinion_keeps_its_order(
    scores: list[int], factor: float, shift: float
):
    named = {f"track_{place}": float(score) for place, score in enumerate(scores)}
    moved = {track: factor * score + shift for track, score in named.items()}
    fused = fuse([ranking(named), ranking(moved)], ranks=len(named))
    assert fused["reference_id"].tolist() == sorted(named, key=lambda track: -named[track])
    twice = fuse([ranking(named), ranking(named)], ranks=len(named))
    np.testing.assert_allclose(fused["score"], twice["score"], atol=1e-5)
