"""Trials on fingerprints in which the samples were put by hand."""

import numpy as np
import pandas as pd
import pytest

from helpers.stores import together, unit_rows
from neuralsampleid.config import Landmarks, PeakFinding
from neuralsampleid.landmarks.peaks import Peaks
from neuralsampleid.studies.trials import (
    TRIAL_COLUMNS,
    calibrate,
    cross_validated,
    run_landmark_trials,
    run_trials,
)


def asked_of(sampled, excluded=""):
    """A query for each name, with what it samples."""
    rows = [(query, track, excluded) for query, track in sampled.items()]
    return pd.DataFrame(rows, columns=["query_id", "relevant", "excluded"])


@pytest.fixture
def stores():
    """Twelve queries, each with 5–8 s of a track of its own; twenty other tracks."""
    rng = np.random.default_rng(1)
    tracks = {f"t{number:02}": unit_rows(rng, 80) for number in range(32)}
    queries = {}
    for number in range(12):
        query, length = unit_rows(rng, 80), 10 + number % 6
        query[20 : 20 + length] = tracks[f"t{number:02}"][40 : 40 + length]
        queries[f"q{number:02}"] = query
    sampled = {f"q{number:02}": f"t{number:02}" for number in range(12)}
    return together(queries), together(tracks), asked_of(sampled)


def test_every_query_is_asked_with_and_without_what_it_samples(stores):
    trials = run_trials(*stores)
    assert list(trials.columns) == list(TRIAL_COLUMNS)
    assert len(trials.groupby(["query_id", "present"])) == 2 * 12
    assert trials.groupby(["query_id", "present"])["place"].max().tolist() == 12 * [31, 32]
    present, absent = trials[trials["present"]], trials[~trials["present"]]
    assert set(present["tracks"]) == {32}
    assert set(absent["tracks"]) == {31}
    first = present[present["place"] == 1]
    assert first["right"].all()
    assert (first["track_id"].str[1:] == first["query_id"].str[1:]).all()
    assert not absent["right"].any()
    sampled = dict(stores[2][["query_id", "relevant"]].to_numpy())
    assert not (absent["track_id"] == absent["query_id"].map(sampled)).any()
    assert (trials.groupby(["query_id", "present"])["score"].diff().dropna() <= 0).all()


def test_clear_answers_are_probable_and_others_are_not(stores):
    trials = run_trials(*stores)
    calibration = calibrate(trials)
    assert calibration.trials == 24
    assert calibration.error < 0.1
    assert calibration.observed == 0
    assert 0 <= calibration.promised < 0.1
    said = cross_validated(trials)
    best = trials["place"] == 1
    assert said[best & trials["right"]].min() > 0.5 > said[~trials["right"]].max()


def test_no_query_judges_itself():
    """A query whose truth is turned round changes all functions but the one that judges it."""
    rng = np.random.default_rng(2)
    rows = [
        (f"q{number}", True, 1, "t", score, score, 20, score > 4 + rng.normal())
        for number, score in enumerate(rng.uniform(0, 10, 40))
    ]
    trials = pd.DataFrame(rows, columns=list(TRIAL_COLUMNS))
    changed = trials.assign(right=trials["right"] ^ (trials["query_id"] == "q7"))
    same = cross_validated(trials) == cross_validated(changed)
    names = sorted(trials["query_id"])
    fold = {name: place % 5 for place, name in enumerate(names)}
    expected = [fold[name] == fold["q7"] for name in trials["query_id"]]
    assert same.tolist() == expected


def test_expected_and_observed_false_alarms_by_hand():
    rows = [(f"q{n}", n % 2 == 0, 1, "t", float(n % 2 == 0) * 9, 9.0, 1000, n % 2 == 0)
            for n in range(20)]  # fmt: skip
    rows[0] = (*rows[0][:-1], False)  # one that looks right and is not
    calibration = calibrate(pd.DataFrame(rows, columns=list(TRIAL_COLUMNS)))
    assert calibration.observed == pytest.approx(1 / 20)
    assert 0 < calibration.promised < 0.1


def test_silent_segments_are_not_searched():
    rng = np.random.default_rng(3)
    tracks = {"a": unit_rows(rng, 30), "b": unit_rows(rng, 30)}
    queries = together({"q": tracks["a"][5:15]})
    for silent, best in (([], "a"), (range(5, 15), "b")):
        trials = run_trials(queries, together(tracks, silent=silent), asked_of({"q": "a"}))
        found = trials[trials["present"]].set_index("track_id")["score"]
        assert found.idxmax() == best


def test_a_copy_of_a_query_is_in_neither_trial(stores):
    """K10: it would be first, and be called wrong."""
    queries, tracks, asked = stores
    name = "q00"
    embeddings = {**{track: tracks.track(track).embeddings for track in tracks.track_ids}}
    embeddings["copy"] = queries.track(name).embeddings
    asked = asked[asked["query_id"] == name]
    found = run_trials(queries, together(embeddings), asked)
    assert found[found["place"] == 1]["track_id"].tolist() == ["copy", "copy"]
    found = run_trials(queries, together(embeddings), asked.assign(excluded="copy"))
    assert "copy" not in set(found["track_id"])
    assert found[found["place"] == 1]["right"].tolist() == [True, False]
    assert found["tracks"].unique().tolist() == [32, 31]


def test_landmarks_are_asked_the_same():
    rng = np.random.default_rng(4)

    def random_peaks():
        return Peaks(np.sort(rng.uniform(0, 2000, 900)), rng.uniform(0, 199, 900))

    tracks = {name: random_peaks() for name in "abcd"}
    part = (tracks["b"].frames >= 500) & (tracks["b"].frames < 1000)
    query = Peaks(tracks["b"].frames[part] - 500, tracks["b"].bins[part])
    asked = asked_of({"q": "b"}, excluded="d")
    trials = run_landmark_trials({"q": query}, tracks, PeakFinding(), Landmarks(), asked)
    assert trials["tracks"].tolist() == [3, 3, 3, 2, 2]
    first = trials.iloc[0]
    assert (first["track_id"], first["right"], first["present"]) == ("b", True, True)
    assert set(trials[~trials["present"]]["track_id"]) == {"a", "c"}
    assert trials["right"].sum() == 1
