"""What the figures of conditions, places and decisions show."""

import numpy as np
import pandas as pd
import pytest

from neuralsampleid.catalogue.formats import ANSWERS, METRICS, RELIABILITY, per_query_format
from neuralsampleid.report.detail_figures import (
    answer_figure,
    calibration_figure,
    changes_figure,
    conditions_figure,
    localisation_figure,
)
from neuralsampleid.report.drawing import save_figure

NAN = float("nan")
SYSTEMS = {"proposed": "Proposed", "baseline": "Baseline (ResNet-IBN)"}
CONDITIONS = ["level_db:..0", "level_db:0..", "tempo_ratio:..1"]


def metrics():
    rows = []
    for share, system in enumerate(SYSTEMS, 1):
        mean = (share / 4, share / 4 - 0.1, share / 4 + 0.1)
        for group in ("all", *CONDITIONS[:2]):
            rows.append((system, "full_track", "map", NAN, NAN, group, *mean, 24))
            rows.append((system, "segment", "hit_rate", 3.0, 5.0, group, *mean, 30))
        for task, seconds in (("full_track", NAN), ("segment", 5.0)):
            rows.append((system, task, "answer_recall", NAN, seconds, "all", *mean, 24))
        for kind in ("occurrence", "strict_occurrence", "per_second"):
            for scope in ("", "_in_right_answers"):
                about = (system, "full_track", f"{kind}_f1{scope}", NAN, NAN, "all")
                rows.append((*about, *mean, 7))
    return pd.DataFrame(rows, columns=list(METRICS))


def judged(shift):
    rows = []
    for track in range(6):
        conditions = f"pitch_semitones:0..|tempo_ratio:{('..1', '1..')[track % 2]}"
        for task, seconds in (("full_track", NAN), ("segment", 5.0)):
            about = {"query_id": f"q{track}", "query_seconds": seconds, "conditions": conditions}
            own = {"best_score": track + shift, "hit_3": float(track < 4)}
            rows.append({"task": task, **own, **about})
            rows.append({"task": f"{task}_absent", "best_score": track, **about})
    return pd.DataFrame(rows, columns=list(per_query_format([3])))


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_conditions_show_values_and_counts():
    figure = conditions_figure(metrics(), SYSTEMS, CONDITIONS, 5.0)
    first, second = figure.axes
    assert [label.get_text() for label in first.get_xticklabels()] == [
        "below 0\nn = 24",
        "from 0\nn = 24",
        "below 1\nn = 0",
    ]
    assert texts(first)[:4] == ["25", "25", "50", "50"]
    assert {"Level in the mix (dB)", "Tempo ratio"} <= set(texts(first))
    assert second.get_title(loc="left").startswith("Hit rate at 3")


def test_changes_show_a_cell_per_pair_of_conditions():
    figure = changes_figure(dict.fromkeys(SYSTEMS, judged(0)), SYSTEMS, 3, 5.0)
    assert len(figure.axes) == 2
    assert texts(figure.axes[0]) == ["67\n(3)", "67\n(3)"]


def test_places_have_a_row_per_system_and_a_marker_per_measure():
    figure = localisation_figure(metrics(), SYSTEMS)
    overall, right = figure.axes
    assert [line.get_label() for line in overall.get_lines()] == [
        "Occurrences", "All ends within 0.5 s", "Per second",
    ]  # fmt: skip
    assert overall.get_lines()[0].get_xdata() == pytest.approx([25, 50])
    assert right.get_lines()[2].get_xdata() == pytest.approx([25, 50])
    assert [label.get_text() for label in overall.get_yticklabels()] == list(SYSTEMS.values())


def test_answers_have_a_curve_and_the_stated_threshold_per_system():
    curves = pd.DataFrame(
        [("proposed", 0.0, 0.2), ("proposed", 0.5, 0.4), ("baseline", 2.0, 0.1)],
        columns=list(ANSWERS),
    )
    quantities = pd.DataFrame(
        [("proposed", "full_track", "pairs_wrong", NAN, NAN, "all", 6.0, 3.0, 9.0, 24)],
        columns=list(METRICS),
    )
    (axes,) = answer_figure(curves, metrics(), quantities, SYSTEMS).axes
    curve, stated, _, unknown = axes.get_lines()
    assert curve.get_ydata()[:3] == pytest.approx([0, 20, 40])
    assert (stated.get_xdata()[0], stated.get_ydata()[0]) == pytest.approx((0.25, 25))
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
    nothing = judged(0)[:0]
    drawn = {
        "conditions": conditions_figure(metrics(), SYSTEMS, [], 5.0),
        "changes": changes_figure(dict.fromkeys(SYSTEMS, nothing), SYSTEMS, 3, 5.0),
        "answers": answer_figure(
            pd.DataFrame(columns=list(ANSWERS)), metrics()[:0], metrics()[:0], SYSTEMS
        ),
    }
    for name, figure in drawn.items():
        save_figure(figure, tmp_path / name)
        assert (tmp_path / f"{name}.png").stat().st_size > 0
