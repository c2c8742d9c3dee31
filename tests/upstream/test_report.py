"""The paper's tables, on metrics that can be read off by eye."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from helpers.tables import compact
from neuralsampleid.artefacts.table import Obtained
from neuralsampleid.errors import UserError
from neuralsampleid.report.rendering import markdown_table
from neuralsampleid.upstream.report import (
    SAMPLE_TYPES,
    UPSTREAM_METRICS,
    artefact_table,
    group_table,
    hit_rate_table,
    precision_table,
    quoted_precision,
    read_quoted,
)

QUOTED = Path(__file__).parents[2] / "upstream/quoted.csv"
NAN = float("nan")


def metrics():
    rows = []
    for protocol, value, count in (("released", 0.25, 30), ("corrected", 0.5, 40)):
        for group in ("all", "riff"):
            about = ("proposed", protocol)
            rows.append((*about, "full_track", "map", NAN, NAN, group, value, value, value, 20))
            for seconds in (5.0, 10.0):
                for k in (1.0, 3.0):
                    found = (value, value, value, count - int(seconds))
                    rows.append((*about, "segment", "hit_rate", k, seconds, group, *found))
    return pd.DataFrame(rows, columns=list(UPSTREAM_METRICS))


ONE = {"proposed": "Proposed"}


def test_the_committed_quotes_hold_the_abstracts_figure_alone():
    quoted = read_quoted(QUOTED)
    assert quoted_precision(
        quoted, {"proposed": "Proposed", "baseline": "Baseline (ResNet-IBN)"}
    ) == {"proposed": 44.2}
    assert quoted_precision(quoted, ["baseline"]) == {}
    known = quoted[quoted["value"].notna()]
    assert known[["table", "system", "metric", "value"]].values.tolist() == [
        ["main", "proposed", "map", 44.2]
    ]
    assert "2506.14684" in known["source"].item()
    assert set(quoted["table"]) == {"main", "hit_rates", "sample_types", "interpolation"}


def test_precision_stands_beside_the_quoted_figure():
    parameters = {"proposed": {"stored": 7, "acting": 5, "reranker": 3}}
    table = precision_table(
        metrics(),
        {"proposed": "Proposed", "baseline": "Baseline (ResNet-IBN)"},
        parameters,
        read_quoted(QUOTED),
    )
    lines = compact(markdown_table(table))
    assert "mAP quoted (%)" in lines[0]
    assert (
        "| Proposed | Released | 7 | 5 | 3 | 20 | 25.0 <sub>[25.0–25.0]</sub> | 44.2 |" in lines[2]
    )
    assert "| Proposed | Corrected | 7 | 5 | 3 | 20 | 50.0" in lines[3]
    assert lines[4].startswith("| Baseline (ResNet-IBN) | Released | – | – | – | 0 | – | – | –")


def test_queries_are_counted_below_each_system_and_protocol(tmp_path):
    path = shutil.copy(QUOTED, tmp_path / "quoted.csv")
    text = path.read_text()
    row = "hit_rates,proposed,hit_rate,3,5,all,"
    path.write_text(text.replace(f"{row},", f"{row}12.5,Table 9"))
    table = hit_rate_table(metrics(), ONE, read_quoted(path))
    assert table.columns == ("System", "Protocol", "k", "5 s (%)", "10 s (%)")
    assert [row[1:3] for row in table.rows] == [
        *(("Released", 1), ("Released", 3), ("Released", "Queries")),
        *(("Corrected", 1), ("Corrected", 3), ("Corrected", "Queries")),
        *(("Quoted", 1), ("Quoted", 3)),
    ]
    assert table.rows[2][3:] == (25, 20)
    assert table.rows[5][3:] == (35, 30)
    assert table.rows[7][3].value == 12.5
    assert "| Proposed | Quoted | 3 | 12.5 | – |" in compact(markdown_table(table))


def test_groups_have_a_row_per_protocol_and_one_for_quotes():
    table = group_table(metrics(), ONE, SAMPLE_TYPES, 10.0, read_quoted(QUOTED))
    assert [row[:4] for row in table.rows] == [
        *(("Riff", "Proposed", "Released", 20), ("Riff", "Proposed", "Corrected", 20)),
        *(("Riff", "Proposed", "Quoted", "–"), ("Beat", "Proposed", "Released", 0)),
        *(("Beat", "Proposed", "Corrected", 0), ("Beat", "Proposed", "Quoted", "–")),
    ]
    assert table.rows[1][4].value == 50
    assert table.rows[1][5] == 30


def test_missing_files_say_what_cannot_be_had():
    found = Obtained("a.zip", "https://there/a.zip", "x/a.zip", "v1", 7, "ab", "verified")
    missing = Obtained("b.zip", "https://there/b.zip", None, reason="no such file (404)")
    table = artefact_table([found, missing], {"b.zip": "evaluation of baseline"})
    assert table.rows == (
        ("a.zip", "found", 7, "verified", "ab", "v1", "https://there/a.zip"),
        ("b.zip", "missing: no evaluation of baseline", *"––––", "no such file (404)"),
    )


@pytest.mark.parametrize(
    ("value", "message"), [("442,abstract", "value is 442"), ("44.2,", "line 2: no source")]
)
def test_quotes_need_a_percentage_and_a_source(tmp_path, value, message):
    path = tmp_path / "quoted.csv"
    header = "table,system,metric,k,query_seconds,group,value,source"
    path.write_text(f"{header}\nmain,proposed,map,,,all,{value}\n")
    with pytest.raises(UserError, match=message):
        read_quoted(path)
