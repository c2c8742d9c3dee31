"""Landmark matching: excerpts found where they are, against brute force, under changes."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.songs import song_stems
from neuralsampleid.catalogue.formats import MATCHES
from neuralsampleid.composer.treatment import Treatment, change_speed
from neuralsampleid.config import Landmarks, TripleSearch
from neuralsampleid.errors import UserError
from neuralsampleid.landmarks.counts import LandmarkCounts
from neuralsampleid.landmarks.pairs import LandmarkTable, make_pairs
from neuralsampleid.landmarks.peaks import Peaks, find_peaks
from neuralsampleid.matching.landmarks import rank_by_landmarks

SETTINGS = Landmarks(tempo_step=0.04)
TRIPLES = TripleSearch()
RATE = SETTINGS.sample_rate
SONGS = 6


def song(seed: int, seconds: float = 12.0) -> np.ndarray:
    return song_stems(seed, seconds, RATE).sum(axis=1).astype(np.float32) / 32768


@pytest.fixture(scope="module")
def tracks() -> dict[str, Peaks]:
    return {f"song_{seed}": find_peaks(song(seed), SETTINGS) for seed in range(SONGS)}


def ask(
    audio: np.ndarray,
    tracks: dict[str, Peaks],
    searched: bool,
    start: float = 0.0,
    end: float = np.inf,
    **options: int,
):
    """The best alignment of an excerpt with each song."""
    query = find_peaks(audio, SETTINGS)
    counts = LandmarkCounts(
        list(tracks.values()), SETTINGS, query.length, searched=searched, **options
    )
    return counts.best(query.within(start, end, SETTINGS))


def changed(audio: np.ndarray, process: str, ratio: float, semitones: float) -> np.ndarray:
    treatment = Treatment(process, ratio, semitones, "none", None, None, compressed=False)
    return change_speed(audio, RATE, treatment)


@pytest.mark.parametrize("searched", [False, True])
def test_an_excerpt_is_found_at_its_time(tracks, searched: bool):
    start = 3 * RATE + 77
    found = ask(song(2)[start : start + 5 * RATE], tracks, searched)
    assert found.scores.argmax() == 2
    assert found.scores[2] > 3 * np.delete(found.scores, 2).max()
    lag = found.reference_s[2] - found.matched_s[2]
    np.testing.assert_allclose(lag, start / RATE, atol=0.1)
    assert 0 <= found.matched_s[2, 0] < found.matched_s[2, 1] <= 5


def test_only_the_asked_interval_is_used(tracks):
    audio = np.concatenate([song(1)[: 5 * RATE], song(4)[2 * RATE : 7 * RATE]])
    assert ask(audio, tracks, False, start=0.0, end=5.0).scores.argmax() == 1
    later = ask(audio, tracks, False, start=5.0, end=10.0)
    assert later.scores.argmax() == 4
    assert (later.matched_s[4] >= 5.0).all()
    np.testing.assert_allclose(later.reference_s[4] - later.matched_s[4], -3.0, atol=0.1)


def test_noise_as_loud_as_the_music_leaves_it_recognisable(tracks):
    excerpt = song(3)[2 * RATE : 8 * RATE]
    noise = np.random.default_rng(0).normal(0, excerpt.std(), len(excerpt)).astype(np.float32)
    for searched in (False, True):
        assert ask(excerpt + noise, tracks, searched).scores.argmax() == 3


@pytest.mark.parametrize(
    ("process", "ratio", "semitones"),
    [("shift", 1.0, 2.0), ("shift", 1.0, -3.0), ("stretch", 1.12, 0.0), ("stretch", 0.85, 0.0),
     ("varispeed", 1.122, 2.0), ("stretch_shift", 0.9, 3.0)],
)  # fmt: skip
def test_a_changed_excerpt_is_missed_plain_and_found_searched(tracks, process, ratio, semitones):
    excerpt = changed(song(5)[2 * RATE : 9 * RATE], process, ratio, semitones)
    plain, searched = (ask(excerpt, tracks, way) for way in (False, True))
    others = np.delete(searched.scores, 5).max()
    assert searched.scores[5] > 1.3 * others
    assert plain.scores[5] < 0.5 * searched.scores[5]
    start, end = searched.matched_s[5]
    expected = 2 + np.array([start, end]) * ratio
    np.testing.assert_allclose(searched.reference_s[5], expected, atol=0.4)


def random_peaks(rng: np.random.Generator, count: int, frames: int) -> Peaks:
    times = np.sort(rng.integers(0, frames, count)).astype(np.int32)
    return Peaks(times, rng.integers(0, SETTINGS.bins, count).astype(np.int16))


def brute_force(query: Peaks, track: Peaks, stretch: float, shifts: range) -> int:
    """The largest number of agreeing landmarks, counted pair by pair."""
    own, other = make_pairs(query, SETTINGS, stretch), make_pairs(track, SETTINGS)
    step, counts = SETTINGS.offset_frames, Counter()
    for key, anchor in zip(own.keys, own.anchors, strict=True):
        for shift in shifts:
            for row in np.flatnonzero(other.keys == key + shift):
                lag = track.frames[other.anchors[row]] - round(query.frames[anchor] * stretch)
                counts[shift, int(lag) // step] += 1
    best = [count + counts.get((s, cell + 1), 0) for (s, cell), count in counts.items()]
    return max([n for n in best if n >= 2], default=0)


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), copied=st.integers(0, 30), shift=st.integers(-9, 9))
def test_scores_are_those_of_brute_force(seed: int, copied: int, shift: int):
    rng = np.random.default_rng(seed)
    tracks = [random_peaks(rng, 150, 160) for _ in range(3)]
    query = random_peaks(rng, 60, 80)
    part = tracks[1].frames[:copied], np.clip(tracks[1].bins[:copied] + shift, 0, 199)
    joined = np.concatenate([np.stack(part), np.stack([query.frames, query.bins])], axis=1)
    joined = joined[:, np.lexsort((joined[1], joined[0]))]
    query = Peaks(joined[0].astype(np.int32), joined[1].astype(np.int16))
    plain = Landmarks(tempo_min=1.0, tempo_max=1.0)
    for searched, shifts in ((False, range(1)), (True, range(-9, 10))):
        found = LandmarkCounts(tracks, plain, query.length, searched=searched).best(query)
        # On the common axis of all tracks, because that is what cells divide.
        margin = int(query.frames.max()) + 1 + 2 * plain.offset_frames
        table = LandmarkTable.build(tracks, plain, margin)
        for place, track in enumerate(tracks):
            moved = Peaks(track.frames + int(table.origins[place]), track.bins)
            assert found.scores[place] == brute_force(query, moved, 1.0, shifts)


def test_pairs_are_the_next_peaks_in_reach():
    peaks = Peaks(
        np.array([0, 0, 1, 2, 3, 40], np.int32), np.array([50, 60, 150, 55, 52, 50], np.int16)
    )
    pairs = make_pairs(peaks, Landmarks(partners=2, partner_frames=32, partner_bins=48))
    assert list(zip(pairs.anchors.tolist(), pairs.partners.tolist(), strict=True)) == [
        (0, 3), (0, 4), (1, 3), (1, 4), (3, 4),
    ]  # fmt: skip
    assert len(set(pairs.keys.tolist())) == 5


def test_many_tables_give_the_same_as_one(tracks):
    audio = song(2)[RATE : 6 * RATE]
    whole = ask(audio, tracks, True)
    parts = ask(audio, tracks, True, shard_frames=600)
    np.testing.assert_array_equal(whole.scores.argsort()[-2:], parts.scores.argsort()[-2:])
    assert parts.scores[2] == pytest.approx(whole.scores[2], rel=0.1)  # cells begin elsewhere


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
    silent = Peaks(np.zeros(0, np.int32), np.zeros(0, np.int16))
    peaks = {"q": find_peaks(song(4), SETTINGS), "empty": silent}
    table = rank_by_landmarks(
        queries(), peaks, tracks, SETTINGS, way="plain", ranks=3, triples=TRIPLES
    )
    assert list(table) == list(MATCHES)
    assert set(table["query_id"]) == {"q"}  # what is silent has no match
    for _, rows in table.groupby("task"):
        assert rows["rank"].tolist() == list(range(1, len(rows) + 1))
        assert rows["score"].is_monotonic_decreasing
        assert rows["reference_id"].iloc[0] == "song_4"
        assert rows["reference_start_s"].iloc[0] == pytest.approx(3.5, abs=3.5)
        assert (rows["reference_end_s"] > rows["reference_start_s"]).all()
    again = rank_by_landmarks(
        queries(), peaks, tracks, SETTINGS, way="plain", ranks=3, triples=TRIPLES
    )
    pd.testing.assert_frame_equal(table, again)


def test_tracks_are_ranked_by_their_best_run(tracks):
    peaks = {"q": find_peaks(song(4), SETTINGS)}
    asked = queries(excluded=["", "", ""]).iloc[:2]
    table = rank_by_landmarks(
        asked, peaks, tracks, SETTINGS, way="passages", ranks=3, triples=TRIPLES
    )
    assert list(table) == list(MATCHES)
    (whole, part) = (table[table["task"] == name].iloc[0] for name in ("full_track", "segment"))
    assert (whole["reference_id"], part["reference_id"]) == ("song_4", "song_4")
    assert whole["score"] > part["score"] > 0
    for row, start, end in ((whole, 0.0, 12.0), (part, 1.0, 6.0)):
        assert row["matched_start_s"] == pytest.approx(start, abs=0.7)
        assert row["matched_end_s"] == pytest.approx(end, abs=0.7)
        assert row["reference_start_s"] == pytest.approx(row["matched_start_s"], abs=0.1)


def test_excluded_tracks_are_passed_over(tracks):
    peaks = {"q": find_peaks(song(4), SETTINGS)}
    asked = queries(excluded=["", "song_4|song_1", ""]).iloc[:2]
    table = rank_by_landmarks(asked, peaks, tracks, SETTINGS, way="plain", ranks=9, triples=TRIPLES)
    segment = table[table["task"] == "segment"]
    assert "song_4" in set(table["reference_id"])
    assert len(segment)
    assert not {"song_4", "song_1"} & set(segment["reference_id"])


def test_a_query_without_peaks_is_named(tracks):
    with pytest.raises(UserError, match="no peaks of query 'empty'"):
        rank_by_landmarks(
            queries(), {"q": tracks["song_1"]}, tracks, SETTINGS,
            way="plain", ranks=3, triples=TRIPLES,
        )  # fmt: skip
