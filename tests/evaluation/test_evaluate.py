"""From matches to the metrics table, on an example small enough to compute by hand."""

from pathlib import Path

import pandas as pd
import pytest

from neuralsampleid.catalogue.formats import (
    MATCHES,
    METRICS,
    QUERIES,
    per_query_format,
    read_table,
)
from neuralsampleid.config import Evaluation
from neuralsampleid.errors import UserError
from neuralsampleid.evaluation.evaluate import per_query, summarise
from neuralsampleid.files import write_csv

SETTINGS = Evaluation(query_seconds=[7.5, 5.0, 20.0], cutoffs=[3, 1], resamples=200)
NAN = float("nan")


def queries():
    rows = [
        ("full_track", "q1", 0.0, 60.0, NAN, "beat", "r1|r2"),
        ("full_track", "q2", 0.0, 70.0, NAN, "riff", "r3"),
        ("full_track", "q3", 0.0, 80.0, NAN, "", "r1"),
        ("segment", "q1", 1.5, 6.5, 5.0, "beat", "r1"),
        ("segment", "q1", 1.5, 9.0, 7.5, "beat", "r1"),
        ("segment", "q2", 0.0, 5.0, 5.0, "riff", "r3"),
    ]
    return pd.DataFrame([(*row, "", "") for row in rows], columns=list(QUERIES))


def answers(*rankings):
    """Each is (task, query, start, end, ids as letters of r1 … r3 and n for noise)."""
    rows = [
        (task, query, start, end, rank, found, 1.0 / rank, *[NAN] * 5)
        for task, query, start, end, ids in rankings
        for rank, found in enumerate(ids.split(), 1)
    ]
    return pd.DataFrame(rows, columns=list(MATCHES))


def example():
    return answers(
        ("full_track", "q1", 0.0, 60.0, "r1 n1 r2"),
        ("full_track", "q2", 0.0, 70.0, "r1 r3"),
        ("segment", "q1", 1.5, 6.5, "n1 n2 n3 r1"),
        ("segment", "q1", 1.5, 9.0, "n1 r2 r1"),
        ("segment", "q2", 0.0, 5.0, "r3"),
    )


def test_each_query_is_judged():
    judged = per_query(example().sample(frac=1, random_state=0), queries(), [1, 3])
    assert list(judged.columns) == list(per_query_format([1, 3]))
    assert judged["first_rank"].tolist()[:2] == [1, 2]
    assert pd.isna(judged["first_rank"][2])  # q3 retrieved nothing
    assert judged["first_rank"].tolist()[3:] == [4, 3, 1]
    assert judged["ap"].tolist()[:4] == [round((1 + 2 / 3) / 2, 6), 0.5, 0.0, 0.25]
    assert judged["hit_1"].tolist() == [1, 0, 0, 0, 0, 1]
    assert judged["hit_3"].tolist() == [1, 1, 0, 0, 1, 1]


def test_the_metrics_table_byte_for_byte(tmp_path: Path):
    table = summarise(per_query(example(), queries(), [3, 1]), "proposed", SETTINGS, seed=1)
    write_csv(tmp_path / "metrics.csv", table.drop(columns=["low", "high"]))
    assert (tmp_path / "metrics.csv").read_text().splitlines() == [
        "system,task,metric,k,query_seconds,group,value,queries",
        "proposed,full_track,map,,,all,0.444444,3",
        "proposed,full_track,map,,,beat,0.833333,1",
        "proposed,full_track,map,,,riff,0.5,1",
        "proposed,segment,hit_rate,1,5,all,0.5,2",
        "proposed,segment,hit_rate,1,5,beat,0.0,1",
        "proposed,segment,hit_rate,1,5,riff,1.0,1",
        "proposed,segment,hit_rate,3,5,all,0.5,2",
        "proposed,segment,hit_rate,3,5,beat,0.0,1",
        "proposed,segment,hit_rate,3,5,riff,1.0,1",
        "proposed,segment,hit_rate,1,7.5,all,0.0,1",
        "proposed,segment,hit_rate,1,7.5,beat,0.0,1",
        "proposed,segment,hit_rate,1,7.5,riff,,0",
        "proposed,segment,hit_rate,3,7.5,all,1.0,1",
        "proposed,segment,hit_rate,3,7.5,beat,1.0,1",
        "proposed,segment,hit_rate,3,7.5,riff,,0",
        *(
            f"proposed,segment,hit_rate,{k},20,{group},,0"
            for k in (1, 3)
            for group in ("all", "beat", "riff")
        ),
        "proposed,full_track,map_retrieved,,,all,0.444444,3",
        "proposed,full_track,map_retrieved,,,beat,0.833333,1",
        "proposed,full_track,map_retrieved,,,riff,0.5,1",
    ]


def test_columns_intervals_and_files_are_as_agreed(tmp_path: Path):
    judged = per_query(example(), queries(), [1, 3])
    table = summarise(judged, "proposed", SETTINGS, seed=1)
    assert ",".join(table.columns) == (
        "system,task,metric,k,query_seconds,group,value,low,high,queries"
    )
    whole = table[(table["metric"] == "map") & (table["group"] == "all")].iloc[0]
    assert 0 <= whole["low"] < whole["value"] < whole["high"] <= 1
    alone = table[table["queries"] < 2]
    assert alone["low"].isna().all()
    assert alone["high"].isna().all()

    write_csv(tmp_path / "judged.csv", judged)
    again = read_table(tmp_path / "judged.csv", per_query_format([1, 3]))
    for name, source in (("a.csv", judged), ("b.csv", again)):
        write_csv(tmp_path / name, summarise(source, "proposed", SETTINGS, seed=1))
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    back = read_table(tmp_path / "a.csv", METRICS)
    assert back["query_seconds"].dropna().unique().tolist() == [5.0, 7.5, 20.0]


def test_a_system_that_retrieves_nothing_scores_zero():
    judged = per_query(example()[:0], queries(), [1, 3])
    table = summarise(judged, "untrained", SETTINGS, seed=1)
    assert judged["first_rank"].isna().all()
    assert (table.loc[table["queries"] > 0, "value"] == 0).all()


def test_no_segment_query_at_all_still_lists_every_length():
    tracks = queries()[:3]
    table = summarise(per_query(example()[:5], tracks, [1, 3]), "proposed", SETTINGS, seed=1)
    rates = table[table["metric"] == "hit_rate"]
    assert list(rates["query_seconds"]) == [5, 5, 7.5, 7.5, 20, 20]
    assert list(rates["queries"]) == [0] * 6


@pytest.mark.parametrize(
    ("ranking", "message"),
    [
        (("segment", "q9", 0.0, 5.0, "r1"), "'q9' at 0–5 s is not among the queries"),
        (("segment", "q1", 1.5, 9.5, "r1"), "'q1' at 1.5–9.5 s is not among the queries"),
        (
            ("segment", "q1", 1.5, 9.0, "r1 r2 r1"),
            "'q1' at 1.5–9 s: ranking: 'r1' at ranks 1 and 3",
        ),
    ],
)
def test_wrong_matches_are_named(ranking, message):
    with pytest.raises(UserError, match=message):
        per_query(answers(ranking), queries(), [1])


def test_ranks_must_count_from_one():
    matches = answers(("segment", "q2", 0.0, 5.0, "r1 r2 r3"))
    with pytest.raises(UserError, match="rank 3, expected 2"):
        per_query(matches.drop(index=1), queries(), [1])
    with pytest.raises(UserError, match="rank 1, expected 2"):
        per_query(matches.assign(**{"rank": [1, 1, 2]}), queries(), [1])


def test_conditions_are_groups_after_the_others():
    asked = queries().assign(conditions=["level_db:..0|pitch_semitones:1.."] * 2 + [""] * 4)
    table = summarise(per_query(example(), asked, [1, 3]), "proposed", SETTINGS, seed=1)
    plain = summarise(per_query(example(), queries(), [1, 3]), "proposed", SETTINGS, seed=1)
    kept = table[~table["group"].str.contains(":")].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, plain)
    precise = table[(table["metric"] == "map") & (table["group"] == "level_db:..0")]
    assert precise["value"].tolist() == [round((0.833333 + 0.5) / 2, 6)]
    assert precise["queries"].tolist() == [2]
    # No segment has that condition.
    assert set(table.loc[table["metric"] == "hit_rate", "group"]) == {"all", "beat", "riff"}


def test_of_a_query_without_answers_only_the_best_score_is_judged():
    row = ("full_track_absent", "q1", 0.0, 60.0, NAN, "beat", "", "", "r1|r2")
    absent = pd.DataFrame([row], columns=list(QUERIES))
    judged = per_query(answers(("full_track_absent", "q1", 0.0, 60.0, "n1 r3")), absent, [1])
    assert judged["best_score"][0] == 1.0
    assert judged[["first_rank", "ap", "ap_retrieved", "hit_1"]].isna().to_numpy().all()
    with pytest.raises(UserError, match="holds 'r2', which the query excludes"):
        per_query(answers(("full_track_absent", "q1", 0.0, 60.0, "n1 r2")), absent, [1])
