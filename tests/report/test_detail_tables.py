"""Tables of where, whether and who is better, and what is bold."""

import numpy as np
import pandas as pd
import pytest

from helpers.tables import compact
from neuralsampleid.catalogue.formats import COMPARISONS, METRICS
from neuralsampleid.report.detail_tables import (
    answer_table,
    comparison_table,
    localisation_table,
    rank_table,
)
from neuralsampleid.report.rendering import (
    csv_table,
    html_table,
    latex_table,
    markdown_table,
    plain_table,
)
from neuralsampleid.report.tables import (
    Interval,
    Table,
    conditions_among,
    group_table,
    length_table,
    main_table,
    sample_types_of,
    winners_of,
)

NAN = float("nan")
SYSTEMS = {"good": "Good", "fair": "Fair", "poor": "Poor"}
BEST = {"good": 0.9, "fair": 0.6, "poor": 0.5}


def metrics():
    rows = []
    for system, share in BEST.items():
        value = (share, share - 0.1, share + 0.1)
        for group in ("all", "beat", "tempo_ratio:..1", "tempo_ratio:1..", "interpolation:no"):
            rows.append((system, "full_track", "map", NAN, NAN, group, *value, 20))
            rows.append((system, "segment", "hit_rate", 1.0, 5.0, group, *value, 30))
        for task, seconds in (("full_track", NAN), ("segment", 5.0)):
            for name in ("auroc", "answer_recall"):
                rows.append((system, task, name, NAN, seconds, "all", *value, 40))
        for kind in ("occurrence_precision", "occurrence_f1", "per_second_f1"):
            for scope in ("", "_in_right_answers"):
                about = ("full_track", f"{kind}{scope}", NAN, NAN, "all")
                rows.append((system, *about, *value, 5 if scope else 12))
    return pd.DataFrame(rows, columns=list(METRICS))


def quantities():
    rows = []
    for place, system in enumerate(SYSTEMS, 1):
        for task, seconds in (("full_track", NAN), ("segment", 5.0)):
            median = float("inf") if system == "poor" else float(place)
            values = {"median_rank": median, "answer_threshold": 0.5 * place, "pairs_right": 30.0,
                      "pairs_given": 10.0, "pairs_wrong": 2.0, "end_error_s": 0.3}  # fmt: skip
            for name, value in values.items():
                rows.append((system, task, name, NAN, seconds, "all", value, NAN, NAN, 20))
    return pd.DataFrame(rows, columns=list(METRICS))


def comparisons(**p_values):
    """Of mAP in two tables; keys are pairs such as ``good_fair``."""
    rows = []
    for table, group in (("main", "all"), ("sample_types", "beat")):
        for pair, p_value in p_values.items():
            one, other = pair.split("_")
            about = (table, one, other, "full_track", "map", NAN, NAN, group)
            rows.append((*about, BEST[one] - BEST[other], 0.0, 0.5, p_value / 2, p_value, 20))
    return pd.DataFrame(rows, columns=list(COMPARISONS))


def bold(table):
    return [
        (row[0], table.columns[place])
        for row in table.rows
        for place, cell in enumerate(row)
        if isinstance(cell, Interval) and cell.bold
    ]


def test_bold_is_what_beats_every_other_system_for_certain():
    certain = winners_of(comparisons(good_fair=0.04, poor_good=0.05, poor_fair=0.9), 0.05)
    assert certain == {
        ("main", "all", None, None): "good",
        ("sample_types", "beat", None, None): "good",
    }
    assert bold(main_table(metrics(), SYSTEMS, 5.0, certain)) == [("Good", "mAP (%)")]
    assert bold(group_table(metrics(), SYSTEMS, 5.0, ["beat"], certain)) == [("Beat", "mAP (%)")]
    assert bold(length_table(metrics(), SYSTEMS, certain)) == []


@pytest.mark.parametrize(
    "p_values",
    [
        {"good_fair": 0.06, "good_poor": 0.001, "fair_poor": 0.001},  # the best beats one only
        {"good_fair": 1.0, "good_poor": 1.0, "fair_poor": 1.0},
        {},
    ],
)
def test_nothing_is_bold_where_a_difference_may_be_chance(p_values):
    winners = winners_of(comparisons(**p_values), 0.05)
    assert not winners
    assert bold(main_table(metrics(), SYSTEMS, 5.0, winners)) == []


def test_bold_in_every_rendering():
    rows = (("x", Interval(50, 40, 60, bold=True)), ("y", Interval(1, 0, 2)))
    table = Table(("A", "B (%)"), rows)
    assert "| **50.0** <sub>[40.0–60.0]</sub> |" in markdown_table(table)
    assert r"\textbf{50.0} {\scriptsize [40.0--60.0]}" in latex_table(table)
    assert "<strong>50.0</strong> [40.0–60.0]" in html_table(table)
    assert "50.0* [40.0–60.0]" in plain_table(table)
    assert "x,50.0,40.0,60.0" in csv_table(table)
    assert "| 1.0 <sub>[0.0–2.0]</sub> |" in compact(markdown_table(table))[3]
    assert html_table(table).count("<strong>") == latex_table(table).count("textbf") == 1


def test_conditions_and_sample_types_are_told_apart():
    assert sample_types_of(metrics()) == ["beat"]
    # A dimension with one value tells nothing.
    assert conditions_among(metrics()) == ["tempo_ratio:..1", "tempo_ratio:1.."]
    table = group_table(metrics(), {"good": "Good"}, 5.0, conditions_among(metrics()))
    assert [row[0] for row in table.rows] == ["Tempo ratio: below 1", "Tempo ratio: from 1"]


def test_places_of_both_scopes():
    table = localisation_table(metrics(), quantities(), SYSTEMS)
    assert len(table.rows) == 6
    assert table.rows[2][:3] == ("All occurrences", "Poor", 12)
    row = dict(zip(table.columns, table.rows[3], strict=True))
    assert (row["Scope"], row["System"], row["Tracks"]) == ("In right answers", "Good", 5)
    assert row["F1 (%)"].value == pytest.approx(90)
    assert np.isnan(row["Recall (%)"].value)  # not among the metrics
    assert np.isnan(row["Ends (s)"].value)
    assert table.rows[0][table.columns.index("Ends (s)")].value == pytest.approx(0.3)


def test_what_is_given_at_the_stated_threshold():
    table = answer_table(metrics(), quantities(), SYSTEMS, 5.0)
    assert table.rows[0][:4] == ("Full tracks", "Good", 40, 30)
    assert table.rows[3][:2] == ("Segments of 5 s", "Good")
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert (row["Given"].value, row["Of them wrong"].value) == (10, 2)
    assert row["Right pairs given (%)"].value == pytest.approx(90)
    assert [row[-1] for row in table.rows] == ["0.5", "1", "1.5"] * 2
    unknown = answer_table(metrics(), quantities()[:0], SYSTEMS, 5.0)
    assert unknown.rows[0][-1] == "–"


def test_median_ranks_are_no_percentages():
    table = rank_table(quantities(), SYSTEMS)
    assert table.columns == ("System", "Full tracks", "5 s")
    lines = plain_table(table).splitlines()
    assert lines[2].split() == ["Good", "1.0", "1.0"]
    assert lines[4].split() == ["Poor", "∞", "∞"]
    assert r"$\infty$" in latex_table(table)
    assert table.rows[-1] == ("Queries", 20, 20)


def test_differences():
    table = comparison_table(comparisons(good_fair=0.2, good_poor=0.01), SYSTEMS, 0.05)
    assert table.columns == ("System", "Less", "mAP (points)", "p")
    first, second = table.rows
    assert first[:2] == ("Good", "Fair")
    assert first[2].value == pytest.approx(30)
    assert (first[2].bold, first[3]) == (False, "0.200")
    assert (second[2].bold, second[3]) == (True, "0.010")


def test_what_one_of_two_systems_was_not_asked_is_a_dash():
    both = comparisons(good_fair=0.2, good_poor=0.01)
    rates = both[:1].assign(task="segment", metric="hit_rate", k=1.0, query_seconds=5.0)
    table = comparison_table(pd.concat([both, rates]), SYSTEMS, 0.05)
    assert table.columns[4:] == ("Hit@1 at 5 s (points)", "p")
    assert table.rows[0][5] == "0.200"
    assert pd.isna(table.rows[1][4].value)
    assert table.rows[1][5] == "–"
