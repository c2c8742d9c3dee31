"""Which queries a catalogue gives rise to."""

from pathlib import Path

import pandas as pd
import pytest

from neuralsampleid.catalogue.formats import QUERIES, read_table
from neuralsampleid.catalogue.tables import OCCURRENCE_COLUMNS, TRACK_COLUMNS, Catalogue
from neuralsampleid.config import Evaluation
from neuralsampleid.errors import UserError
from neuralsampleid.evaluation.queries import derive_queries, find_passages, without_answers
from neuralsampleid.files import write_csv


def catalogue(*occurrences, durations=None):
    """Occurrences are (sample, query, reference, start, end, type)."""
    durations = durations or {}
    queries = sorted({row[1] for row in occurrences} | {"unsampled"})
    references = sorted({row[2] for row in occurrences})
    tracks = pd.DataFrame(
        [(name, "query", f"{name}.flac", durations.get(name, 60.0), "", "") for name in queries]
        + [(name, "reference", f"{name}.flac", 60.0, "", "") for name in references],
        columns=list(TRACK_COLUMNS),
    )
    rows = [
        dict.fromkeys(OCCURRENCE_COLUMNS, "")
        | {
            "sample_id": sample,
            "query_id": query,
            "reference_id": reference,
            "query_start_s": float(start),
            "query_end_s": float(end),
            "sample_type": sample_type,
        }
        for sample, query, reference, start, end, sample_type in occurrences
    ]
    return Catalogue(tracks, pd.DataFrame(rows, columns=list(OCCURRENCE_COLUMNS)))


def segments(table):
    chosen = table[table["task"] == "segment"]
    columns = ["query_id", "query_start_s", "query_end_s", "group", "relevant"]
    return [tuple(row) for row in chosen[columns].itertuples(index=False)]


def settings(*lengths, max_gap_s=4.0):
    return Evaluation(query_seconds=list(lengths), max_gap_s=max_gap_s)


def test_a_full_track_is_asked_once_about_all_its_references():
    music = catalogue(
        ("s1", "q1", "r2", 0, 2, "beat"),
        ("s1", "q1", "r2", 30, 32, "beat"),
        ("s2", "q1", "r1", 10, 12, "beat"),
        ("s3", "q2", "r1", 0, 2, "beat"),
        ("s4", "q2", "r1", 5, 6, "riff"),
    )
    table = derive_queries(music, settings(50.0))
    assert list(table.columns) == list(QUERIES)
    assert set(table["task"]) == {"full_track"}
    assert list(table["query_id"]) == ["q1", "q2"]
    assert list(table["relevant"]) == ["r1|r2", "r1"]
    assert list(table["group"]) == ["beat", ""]
    assert list(table["query_end_s"]) == [60.0, 60.0]
    assert table["query_seconds"].isna().all()


def test_repetitions_with_short_gaps_are_one_passage():
    music = catalogue(
        ("s1", "q1", "r1", 2, 4, "beat"),
        ("s1", "q1", "r1", 8, 10, "beat"),  # a gap of exactly 4 s
        ("s1", "q1", "r1", 14.1, 16, "beat"),  # one of 4.1 s
    )
    passages = find_passages(music.occurrences, 4.0)
    assert list(passages["start_ms"]) == [2000, 14100]
    assert list(passages["end_ms"]) == [10000, 16000]
    assert segments(derive_queries(music, settings(8.0))) == [("q1", 2.0, 10.0, "beat", "r1")]
    assert segments(derive_queries(music, settings(8.5))) == []


def test_a_gap_begins_where_the_latest_occurrence_ends():
    music = catalogue(
        ("s1", "q1", "r1", 0, 20, "riff"),
        ("s1", "q1", "r1", 1, 2, "riff"),
        ("s1", "q1", "r1", 22, 23, "riff"),
    )
    assert list(find_passages(music.occurrences, 4.0)["end_ms"]) == [23000]


def test_other_samples_and_references_do_not_prolong_a_passage():
    music = catalogue(
        ("s1", "q1", "r1", 0, 4, "beat"),
        ("s2", "q1", "r1", 4, 8, "beat"),
        ("s3", "q1", "r2", 8, 12, "beat"),
    )
    assert len(find_passages(music.occurrences, 4.0)) == 3
    assert segments(derive_queries(music, settings(5.0))) == []


@pytest.mark.parametrize(("end", "asked"), [(5.0, True), (4.9995, True), (4.99, False)])
def test_a_passage_must_last_as_long_as_the_query(end, asked):
    music = catalogue(("s1", "q1", "r1", 0, end, "beat"))
    assert bool(segments(derive_queries(music, settings(5.0)))) is asked


@pytest.mark.parametrize(("duration", "asked"), [(15.0, True), (14.9, False), (None, True)])
def test_the_track_must_last_as_long_too_where_its_length_is_known(duration, asked):
    duration = float("nan") if duration is None else duration
    music = catalogue(("s1", "q1", "r1", 10, 18, "beat"), durations={"q1": duration})
    assert bool(segments(derive_queries(music, settings(5.0)))) is asked


def test_relevant_is_what_sounds_for_a_second_in_sum_and_the_passages_own_reference():
    music = catalogue(
        ("s1", "q1", "own", 0.0, 0.4, "beat"),  # 0.9 s in all
        ("s1", "q1", "own", 4.0, 4.5, "beat"),
        ("s1", "q1", "own", 6.0, 7.0, "beat"),
        ("s2", "q1", "twice", 1.0, 1.5, "riff"),
        ("s2", "q1", "twice", 2.0, 2.5, "riff"),
        ("s3", "q1", "late", 4.1, 9.0, "riff"),  # 0.9 s of it inside
    )
    found = segments(derive_queries(music, settings(5.0)))
    assert found == [("q1", 0.0, 5.0, "beat", "own|twice")]


def test_slices_of_a_chopped_sample_count_together():
    """Each lasts a quarter of a second, from another place of the reference."""
    slices = [("s2", "q1", "chopped", 1 + beat / 2, 1.25 + beat / 2, "beat") for beat in range(12)]
    few = [("s3", "q1", "few", 1 + beat / 2, 1.25 + beat / 2, "beat") for beat in range(3)]
    music = catalogue(("s1", "q1", "own", 0, 5, "beat"), *slices, *few)
    table = derive_queries(music, settings(5.0))
    assert segments(table) == [
        ("q1", 0.0, 5.0, "beat", "chopped|own"),  # eight slices sound in it
        ("q1", 1.0, 6.0, "beat", "chopped|own"),  # the slices are one passage
    ]


def test_passages_that_begin_together_are_one_query():
    music = catalogue(
        ("s1", "q1", "r1", 3, 9, "beat"),
        ("s2", "q1", "r2", 3, 12, "riff"),
    )
    table = derive_queries(music, settings(5.0, 7.0))
    assert segments(table) == [
        ("q1", 3.0, 8.0, "", "r1|r2"),
        ("q1", 3.0, 10.0, "riff", "r1|r2"),
    ]
    assert not table.duplicated(["task", "query_id", "query_start_s", "query_end_s"]).any()


def test_queries_survive_a_file(tmp_path: Path):
    music = catalogue(
        ("s1", "001", "NA", 1 / 3, 20.2, ""),
        ("s2", "nan", "r1", 0.1 + 0.2, 30.0, "riff"),
    )
    table = derive_queries(music, Evaluation())
    write_csv(tmp_path / "queries.csv", table)
    back = read_table(tmp_path / "queries.csv", QUERIES)
    pd.testing.assert_frame_equal(back, table, check_exact=True)


def test_a_catalogue_without_occurrences_is_an_error():
    music = catalogue(("s1", "q1", "r1", 0, 5, "beat"))
    with pytest.raises(UserError, match="no occurrence"):
        derive_queries(Catalogue(music.tracks, music.occurrences[:0]), Evaluation())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file"),
        ("", "the file is empty"),
        ("task,query_id\n", "columns 'query_start_s', 'query_end_s', .* are missing"),
        (
            f"{','.join(QUERIES)}\nsegment,q,0,5,5,,r,,\nsegment,q,soon,5,5,,r,,\n",
            "line 3: query_start_s is 'soon', expected a number",
        ),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, text, message):
    path = tmp_path / "queries.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        read_table(path, QUERIES)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_query_has_a_counterpart_without_its_tracks_references():
    music = catalogue(
        ("s1", "q1", "r2", 0, 9, "beat"),
        ("s2", "q1", "r1", 30, 32, "beat"),  # elsewhere in the track, but excluded as well
        ("s3", "q2", "r1", 0, 6, "riff"),
    )
    table = derive_queries(music, settings(5.0))
    absent = without_answers(table, music.occurrences)
    assert set(table["excluded"]) == {""}
    assert set(zip(table["task"], absent["task"], strict=True)) == {
        ("full_track", "full_track_absent"), ("segment", "segment_absent")
    }  # fmt: skip
    assert set(absent["relevant"]) == {""}
    by_query = dict(zip(absent["query_id"], absent["excluded"], strict=True))
    assert by_query == {"q1": "r1|r2", "q2": "r1"}
    same = ["query_id", "query_start_s", "query_end_s", "query_seconds", "group"]
    pd.testing.assert_frame_equal(absent[same], table[same])
