"""Another program's rankings: what a file may say, and what is made of it."""

from pathlib import Path

import pandas as pd
import pytest

from neuralsampleid.catalogue.formats import LINES, MATCHES, QUERIES
from neuralsampleid.catalogue.tables import TRACK_COLUMNS
from neuralsampleid.config import Evaluation
from neuralsampleid.errors import UserError
from neuralsampleid.evaluation.evaluate import asked_of, per_query, summarise
from neuralsampleid.matching.external import lines_of, matches_of, read_rankings

NAN = float("nan")


def tracks():
    roles = {"q1": "query", "q2": "query", "r1": "reference", "r2": "reference", "n1": "noise"}
    rows = [(name, role, f"/music/{name}.flac", 60.0, "", "") for name, role in roles.items()]
    rows += [(name, "noise", f"/{name}/same.mp3", 60.0, "", "") for name in ("n2", "n3")]
    return pd.DataFrame(rows, columns=list(TRACK_COLUMNS))


def queries():
    rows = [
        ("full_track", "q1", 0.0, 60.0, NAN, "", "r1", "", ""),
        ("full_track", "q2", 0.0, 60.0, NAN, "", "r2", "", ""),
        ("segment", "q1", 3.0, 8.0, 5.0, "", "r1", "", ""),
        ("segment", "q2", 4.0, 9.0, 5.0, "", "r2", "", ""),
        ("segment", "q1", 3.0, 13.0, 10.0, "", "r1", "", ""),
    ]
    absent = [(f"{row[0]}_absent", *row[1:6], "", "", row[6]) for row in rows]
    return pd.DataFrame([*rows, *absent], columns=list(QUERIES))


def read(tmp_path: Path, text: str):
    path = tmp_path / "rankings.csv"
    path.write_text(text)
    return read_rankings(path, queries(), tracks())


FILE = """query,query_start_s,query_end_s,reference,score
q1,,,/elsewhere/n1.flac,2
q1.flac,,,r1,5
q1,,,r2,3
q1,,,r1,4
q1,3,8,r1,1
"""


def test_rankings_are_sorted_and_each_track_stands_once(tmp_path):
    matches = matches_of(read(tmp_path, FILE), queries(), ranks=2)
    assert list(matches.columns) == list(MATCHES)
    whole = matches[matches["task"] == "full_track"]
    assert whole[["query_id", "rank", "reference_id", "score"]].to_numpy().tolist() == [
        ["q1", 1, "r1", 5.0],
        ["q1", 2, "r2", 3.0],
    ]
    assert whole["query_end_s"].tolist() == [60.0] * 2
    segment = matches[matches["task"] == "segment"]
    assert segment["query_start_s"].tolist() == [3.0]


def test_queries_without_answers_have_the_ranking_without_them(tmp_path):
    matches = matches_of(read(tmp_path, FILE), queries(), ranks=2)
    absent = matches[matches["task"] == "full_track_absent"]
    assert absent["reference_id"].tolist() == ["r2", "n1"]
    assert absent["rank"].tolist() == [1, 2]
    assert "segment_absent" not in set(matches["task"])  # it found nothing but the excluded


def test_what_was_not_asked_is_unknown_and_what_was_not_found_is_wrong(tmp_path):
    matches = matches_of(read(tmp_path, FILE), queries(), ranks=9)
    asked = asked_of(matches, queries())
    assert len(asked) == 2 * 2 + 2 * 2  # no segment of 10 s
    judged = per_query(matches, asked, [1])
    settings = Evaluation(query_seconds=[5.0, 10.0], cutoffs=[1], resamples=9)
    metrics = summarise(judged, "other", settings, seed=1)
    values = metrics.set_index(["metric", "query_seconds"])["value"]
    assert values["map"].tolist() == [0.5]
    assert values["hit_rate", 5] == 0.5
    assert pd.isna(values["hit_rate", 10])
    assert asked_of(matches[:0], queries()).empty


def test_ranks_do_where_there_are_no_scores(tmp_path):
    text = "query,reference,rank\nq2,n1,2\nq2,r2,1\n"
    matches = matches_of(read(tmp_path, text), queries(), ranks=9)
    assert matches["reference_id"].tolist() == ["r2", "n1", "n1"]
    assert matches["score"].tolist() == [-1, -2, -2]


def test_every_place_is_a_line(tmp_path):
    text = (
        "query,reference,score,matched_start_s,matched_end_s,reference_start_s,reference_end_s,"
        "tempo_ratio,pitch_semitones\n"
        "q1,r1,2,1,4,11,14,1.1,-2\nq1,r1,1,5,8,11,14,,\nq1,r2,1,,,,,,\n"
    )
    rankings = read(tmp_path, text)
    matches = matches_of(rankings, queries(), ranks=9)
    assert matches["matched_end_s"].tolist()[:1] == [4.0]
    lines = lines_of(rankings, matches)
    assert list(lines.columns) == list(LINES)
    places = lines[["query_id", "rank", "reference_id", "query_start_s", "reference_end_s"]]
    assert places.to_numpy().tolist() == [["q1", 1, "r1", 1.0, 14.0], ["q1", 1, "r1", 5.0, 14.0]]
    assert lines["tempo_ratio"].tolist()[0] == 1.1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("q9,,,r1,1,,", "line 3: 'q9' is no query track"),
        ("r1,,,r1,1,,", "line 3: 'r1' is no query track"),
        ("q1,,,q2,1,,", "line 3: 'q2' is no reference or noise track"),
        ("q1,,,same.mp3,1,,", "'same.mp3' is no reference or noise track"),
        ("q1,3,9,r1,1,,", "line 3: this query is not among those of evaluation/queries.csv"),
        ("q1,3,,r1,1,,", "line 3: query_start_s or query_end_s is empty, expected both or none"),
        ("q1,,,r1,,,", "line 3: score is empty or infinite, expected a score, as in other rows"),
        ("q1,,,r1,high,,", "line 3: score is 'high', expected a number"),
        ("q1,,,r1,1,4,2", "line 3: matched_start_s, .*: expected start < end in both tracks"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, row, message):
    head = "query,query_start_s,query_end_s,reference,score,matched_start_s,matched_end_s"
    with pytest.raises(UserError, match=message):
        read(tmp_path, f"{head}\nq1,,,r1,1,,\n{row}\n")


def test_a_file_needs_columns(tmp_path):
    with pytest.raises(UserError, match=r"rankings\.csv: column 'reference' is missing"):
        read(tmp_path, "query,score\nq1,1\n")
    with pytest.raises(UserError, match=r"rankings\.csv: no row"):
        read(tmp_path, "query,reference,score\n")
    with pytest.raises(UserError, match=r"line 2: rank is empty .* expected a score or a rank"):
        read(tmp_path, "query,reference\nq1,r1\n")
