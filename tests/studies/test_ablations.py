"""Ablations over seeds, computed by hand."""

import math

import pandas as pd
import pytest

from neuralsampleid.evaluation.summary import metrics_table
from neuralsampleid.studies.ablations import by_seed, over_seeds

NONE = float("nan")


def metrics(**precision: float) -> pd.DataFrame:
    """A seed's metrics: each row's mAP; half of that as hit rate at 3; and what is not wanted."""
    rows = []
    for name, value in precision.items():
        rows += [
            (name, "full_track", "map", None, None, "all", value, 0, 1, 4),
            (name, "segment", "hit_rate", 3, 5, "all", value / 2, 0, 1, 6),
            (name, "segment", "hit_rate", 3, 5, "riff", 0.9, 0, 1, 2),
            (name, "full_track", "auroc", None, None, "all", 0.8, 0, 1, 4),
        ]
    return metrics_table(rows)


SEEDS = {
    7: metrics(base=0.5, other=0.7),
    8: metrics(base=0.3, other=0.1),
    9: metrics(base=0.4, other=0.7),
}


def test_a_row_is_held_against_the_system_of_the_same_seed():
    values = by_seed(SEEDS, "base")
    assert list(values) == (
        ["seed", "system", "metric", "k", "query_seconds", "value", "difference"]
    )
    assert set(values["metric"]) == {"map", "hit_rate"}
    assert len(values) == 3 * 2 * 2
    other = values[(values["system"] == "other") & (values["metric"] == "map")]
    assert other["seed"].tolist() == [7, 8, 9]
    assert other["difference"].tolist() == pytest.approx([0.2, -0.2, 0.3])
    assert (values.loc[values["system"] == "base", "difference"] == 0).all()


def test_mean_and_range_over_seeds():
    summary = over_seeds(by_seed(SEEDS, "base")).set_index(["system", "metric"])
    assert (summary["seeds"] == 3).all()
    precision = summary.loc["other", "map"]
    assert precision["value"] == pytest.approx(0.5)
    assert (precision["value_low"], precision["value_high"]) == (0.1, 0.7)
    assert precision["difference"] == pytest.approx(0.1)
    assert precision["difference_low"] == pytest.approx(-0.2)
    assert precision["difference_high"] == pytest.approx(0.3)
    hits = summary.loc["other", "hit_rate"]
    assert (hits["k"], hits["query_seconds"]) == (3, 5)
    assert hits["difference"] == pytest.approx(0.05)
    assert summary.loc["base", "map"]["difference_high"] == 0


def test_what_is_unknown_with_one_seed_is_unknown():
    seeds = {1: metrics(base=0.5, other=0.5), 2: metrics(base=0.5, other=NONE)}
    summary = over_seeds(by_seed(seeds, "base")).set_index(["system", "metric"])
    for name in ("value", "value_low", "difference", "difference_high"):
        assert math.isnan(summary.loc[("other", "map"), name])
    assert summary.loc[("base", "map"), "value"] == 0.5
