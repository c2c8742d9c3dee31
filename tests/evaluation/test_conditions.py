"""Under which conditions queries ask."""

import pandas as pd
import pytest

from neuralsampleid.catalogue.formats import QUERIES, SAMPLES
from neuralsampleid.catalogue.tables import OCCURRENCE_COLUMNS
from neuralsampleid.config import Conditions
from neuralsampleid.errors import UserError
from neuralsampleid.evaluation.conditions import (
    bin_name,
    conditions_of,
    describe,
    has_condition,
    sample_conditions,
)

NAN = float("nan")
BINS = Conditions(
    tempo_ratio=[0.9, 1.1], pitch_semitones=[0.0], level_db=[-3.0, 0.0], occurrence_s=[3.0]
)


def occurrences():
    """Two samples in q1: the first loops at 0–4 s, the second sounds at 3–8 s."""
    rows = [
        ("s1", "q1", "r1", 0.0, 2.0, "no", 1.0, -2.0),
        ("s1", "q1", "r1", 2.0, 4.0, "no", 1.0, -2.0),
        ("s2", "q1", "r2", 3.0, 8.0, "no", 1.05, 2.0),
        ("s3", "q2", "r1", 0.0, 2.0, "", NAN, 0.0),
    ]
    names = ["sample_id", "query_id", "reference_id", "query_start_s", "query_end_s"]
    names += ["interpolation", "tempo_ratio", "pitch_semitones"]
    return pd.DataFrame(rows, columns=names).reindex(columns=list(OCCURRENCE_COLUMNS))


def queries():
    rows = [
        ("full_track", "q1", 0.0, 60.0, NAN, "", "r1|r2", "", ""),
        ("segment", "q1", 0.0, 3.0, 3.0, "", "r1", "", ""),
        ("segment", "q1", 0.0, 5.0, 5.0, "", "r1|r2", "", ""),
        ("segment", "q1", 0.0, 3.5, 3.5, "", "r1", "", ""),  # s2 sounds too shortly to be asked
        ("full_track", "q2", 0.0, 60.0, NAN, "", "r1", "", ""),
    ]
    return pd.DataFrame(rows, columns=list(QUERIES))


def test_a_query_has_the_conditions_that_its_samples_share():
    first = "interpolation:no|occurrence_s:..3|pitch_semitones:..0|tempo_ratio:0.9..1.1"
    assert describe(queries(), occurrences(), BINS).tolist() == [
        "interpolation:no|tempo_ratio:0.9..1.1",
        first,
        "interpolation:no|tempo_ratio:0.9..1.1",
        first,
        "occurrence_s:..3|pitch_semitones:0..",
    ]


def test_levels_are_taken_where_they_are_known():
    levels = pd.DataFrame([("q1", "s1", -3.0)], columns=list(SAMPLES))
    found = sample_conditions(occurrences(), BINS, levels)
    assert "level_db:-3..0" in found["q1", "s1"]
    assert not any(name.startswith("level") for name in found["q1", "s2"])
    wrong = pd.DataFrame([("q1", "s9", -3.0)], columns=list(SAMPLES))
    with pytest.raises(UserError, match="sample 's9' in query 'q1' does not occur"):
        describe(queries(), occurrences(), BINS, wrong)


@pytest.mark.parametrize(
    ("value", "name"), [(-9, "..-3"), (-3, "-3..0"), (-0.1, "-3..0"), (0, "0.."), (7, "0..")]
)
def test_a_lower_edge_belongs_to_its_bin(value, name):
    assert bin_name(value, [-3.0, 0.0]) == name


def test_other_columns_are_dimensions():
    rows = [("q1", "s1", NAN, "loops", ""), ("q1", "s2", NAN, "loops", "shift")]
    about = pd.DataFrame(rows, columns=[*SAMPLES, "grade", "process"])
    found = sample_conditions(occurrences(), BINS, about)
    assert "grade:loops" in found["q1", "s1"]
    assert not any(name.startswith("process") for name in found["q1", "s1"])
    assert found["q1", "s2"] >= {"grade:loops", "process:shift"}
    shared = describe(queries(), occurrences(), BINS, about)
    assert shared[0] == "grade:loops|interpolation:no|tempo_ratio:0.9..1.1"


def test_conditions_are_listed_by_dimension_and_value():
    table = pd.DataFrame({"conditions": ["b:0..5|a:yes", "b:..0", "", "b:5..|a:no", "b:5..10"]})
    found = conditions_of(table)
    assert found[:4] == ["a:no", "a:yes", "b:..0", "b:0..5"]
    assert has_condition(table, "b:5..").tolist() == [False, False, False, True, False]
