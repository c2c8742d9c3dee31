"""What the figures of conditions, places and decisions show."""

import numpy as np
import pandas as pd
import pytest

from neuralsampleid.catalogue.formats import ANSWERS, METRICS, RELIABILITY
from neuralsampleid.report.detail_figures import (
    answer_figure,
    calibration_figure,
    conditions_figure,
    localisation_figure,
)
from neuralsampleid.report.drawing import KIND_COLOURS, save_figure

NAN = float("nan")
SYSTEMS = {"proposed": "Proposed", "baseline": "Baseline (ResNet-IBN)", "random": "Random ranking"}
KINDS = {"proposed": "encoder", "baseline": "encoder", "random": "bound"}
CONDITIONS = ["grade:loops", "level_db:..0", "level_db:0..", "tempo_ratio:..1", "tempo_ratio:1.."]


def metrics():
    """Of a tempo above 1 there are too few queries, of one grade no other."""
    rows = []
    for share, system in enumerate(SYSTEMS, 1):
        mean = (share / 4, share / 4 - 0.1, share / 4 + 0.1)
        for group in ("all", *CONDITIONS):
            few = group == "tempo_ratio:1.."
            about = (group, *mean)
            rows.append((system, "full_track", "map", NAN, NAN, *about, 3 if few else 24))
            rows.append((system, "segment", "hit_rate", 3.0, 5.0, *about, 9 if few else 30))
        for task, seconds in (("full_track", NAN), ("segment", 5.0)):
            rows.append((system, task, "answer_recall", NAN, seconds, "all", *mean, 24))
        for kind in ("occurrence", "strict_occurrence", "per_second"):
            for scope in ("", "_in_right_answers"):
                about = (system, "full_track", f"{kind}_f1{scope}", NAN, NAN, "all")
                rows.append((*about, *mean, 9 if system == "baseline" and scope else 24))
    return pd.DataFrame(rows, columns=list(METRICS))


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_conditions_are_rows_of_the_best_system_of_each_kind():
    figure = conditions_figure(metrics(), SYSTEMS, KINDS, CONDITIONS, 5.0)
    first, second = figure.axes
    labels = [label.get_text() for label in first.get_yticklabels()]
    # A dimension of which one value remains is left out.
    assert labels == ["All", "Level in the mix (dB)", "below 0", "from 0"]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["Baseline (ResNet-IBN)", "Random ranking"]
    (drawn,) = first.get_lines()
    assert drawn.get_xdata() == pytest.approx([50, 50, 50])
    assert drawn.get_ydata() == pytest.approx([0, 2, 3])
    assert texts(first) == ["n = 24"] * 3
    assert texts(second) == ["n = 30"] * 3
    assert second.get_title().startswith("Hit rate at 3")


def test_places_have_a_row_per_system_and_a_marker_per_measure():
    overall, right = localisation_figure(metrics(), SYSTEMS).axes
    assert [line.get_label() for line in overall.get_lines()] == [
        "Occurrences", "All ends within 0.5 s", "Per second",
    ]  # fmt: skip
    assert overall.get_lines()[0].get_xdata() == pytest.approx([25, 50, 75])
    # Of nine tracks nothing is drawn.
    assert right.get_lines()[2].get_xdata() == pytest.approx([25, NAN, 75], nan_ok=True)
    assert [label.get_text() for label in overall.get_yticklabels()] == list(SYSTEMS.values())


def test_answers_have_a_curve_and_the_stated_threshold_of_the_best_of_each_kind():
    curves = pd.DataFrame(
        [("proposed", 0.0, 0.2), ("baseline", 0.0, 0.2), ("baseline", 0.5, 0.4)],
        columns=list(ANSWERS),
    )
    quantities = pd.DataFrame(
        [("baseline", "full_track", "pairs_wrong", NAN, NAN, "all", 6.0, 3.0, 9.0, 24)],
        columns=list(METRICS),
    )
    (axes,) = answer_figure(curves, metrics(), quantities, SYSTEMS, KINDS).axes
    curve, stated, chance, unknown = axes.get_lines()
    assert curve.get_ydata()[:3] == pytest.approx([0, 20, 40])
    assert (stated.get_xdata()[0], stated.get_ydata()[0]) == pytest.approx((0.25, 50))
    assert stated.get_label() == "Baseline (ResNet-IBN)"
    assert chance.get_color() == KIND_COLOURS["bound"]
    assert np.isnan(unknown.get_xdata()[0])


def test_a_reliability_curve_leaves_out_empty_bins():
    rows = [
        ("proposed", low / 10, (low + 1) / 10, 4 * (low > 5), low / 10 + 0.05, 0.5)
        for low in range(10)
    ]
    table = pd.DataFrame(rows, columns=list(RELIABILITY))
    table.loc[table["pairs"] == 0, ["mean_probability", "share_right"]] = np.nan
    figure = calibration_figure(table, SYSTEMS)
    _, curve = figure.axes[0].get_lines()
    assert curve.get_xdata() == pytest.approx([65, 75, 85, 95])
    assert curve.get_ydata() == pytest.approx([50] * 4)


def test_without_conditions_or_answers_the_figures_are_empty_but_drawn(tmp_path):
    drawn = {
        "conditions": conditions_figure(metrics(), SYSTEMS, KINDS, [], 5.0),
        "localisation": localisation_figure(metrics()[:0], SYSTEMS),
        "answers": answer_figure(
            pd.DataFrame(columns=list(ANSWERS)), metrics()[:0], metrics()[:0], SYSTEMS, KINDS
        ),
    }
    for name, figure in drawn.items():
        save_figure(figure, tmp_path / name)
        assert (tmp_path / f"{name}.png").stat().st_size > 0
