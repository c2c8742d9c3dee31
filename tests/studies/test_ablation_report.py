"""The ablations' table and figure."""

import numpy as np
import pandas as pd

from helpers.tables import compact
from neuralsampleid.evaluation.summary import metrics_table
from neuralsampleid.report.rendering import markdown_table
from neuralsampleid.studies.ablation_report import ablation_figure, ablation_table
from neuralsampleid.studies.ablations import by_seed, over_seeds


def values() -> pd.DataFrame:
    """Two seeds; "worse" loses 10 and 30 points of mAP, and 20 of the hit rate both times."""
    seeds = {}
    for seed, precision, worse in ((1, 0.6, 0.5), (2, 0.8, 0.5)):
        rows = []
        for name, value, hits in (("proposed", precision, 0.4), ("worse", worse, 0.2)):
            rows += [
                (name, "full_track", "map", None, None, "all", value, 0, 1, 4),
                (name, "segment", "hit_rate", 1, 5, "all", hits, 0, 1, 6),
                (name, "segment", "hit_rate", 1, 9, "all", 1.0, 0, 1, 6),
            ]
        seeds[seed] = metrics_table(rows)
    return by_seed(seeds, "proposed")


def test_the_table_has_means_ranges_and_differences():
    table = ablation_table(over_seeds(values()), {"proposed": "Proposed", "worse": "Worse"}, 5.0)
    assert compact(markdown_table(table)) == [
        "| Row | Seeds | mAP (%) | mAP, difference | Hit@1 at 5 s (%) | Hit@1, difference |",
        "|:-|-:|-:|-:|-:|-:|",
        "| Proposed | 2 | 70.0 <sub>[60.0–80.0]</sub> | – | 40.0 <sub>[40.0–40.0]</sub> | – |",
        "| Worse | 2 | 50.0 <sub>[50.0–50.0]</sub> | -20.0 <sub>[-30.0–-10.0]</sub> | "
        "20.0 <sub>[20.0–20.0]</sub> | -20.0 <sub>[-20.0–-20.0]</sub> |",
    ]


def test_the_figure_has_a_dot_per_seed_and_the_mean():
    axes = ablation_figure(values(), {"proposed": "Proposed", "worse": "Worse"}).axes
    dots, mean = axes[1].lines[2:4]  # of the second row, after two lines of the first
    assert sorted(np.round(dots.get_xdata(), 6)) == [-30.0, -10.0]
    assert set(np.round(mean.get_xdata(), 6)) == {-20.0}
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["Proposed", "Worse"]
