"""Ranking by landmarks: the table of matches, spans, tracks left out, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from helpers.songs import song_stems
from neuralsampleid.catalogue.formats import MATCHES
from neuralsampleid.config import Landmarks, PeakFinding
from neuralsampleid.errors import UserError
from neuralsampleid.landmarks.peaks import Peaks, find_peaks
from neuralsampleid.matching.landmarks import rank_by_landmarks

PEAKS, SETTINGS = PeakFinding(), Landmarks()
RATE = PEAKS.sample_rate


def song(seed: int, seconds: float = 12.0) -> np.ndarray:
    return song_stems(seed, seconds, RATE).sum(axis=1).astype(np.float32) / 32768


@pytest.fixture(scope="module")
def tracks() -> dict[str, Peaks]:
    return {f"song_{seed}": find_peaks(song(seed), PEAKS) for seed in range(6)}


def ranked(asked: pd.DataFrame, peaks: dict[str, Peaks], tracks: dict[str, Peaks], ranks: int):
    return rank_by_landmarks(asked, peaks, tracks, PEAKS, SETTINGS, ranks=ranks)


def queries(**columns: object) -> pd.DataFrame:
    values = {
        "task": ["full_track", "segment", "segment"],
        "query_id": ["q", "q", "empty"],
        "query_start_s": [0.0, 1.0, 0.0],
        "query_end_s": [12.0, 6.0, 5.0],
        "excluded": "",
    }
    return pd.DataFrame(values | columns)


def test_matches_are_ranked_per_query(tracks):
    silent = Peaks(np.zeros(0), np.zeros(0))
    peaks = {"q": find_peaks(song(4), PEAKS), "empty": silent}
    table = ranked(queries(), peaks, tracks, 3)
    assert list(table) == list(MATCHES)
    assert set(table["query_id"]) == {"q"}  # what is silent has no match
    for _, rows in table.groupby("task"):
        assert rows["rank"].tolist() == list(range(1, len(rows) + 1))
        assert rows["score"].is_monotonic_decreasing
        assert len(rows) <= 3
    pd.testing.assert_frame_equal(table, ranked(queries(), peaks, tracks, 3))
    (whole, part) = (table[table["task"] == name].iloc[0] for name in ("full_track", "segment"))
    assert (whole["reference_id"], part["reference_id"]) == ("song_4", "song_4")
    assert whole["score"] > part["score"] > 0
    for row, start, end in ((whole, 0.0, 12.0), (part, 1.0, 6.0)):
        assert row["matched_start_s"] >= start - 0.1
        assert row["matched_end_s"] <= end + 0.1
        assert row["matched_end_s"] - row["matched_start_s"] > 4
        assert row["reference_start_s"] == pytest.approx(row["matched_start_s"], abs=0.1)


def test_excluded_tracks_are_passed_over(tracks):
    peaks = {"q": find_peaks(song(4), PEAKS)}
    asked = queries(excluded=["", "song_4|song_1", ""]).iloc[:2]
    table = ranked(asked, peaks, tracks, 9)
    segment = table[table["task"] == "segment"]
    assert "song_4" in set(table["reference_id"])
    assert len(segment)
    assert not {"song_4", "song_1"} & set(segment["reference_id"])


def test_a_query_without_peaks_is_named(tracks):
    with pytest.raises(UserError, match="no peaks of query 'empty'"):
        ranked(queries(), {"q": tracks["song_1"]}, tracks, 3)
