"""Trials on fingerprints in which the samples were put by hand."""

import numpy as np
import pandas as pd
import pytest

from helpers.stores import together, unit_rows
from neuralsampleid.studies.trials import (
    TRIAL_COLUMNS,
    calibrate,
    cross_validated,
    run_trials,
)


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
    relevant = {f"q{number:02}": [f"t{number:02}"] for number in range(12)}
    return together(queries), together(tracks), relevant


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
    sampled = {query: names[0] for query, names in stores[2].items()}
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
    rows = [(f"q{n}", n % 2 == 0, 1, "t", float(n % 2 == 0) * 9, 9.0, 10, n % 2 == 0)
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
        trials = run_trials(queries, together(tracks, silent=silent), {"q": ["a"]})
        found = trials[trials["present"]].set_index("track_id")["score"]
        assert found.idxmax() == best
