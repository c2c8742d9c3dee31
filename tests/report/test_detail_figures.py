"""What the figures of conditions, places and decisions show."""

import numpy as np
import pandas as pd
import pytest

from neuralsampleid.catalogue.formats import METRICS, RELIABILITY, per_query_format
from neuralsampleid.report.detail_figures import (
    calibration_figure,
    changes_figure,
    conditions_figure,
    localisation_figure,
    rejection_figure,
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
            for place, tolerance in enumerate(("0.5", "1", "2", "5")):
                about = (system, task, f"localised_{tolerance}s", 3.0, seconds, "all")
                rows.append((*about, *(part + place / 10 for part in mean), 7))
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


def test_places_have_a_line_per_system():
    figure = localisation_figure(metrics(), SYSTEMS, 5.0)
    lines = figure.axes[0].get_lines()
    assert [line.get_label() for line in lines] == ["Proposed", "Baseline (ResNet-IBN)"]
    assert lines[0].get_ydata() == pytest.approx([25, 35, 45, 55])
    assert texts(figure.axes[1]) == ["n = 7", "n = 7"]


def test_decisions_have_a_curve_per_system():
    figure = rejection_figure({"proposed": judged(10), "baseline": judged(0)}, SYSTEMS, 5.0)
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["Proposed (100)", "Baseline (ResNet-IBN) (50)"]
    assert "n = 6" in figure.axes[1].get_title()


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
        "rejection": rejection_figure(dict.fromkeys(SYSTEMS, nothing), SYSTEMS, 5.0),
    }
    for name, figure in drawn.items():
        save_figure(figure, tmp_path / name)
        assert (tmp_path / f"{name}.png").stat().st_size > 0
