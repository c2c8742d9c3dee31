"""The tables and their renderings, on metrics that can be read off by eye."""

import csv
import io
from pathlib import Path

import pandas as pd
import pytest

from helpers.tables import compact
from neuralsampleid.catalogue.formats import METRICS
from neuralsampleid.evaluation.conditions import GRADES
from neuralsampleid.report.labels import group_label, words
from neuralsampleid.report.rendering import (
    csv_table,
    html_page,
    latex_table,
    markdown_table,
    plain_table,
    write_table,
)
from neuralsampleid.report.tables import (
    Interval,
    Table,
    grade_table,
    group_table,
    length_table,
    main_table,
    middle_length,
)

NAN = float("nan")


def metrics():
    rows = []
    for system, share in (("untrained", 0.1), ("proposed_no_reranker", 0.5)):
        for group, count in (("all", 24), ("beat", 10)):
            mean = (share, share - 0.05, share + 0.05, count)
            rows.append((system, "full_track", "map", NAN, NAN, group, *mean))
            for seconds, number in ((5.0, 40), (7.5, 30), (20.0, 0)):
                for k in (1.0, 3.0):
                    found = min(1.0, share * k) if number else NAN
                    mean = (found, NAN if number == 0 else found, NAN if number == 0 else found)
                    about = (system, "segment", "hit_rate", k, seconds, group)
                    rows.append((*about, *mean, number if group == "all" else number // 2))
    return pd.DataFrame(rows, columns=list(METRICS))


SYSTEMS = {
    "proposed_no_reranker": "Proposed, no re-ranker",
    "untrained": "Untrained encoder",
    "not_run": "Not run",
}
FIRST = dict([*SYSTEMS.items()][:1])


def small():
    return Table(
        ("Name", "Count", "Rate (%)"),
        (("a_b & c|d", 7, Interval(50.0, 45.04, 55.06)), ("–", 120, Interval(NAN, NAN, NAN))),
    )


def test_the_main_table_has_a_row_per_system_in_the_given_order():
    table = main_table(metrics(), SYSTEMS, seconds=5.0)
    assert table.columns == (
        "System", "Tracks", "mAP (%)", "Segments", "Hit@1 at 5 s (%)", "Hit@3 at 5 s (%)"
    )  # fmt: skip
    first, second, third = table.rows
    assert first[0] == "Proposed, no re-ranker"
    assert first[1] == 24
    assert first[3] == 40
    assert second[0] == "Untrained encoder"
    assert second[2] == Interval(10.0, pytest.approx(5.0), pytest.approx(15.0))
    assert second[5].value == pytest.approx(30.0)
    assert third[:2] == ("Not run", 0)
    assert compact(markdown_table(table))[-1] == "| Not run | 0 | – | 0 | – | – |"


def test_the_group_table_has_a_block_per_group():
    table = group_table(metrics(), dict([*SYSTEMS.items()][:2]), seconds=7.5, groups=["beat"])
    assert [row[:3] for row in table.rows] == [
        ("Beat", "Proposed, no re-ranker", 10),
        ("Beat", "Untrained encoder", 10),
    ]
    assert [row[4] for row in table.rows] == [15, 15]


def test_the_length_table_counts_queries_below():
    table = length_table(metrics(), FIRST)
    assert table.columns == ("System", "k", "5 s (%)", "7.5 s (%)", "20 s (%)")
    assert [row[:2] for row in table.rows] == [
        ("Proposed, no re-ranker", 1),
        ("Proposed, no re-ranker", 3),
        ("Queries", ""),
    ]
    assert table.rows[-1][2:] == (40, 30, 0)
    assert plain_table(table).splitlines()[2].endswith("–")


def test_the_grades_stand_side_by_side_from_the_easiest():
    table = metrics()
    graded = [table[table["group"] == "all"].assign(group=f"grade:{name}") for name in GRADES]
    graded[1]["value"] /= 2
    winners = {("grades", "grade:producer", 1.0, 5.0): "untrained"}
    shown = grade_table(pd.concat([table, *graded]), SYSTEMS, 5.0, winners)
    assert shown.columns[:3] == ("System", "Loops: mAP (%)", "Loops: Hit@1 at 5 s (%)")
    assert [name.split(":")[0] for name in shown.columns[3::2]] == ["Producer", "Buried"]
    first, second, third, counts = shown.rows
    assert [cell.value for cell in first[1:5]] == [50, 50, 25, 25]
    assert [cell.bold for cell in second[1:5]] == [False, False, False, True]
    assert pd.isna(third[1].value)
    assert counts == ("Queries", *(24, 40) * 3)


def test_the_middle_length_is_one_that_queries_reach():
    table = metrics()
    assert middle_length(table) == 5.0
    assert middle_length(table[table["query_seconds"] != 5.0]) == 7.5
    assert middle_length(table[table["query_seconds"] == 20.0]) == 20.0


def test_plain_text_is_aligned():
    assert plain_table(small()) == (
        "Name         Count          Rate (%)\n"
        "---------  -------  ----------------\n"
        "a_b & c|d        7  50.0 [45.0–55.1]\n"
        "–              120                 –\n"
    )


def test_markdown_escapes_and_keeps_intervals_small():
    assert compact(markdown_table(small())) == [
        "| Name | Count | Rate (%) |",
        "|:-|-:|-:|",
        "| a\\_b & c\\|d | 7 | 50.0 <sub>[45.0–55.1]</sub> |",
        "| – | 120 | – |",
    ]


def test_latex_escapes_and_uses_booktabs():
    assert compact(latex_table(small())) == [
        r"\begin{tabular}{lrr}",
        r"\toprule",
        r" Name & Count & Rate (\%) \\",
        r"\midrule",
        r" a\_b \& c|d & 7 & 50.0 {\scriptsize [45.0-55.1]} \\",
        r" - & 120 & - \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]
    assert "[45.0--55.1]" in latex_table(small())


def test_csv_has_the_interval_in_columns():
    assert list(csv.reader(io.StringIO(csv_table(small())))) == [
        ["Name", "Count", "Rate (%)", "Rate (%) low", "Rate (%) high"],
        ["a_b & c|d", "7", "50.0", "45.0", "55.1"],
        ["–", "120", "", "", ""],
    ]
    rows = list(csv.reader(io.StringIO(csv_table(length_table(metrics(), SYSTEMS)))))
    assert {len(row) for row in rows} == {len(rows[0])}


def test_a_file_of_each_kind_is_written(tmp_path: Path):
    write_table(small(), tmp_path / "v1.2")
    kinds = ("csv", "html", "md", "tex", "txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"v1.2.{kind}" for kind in kinds]
    write_table(small(), tmp_path / "other", [".md"])
    assert (tmp_path / "other.md").read_text() == markdown_table(small())
    assert not (tmp_path / "other.txt").exists()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("beat", "Beat"),
        ("tempo_ratio:..0.9", "Tempo ratio: below 0.9"),
        ("level_db:-3..0", "Level in the mix (dB): -3 to 0"),
        ("interpolation:no", "Interpolation: no"),
    ],
)
def test_names_are_made_readable(name, shown):
    assert group_label(name) == shown
    assert words("hit_rate_3") == "Hit rate at 3"
    assert words("spectral_peaks") == "Spectral peaks"


def test_a_web_page_has_a_row_per_line_and_escapes_texts():
    page = html_page(small())
    assert "<tr><td>a_b &amp; c|d</td>" in page
    assert '<td class="number">50.0 [45.0–55.1]</td></tr>' in page
    assert page.count("<tr>") == 3
