"""Lines of ranked tracks, where an excerpt of a reference was put into a query."""

import numpy as np
import pandas as pd
import pytest

from helpers.songs import song_stems
from helpers.stores import together, unit_rows
from neuralsampleid import config
from neuralsampleid.catalogue.formats import LINES, MATCHES, QUERIES
from neuralsampleid.fingerprints.index import build_index
from neuralsampleid.landmarks.peaks import find_peaks
from neuralsampleid.matching.fingerprints import lines_by_fingerprints
from neuralsampleid.matching.landmarks import lines_by_landmarks
from neuralsampleid.matching.locating import first_tracks, locate

NAN = float("nan")


def ranking(tracks, task="full_track", query="q"):
    ranked = [(task, query, 0.0, 60.0, rank, name) for rank, name in enumerate(tracks, 1)]
    rows = [(*row, 1.0, 0.0, 2.0, 0.0, 2.0, NAN) for row in ranked]
    return pd.DataFrame(rows, columns=list(MATCHES))


def located(query, tracks, references=2, seconds=61.5, silent=()):
    lengths = {"q": seconds, **dict.fromkeys(tracks, seconds)}
    searched = together(tracks).with_seconds(lengths)
    queries = together({"q": query}, silent).with_seconds(lengths)
    index = build_index(searched.embeddings, config.Index(kind="flat"))
    lines_in = lines_by_fingerprints(queries, searched, index, candidates=10)
    return locate(ranking(tracks)[:references], lines_in)


@pytest.fixture
def music():
    """A loop of 8 s of one track, three times; the other tracks have nothing to do with it."""
    rng = np.random.default_rng(5)
    tracks = {name: unit_rows(rng, 120) for name in ("loop", "other", "third")}
    query = unit_rows(rng, 120)
    for begin in (20, 36, 80):
        query[begin : begin + 16] = tracks["loop"][60:76]
    return query, tracks


def test_every_repetition_of_a_loop_is_located(music):
    query, tracks = music
    found = located(query, tracks)
    assert list(found.columns) == list(LINES)
    assert set(found["reference_id"]) <= {"loop", "other"}  # the first two of the ranking
    loop = found[found["reference_id"] == "loop"]
    assert (loop["rank"] == 1).all()
    np.testing.assert_allclose(loop["query_start_s"], [10, 18, 40], atol=0.51)
    np.testing.assert_allclose(loop["query_end_s"], [19.5, 27.5, 49.5], atol=0.51)
    np.testing.assert_allclose(loop["reference_start_s"], 30, atol=0.51)
    np.testing.assert_allclose(loop["reference_end_s"], 39.5, atol=0.51)
    np.testing.assert_allclose(loop["tempo_ratio"], 1, atol=0.05)
    assert loop["pitch_semitones"].isna().all()
    assert loop["score"].min() > found.loc[found["reference_id"] == "other", "score"].max()


def test_silent_segments_match_nothing_and_leave_a_gap(music):
    query, tracks = music
    loop = located(query, tracks, references=1, silent=range(20, 52))
    np.testing.assert_allclose(loop["query_start_s"], [40], atol=0.51)


def test_landmarks_say_how_far_a_line_is_shifted():
    """The query is the middle of its reference, two semitones higher."""
    peaks = config.PeakFinding()
    song = find_peaks(song_stems(1, 12.0, peaks.sample_rate).sum(axis=1) / 32768, peaks)
    inside = (song.frames >= 150) & (song.frames < 350) & (song.bins < peaks.bins - 6)
    moved = type(song)(song.frames[inside] - 150, song.bins[inside] + 6)
    lines_in = lines_by_landmarks({"q": moved}, {"r": song}, peaks, config.Landmarks())
    line = locate(ranking(["r"]), lines_in).sort_values("score").iloc[-1]
    assert line["pitch_semitones"] == pytest.approx(2.0, abs=0.05)
    assert line["tempo_ratio"] == pytest.approx(1.0, abs=0.005)
    offset = line["reference_start_s"] - line["query_start_s"]
    assert offset == pytest.approx(150 * peaks.frame_s, abs=0.05)
    assert line["query_end_s"] - line["query_start_s"] > 100 * peaks.frame_s


def test_as_many_tracks_are_located_as_are_sampled_in_a_query():
    rankings = pd.concat([ranking("abc"), ranking("abc", query="p"), ranking("abc", "segment")])
    rows = [("full_track", "q", 0.0, 60.0, NAN, "", "c|x", "", ""),
            ("full_track", "p", 0.0, 60.0, NAN, "", "a", "", ""),
            ("segment", "q", 0.0, 5.0, 5.0, "", "a|b|c", "", "")]  # fmt: skip
    queries = pd.DataFrame(rows, columns=list(QUERIES))
    first = first_tracks(rankings, queries)
    assert set(first["task"]) == {"full_track"}
    chosen = first.groupby("query_id")["reference_id"].agg("".join)
    assert dict(chosen) == {"q": "ab", "p": "a"}
    assert len(first_tracks(rankings, queries, least=3)) == 6
