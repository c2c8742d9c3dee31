"""K1: in a library of few tracks, no answer is called likelier than it is known to be."""

import json

import numpy as np
import pandas as pd
import pytest

from helpers.tunes import put, tune
from neuralsampleid.cli import main
from neuralsampleid.library.fingerprinter import LANDMARK_CALIBRATION
from neuralsampleid.library.probability import FILE, Calibration, fit, read_calibration
from neuralsampleid.models.weights import SHIPPED_FILE
from neuralsampleid.studies.trials import TRIAL_COLUMNS, calibrate

SHIPPED = [LANDMARK_CALIBRATION, SHIPPED_FILE.with_name(FILE)]


@pytest.mark.parametrize("tracks", [1, 2, 3, 5, 8, 12, 20])
def test_below_the_smallest_library_of_the_fit_the_probability_stays(tracks):
    calibration = Calibration(1.0, 0.5, 2.0, fewest_tracks=20)
    evidence = np.array([3.0]), np.array([2.0])
    expected = 1 / (1 + 20 * np.exp(-(1 + 0.5 * np.log(3) + 2 * np.log(4))))
    assert calibration.probabilities(*evidence, tracks) == pytest.approx(expected)
    assert calibration.probabilities(*evidence, 40) < expected
    of_each = calibration.probabilities(np.full(2, 3.0), np.full(2, 2.0), np.array([tracks, 40]))
    assert of_each[0] == pytest.approx(expected)


def test_a_fit_notes_its_smallest_library():
    scores, tracks = np.linspace(0, 10, 60), np.tile([72, 70, 71], 20)
    assert fit(scores, scores, tracks, scores > 5).fewest_tracks == 70
    rows = [
        (f"q{query}", present, 1, "t", query % 7, query % 7, 30 - (not present), query % 7 > 3)
        for query in range(40)
        for present in (True, False)
    ]
    trials = pd.DataFrame(rows, columns=list(TRIAL_COLUMNS))
    assert calibrate(trials).as_json()["fewest_tracks"] == 29


@pytest.mark.parametrize("path", SHIPPED)
def test_what_ships_says_what_it_was_fitted_to(path):
    calibration = read_calibration(path)
    assert calibration is not None
    assert calibration.fewest_tracks >= 20


@pytest.mark.parametrize("tracks", [1, 2])
def test_unrelated_queries_get_no_answer(tmp_path, capsys, caplog, tracks):
    for number in range(tracks):
        put(tmp_path / f"music/{number}.wav", tune(number))
    out, page = str(tmp_path / "library"), tmp_path / "answers.html"
    assert main(["index", str(tmp_path / "music"), "--out", out, "--threads", "1"]) == 0
    queries = [str(put(tmp_path / f"other {n}.wav", tune(50 + n))) for n in range(2)]
    capsys.readouterr()
    ask = ["identify", *queries, "--library", out, "--threads", "1", "--json"]
    assert main([*ask, "--html", str(page), "--no-audio"]) == 0
    said = json.loads(capsys.readouterr().out)["queries"]
    assert [query["answers"] for query in said] == [[]] * 2
    # Why even a right answer may count as unlikely is said, on the page, too.
    held = f"library holds {tracks} track{'s' if tracks > 1 else ''}, and how likely an answer is"
    assert held in caplog.text
    assert held in page.read_text(encoding="utf-8")
