"""Lines of ranked tracks, where an excerpt of a reference was put into a query."""

import numpy as np
import pandas as pd
import pytest

from helpers.stores import together, unit_rows
from neuralsampleid import config
from neuralsampleid.catalogue.formats import LINES, MATCHES
from neuralsampleid.fingerprints.index import build_index
from neuralsampleid.matching.locating import MOST_LINES, locate


def located(query, tracks, references=2, seconds=61.5, silent=()):
    ranked = [("full_track", "q", 0.0, 60.0, rank, name) for rank, name in enumerate(tracks, 1)]
    ranked.append(("segment", "q", 0.0, 5.0, 1, "loop"))  # no whole track: left out
    rows = [(*row, 1.0, 0.0, 2.0, 0.0, 2.0, np.nan) for row in ranked]
    lengths = {"q": seconds, **dict.fromkeys(tracks, seconds)}
    searched = together(tracks).with_seconds(lengths)
    return locate(
        pd.DataFrame(rows, columns=list(MATCHES)),
        together({"q": query}, silent).with_seconds(lengths),
        searched,
        build_index(searched.embeddings, config.Index(kind="flat")),
        candidates=10,
        references=references,
    )


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
    assert len(found[found["reference_id"] == "other"]) <= MOST_LINES
    assert loop["score"].min() > found.loc[found["reference_id"] == "other", "score"].max()


def test_silent_segments_match_nothing_and_leave_a_gap(music):
    query, tracks = music
    loop = located(query, tracks, references=1, silent=range(20, 52))
    np.testing.assert_allclose(loop["query_start_s"], [40], atol=0.51)


def test_times_lie_within_the_tracks_as_far_as_their_length_is_known(music):
    query, tracks = music
    query[104:120] = tracks["loop"][104:120]
    short = located(query, tracks, references=1, seconds=60.0)
    assert short[["query_end_s", "reference_end_s"]].max().tolist() == [60.0, 60.0]
    unknown = located(query, tracks, references=1, seconds=float("nan"))
    np.testing.assert_allclose(unknown["query_end_s"].max(), 61.5)
    np.testing.assert_allclose(unknown["reference_end_s"].max(), 61.5, atol=0.3)
