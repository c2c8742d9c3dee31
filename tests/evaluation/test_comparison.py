"""Systems in pairs, on answers that can be counted."""

import numpy as np
import pandas as pd
import pytest

from neuralsampleid.catalogue.formats import COMPARISONS, FOUND_BY_ONE, per_query_format
from neuralsampleid.config import Evaluation
from neuralsampleid.errors import UserError
from neuralsampleid.evaluation.comparison import compare, found_by_one
from neuralsampleid.evaluation.intervals import Bootstrap
from neuralsampleid.evaluation.permutation import holm
from neuralsampleid.report.tables import compared_cells

NAN = float("nan")
SETTINGS = Evaluation(query_seconds=[5.0, 10.0], cutoffs=[1, 3], resamples=100, permutations=4096)
TRACKS = 12


def judged(ranks, precision):
    """A full track and a segment of 5 s per track; half are beats."""
    rows = []
    for track in range(TRACKS):
        group = ("beat", "riff")[track % 2]
        about = {"query_id": f"q{track:02d}", "group": group, "query_start_s": 0.0}
        rank = ranks[track]
        hits = {f"hit_{k}": float(rank <= k) for k in (1, 3)}
        rows.append({"task": "full_track", "ap": precision[track], **about})
        rows.append({"task": "segment", "query_seconds": 5.0, "first_rank": rank, **hits, **about})
    return pd.DataFrame(rows, columns=list(per_query_format([1, 3]))).assign(conditions="")


def systems():
    good = judged([1] * TRACKS, [0.9] * TRACKS)
    fair = judged([1] * 6 + [2] * 6, [0.5] * 6 + [0.9] * 6)
    poor = judged([9] * TRACKS, [0.1] * TRACKS)
    return {"good": good, "fair": fair, "poor": poor}


def compared(judged):
    cells = compared_cells(next(iter(judged.values())), SETTINGS, 5.0)
    return compare(judged, cells, SETTINGS, seed=1)


def row_of(rows, **wanted):
    for column, value in wanted.items():
        rows = rows[rows[column] == value]
    assert len(rows) == 1
    return rows.iloc[0]


def test_differences_intervals_and_p_values():
    table = compared(systems())
    assert list(table.columns) == list(COMPARISONS)
    main = table[table["table"] == "main"]
    assert len(main) == 3 * 3  # pairs × (mAP, two k)
    row = row_of(main, system="good", other="fair", metric="map")
    assert row["difference"] == pytest.approx(0.2)
    assert row["p_value"] == pytest.approx(2 / 2**6)  # six tracks differ, all the same way
    differences = [0.4] * 6 + [0.0] * 6
    mean = Bootstrap(100, 0.95, 1).mean(differences, [f"q{t:02d}" for t in range(TRACKS)])
    assert (row["low"], row["high"]) == pytest.approx((mean.low, mean.high), abs=1e-5)
    row = row_of(main, system="fair", other="poor", k=1)
    assert (row["difference"], row["queries"]) == (0.5, TRACKS)
    clear = row_of(main, system="good", other="poor", k=3)
    assert clear["p_value"] == pytest.approx(2 / 2**12, abs=1e-6)


def test_each_table_is_a_family_of_its_own():
    table = compared(systems())
    assert list(dict.fromkeys(table["table"])) == ["main", "sample_types", "hit_rates"]
    for _, family in table.groupby("table"):
        assert family["p_holm"].tolist() == pytest.approx(holm(family["p_value"]), abs=1e-5)
    types = table[table["table"] == "sample_types"]
    assert set(types["group"]) == {"beat", "riff"}
    # No query is 10 s long: nothing to compare.
    assert set(table.loc[table["table"] == "hit_rates", "query_seconds"]) == {5}


def test_grades_are_compared_in_a_table_of_their_own():
    graded = systems()
    for table in graded.values():
        table["conditions"] = [("grade:loops", "grade:buried")[row // 2 % 2] for row in table.index]
    rows = compared(graded)
    own = rows[rows["table"] == "grades"]
    assert list(dict.fromkeys(own["group"])) == ["grade:loops", "grade:buried"]
    assert len(own) == 2 * 3 * 2  # grades × pairs × (mAP, the first k)
    row = row_of(own, system="good", other="poor", metric="map", group="grade:buried")
    assert (row["difference"], row["queries"]) == (pytest.approx(0.8), TRACKS // 2)


def test_a_system_that_was_not_asked_is_left_out():
    partly = systems()
    partly["fair"] = partly["fair"].query("task == 'full_track'")
    rows = compared(partly)
    main = rows[rows["table"] == "main"]
    assert len(main[main["metric"] == "map"]) == 3
    rates = main[main["metric"] == "hit_rate"]
    assert {*rates["system"], *rates["other"]} == {"good", "poor"}
    found = found_by_one(partly, [1])
    assert found["system"].tolist() == ["good"] * TRACKS  # over poor; fair was not asked
    first = compared({"fair": partly["fair"], "good": partly["good"]})
    assert set(first["metric"]) == {"map"}


def test_swapping_two_systems_turns_the_sign():
    one = compared(systems())
    turned = compared(dict(reversed(systems().items())))
    first = row_of(one, table="main", system="good", other="poor", metric="map")
    second = row_of(turned, table="main", system="poor", other="good", metric="map")
    assert first["difference"] == -second["difference"]
    assert first["p_holm"] == second["p_holm"]
    ends = (-second["high"], -second["low"])
    assert (first["low"], first["high"]) == pytest.approx(ends, abs=1e-5)


def test_queries_that_one_gets_and_another_misses():
    table = found_by_one(systems(), [1, 3])
    assert list(table.columns) == list(FOUND_BY_ONE)
    only = table[(table["system"] == "good") & (table["other"] == "fair")]
    assert only["k"].tolist() == [1] * 6
    assert only["query_id"].tolist() == [f"q{track:02d}" for track in range(6, 12)]
    assert only["other_first_rank"].tolist() == [2] * 6
    assert not len(table[table["system"] == "poor"])


def test_one_system_has_nothing_to_be_compared_with():
    alone = {"good": systems()["good"]}
    assert compared(alone).empty
    assert list(found_by_one(alone, [1]).columns) == list(FOUND_BY_ONE)


def test_different_queries_are_an_error():
    both = systems()
    both["poor"] = both["poor"].iloc[::-1].reset_index(drop=True)
    with pytest.raises(UserError, match="'good' and 'poor' answered different queries"):
        compared(both)
    assert np.isfinite(compared(systems())["p_holm"]).all()
