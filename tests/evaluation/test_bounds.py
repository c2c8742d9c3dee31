"""What bounds every table: nothing is missed by the oracle, and chance finds what chance finds."""

import numpy as np
import pandas as pd

from neuralsampleid.catalogue.formats import LINES, MATCHES
from neuralsampleid.catalogue.tables import OCCURRENCE_COLUMNS, TRACK_COLUMNS, Catalogue
from neuralsampleid.config import Evaluation, Queries
from neuralsampleid.evaluation.answers import answer_metrics, answer_pairs
from neuralsampleid.evaluation.bounds import oracle, random_ranking
from neuralsampleid.evaluation.detail import detailed_metrics, shown_pairs
from neuralsampleid.evaluation.evaluate import per_query, summarise
from neuralsampleid.evaluation.occurrences import judge_lines, localisation_metrics
from neuralsampleid.evaluation.queries import derive_queries, without_answers

SETTINGS = Evaluation(query_seconds=[5.0], cutoffs=[1, 3], resamples=50)
TRACKS = 20


def catalogue():
    """Each query samples two references, each twice."""
    roles = {"q": "query", "r": "reference", "n": "noise"}
    rows = [(f"{k}{n}", roles[k], "", 60.0, "", "") for k in roles for n in range(TRACKS)]
    found = []
    for query in range(TRACKS):
        for other, start in ((query, 2.0), ((query + 1) % TRACKS, 30.0)):
            for repeat in (0.0, 8.0):
                times = (start + repeat, start + repeat + 6, 20.0, 26.0)
                about = (f"s{other}", f"q{query}", f"r{other}", *times)
                found.append((*about, "", ("beat", "riff")[other % 2], "", 1.1, -1.0))
    occurrences = pd.DataFrame(found, columns=list(OCCURRENCE_COLUMNS))
    return Catalogue(pd.DataFrame(rows, columns=list(TRACK_COLUMNS)), occurrences)


def asked(music):
    queries = derive_queries(music, Queries(query_seconds=[5.0], max_gap_s=1.0))
    return pd.concat([queries, without_answers(queries, music.occurrences)], ignore_index=True)


def measured(found, queries, music):
    matches, lines = found
    judged = per_query(matches, queries, SETTINGS.cutoffs)
    located = judge_lines(lines, matches, queries, music.occurrences)
    own = ("bound", SETTINGS, 1)
    rows = [
        summarise(judged, *own),
        detailed_metrics(judged, shown_pairs(matches, queries), *own),
        answer_metrics(answer_pairs(matches, queries), judged, *own),
        localisation_metrics(located, judged, *own),
    ]
    return pd.concat(rows).set_index(["metric", "task"])["value"]


def test_the_oracle_reaches_every_metric():
    music = catalogue()
    matches, lines = oracle(asked(music), music, ranks=100)
    values = measured((matches, lines), asked(music), music)
    assert set(values.drop("equal_error_rate")) == {1.0}
    assert set(values["equal_error_rate"]) == {0.0}
    assert list(lines.columns) == list(LINES)
    assert len(lines) == len(music.occurrences)
    assert set(lines["tempo_ratio"]) == {1.1}


def test_the_oracle_is_what_ground_truth_allows():
    music = catalogue()
    music.occurrences["reference_start_s"] = np.nan
    matches, lines = oracle(asked(music), music, ranks=1)
    values = measured((matches, lines), asked(music), music)
    assert values["map", "full_track"] == 0.5  # one of two relevant tracks
    assert values["occurrence_f1"].isna().all()
    assert lines.empty


def test_a_random_ranking_finds_by_chance():
    music = catalogue()
    matches, lines = random_ranking(asked(music), music, ranks=100, seed=3)
    assert list(matches.columns) == list(MATCHES)
    assert list(lines.columns) == list(LINES)
    values = measured((matches, lines), asked(music), music)
    assert 0.02 < values["map", "full_track"] < 0.25
    assert 0.35 < values["auroc", "segment"] < 0.65
    whole = matches[matches["task"] == "full_track"]
    assert (whole.groupby("query_id")["rank"].max() == 2 * TRACKS).all()
    assert whole["matched_end_s"].max() <= 60
    segments = matches[matches["task"] == "segment"]
    assert (segments["matched_start_s"] == segments["query_start_s"]).all()  # as long as a match
    again, _ = random_ranking(asked(music), music, ranks=100, seed=3)
    pd.testing.assert_frame_equal(matches, again)
    other, _ = random_ranking(asked(music), music, ranks=100, seed=4)
    assert not other["reference_id"].equals(matches["reference_id"])


def test_a_random_ranking_keeps_few_and_none_that_is_excluded():
    music = catalogue()
    matches, _ = random_ranking(asked(music), music, ranks=4, seed=3)
    assert matches["rank"].max() == 4
    per_query(matches, asked(music), [1])  # it refuses excluded tracks
    music.tracks["duration_s"] = np.nan  # no audio: no times
    matches, lines = random_ranking(asked(music), music, ranks=4, seed=3)
    assert matches["reference_start_s"].isna().all()
    assert lines.empty
