"""What the figures show, and that their files repeat byte for byte."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neuralsampleid.catalogue.formats import METRICS
from neuralsampleid.errors import UserError
from neuralsampleid.report.drawing import FEWEST, KIND_COLOURS, save_figure, series_style
from neuralsampleid.report.figures import (
    hit_rate_figure,
    learning_curves_figure,
    map_figure,
    ranks_figure,
    separation_figure,
)
from neuralsampleid.separation.quality import QUALITY_COLUMNS

NAN = float("nan")
SYSTEMS = {"proposed": "Proposed", "baseline": "Baseline (ResNet-IBN)"}
KINDS = {"proposed": "encoder", "baseline": "landmarks", "random": "bound", "not_run": "external"}


def metrics(lengths=(5.0, 10.0), number=20):
    rows = []
    for share, system in enumerate(SYSTEMS, 1):
        mean = (share / 4, share / 4 - 0.1, share / 4 + 0.1, 24)
        rows.append((system, "full_track", "map", NAN, NAN, "all", *mean))
        for seconds in lengths:
            for k in (1.0, 10.0):
                found = (share / 4, share / 4 - 0.1, share / 4 + 0.1) if number else (NAN,) * 3
                about = (system, "segment", "hit_rate", k, seconds)
                rows.append((*about, "all", *found, number))
                rows.append((*about, "beat", NAN, NAN, NAN, 0))
    return pd.DataFrame(rows, columns=list(METRICS))


def judged(*ranks):
    return pd.DataFrame({"task": ["full_track"] * len(ranks), "first_rank": ranks})


def curves():
    rows = [
        (encoder, step // 2, step, name, value)
        for encoder in ("gnn", "reranker")
        for step in range(6)
        for name, value in (
            ("train_loss", 5.0 - step),
            ("validation_loss", NAN if step % 2 else 5.5 - step),
            ("validation_hit_rate_1" if encoder == "gnn" else "validation_auroc", step / 6),
        )
    ]
    return pd.DataFrame(rows, columns=["encoder", "epoch", "step", "metric", "value"])


def quality():
    rows = [
        (f"t{track}", stem, track + shift, -6.0 - track)
        for track in range(5)
        for shift, stem in enumerate(("vocals", "drums", "bass"))
    ]
    return pd.DataFrame(rows, columns=list(QUALITY_COLUMNS))


def overlapping(figure):
    """Pairs of texts, of those drawn, whose boxes intersect."""
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    texts = [text for legend in figure.legends for text in legend.get_texts()]
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):  # ticks out of view have labels that are not drawn
            low, high = sorted(axis.get_view_interval())
            texts += [
                tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high
            ]
        texts += axes.texts
        texts += [axes.xaxis.label, axes.yaxis.label, axes.title]
    boxes = [
        (text.get_text(), text.get_window_extent(renderer))
        for text in texts
        if text.get_text() and text.get_visible()
    ]
    return [
        (one, other)
        for place, (one, box) in enumerate(boxes)
        for other, second in boxes[:place]
        if box.overlaps(second)
    ]


def line(axes, label):
    return next(drawn for drawn in axes.lines if drawn.get_label() == label)


def test_hit_rates_in_percent_with_their_numbers_of_queries():
    chance = metrics().query("system == 'proposed'").assign(system="random", value=0.05)
    table = pd.concat([metrics(), chance])
    figure = hit_rate_figure(table, {**SYSTEMS, "random": "Random"}, KINDS)
    assert [axes.get_title() for axes in figure.axes] == ["Proposed", "Baseline (ResNet-IBN)"]
    axes = figure.axes[1]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["5 s\nn = 20", "10 s\nn = 20"]
    np.testing.assert_allclose(line(axes, "at 10").get_ydata(), [50, 50])
    np.testing.assert_allclose(line(axes, "random ranking").get_ydata(), [5, 5])
    low, high = axes.collections[0].get_datalim(axes.transData).intervaly
    assert (low, high) == pytest.approx((40, 60))
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["at 1", "at 10", "random ranking"]


def test_few_queries_are_not_drawn():
    figure = hit_rate_figure(metrics(number=FEWEST - 1), SYSTEMS, KINDS)
    assert np.isnan(line(figure.axes[0], "at 1").get_ydata()).all()
    figure = hit_rate_figure(metrics(number=FEWEST), SYSTEMS, KINDS)
    assert not np.isnan(line(figure.axes[0], "at 1").get_ydata()).any()


def test_map_shows_values():
    axes = map_figure(metrics(), SYSTEMS, KINDS).axes[0]
    assert {text.get_text() for text in axes.texts} == {"25.0", "50.0"}
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        "Proposed",
        "Baseline (ResNet-IBN)",
    ]


def both_protocols():
    released = metrics().assign(protocol="released")
    corrected = metrics().assign(protocol="corrected")
    corrected["value"] /= 2
    corrected.loc[corrected["system"] == "proposed", "queries"] += 7
    return pd.concat([released, corrected])


def test_protocols_have_lines_of_their_own_and_the_papers_figure_is_marked():
    protocols = ["released", "corrected"]
    figure = map_figure(both_protocols(), SYSTEMS, KINDS, protocols, {"baseline": 44.2})
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        "Proposed, released",
        "Proposed, corrected",
        "Baseline (ResNet-IBN), released",
        "Baseline (ResNet-IBN), corrected",
    ]
    shown = [text.get_text() for text in axes.texts]
    assert shown == ["25.0", "12.5", "50.0", "25.0", "quoted 44.2"]
    colours = [drawn.get_color() for drawn in axes.lines]
    assert colours[0] == colours[1] != colours[2] == colours[3]
    (mark,) = axes.collections[-1].get_segments()
    np.testing.assert_allclose(mark, [[44.2, 1.6], [44.2, 3.4]])
    assert axes.get_xlabel() == "Mean average precision (%), 24–31 full-track queries"
    assert overlapping(figure) == []


def test_hit_rates_have_a_panel_per_protocol():
    figure = hit_rate_figure(both_protocols(), SYSTEMS, KINDS, ["released", "corrected"])
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:2] == ["Proposed, released", "Proposed, corrected"]
    drawn = [line(axes, "at 1").get_ydata() for axes in figure.axes[2:]]
    np.testing.assert_allclose(drawn, [[50, 50], [25, 25]])
    ticks = [axes.get_xticklabels()[0].get_text() for axes in figure.axes[:2]]
    assert ticks == ["5 s\nn = 20", "5 s\nn = 27"]
    assert overlapping(figure) == []


def test_curves_share_a_panel_between_training_and_validation():
    figure = learning_curves_figure(curves())
    assert [axes.get_title() for axes in figure.axes] == [
        "GNN: Loss",
        "GNN: Hit rate at 1",
        "Re-ranker: Loss",
        "Re-ranker: AUROC",
    ]
    assert list(line(figure.axes[0], "train").get_ydata()) == [5, 4, 3, 2, 1, 0]
    assert list(line(figure.axes[0], "validation").get_xdata()) == [0, 2, 4]


def test_encoders_may_have_fewer_panels_and_a_single_step():
    table = curves()
    table = table[(table["encoder"] == "gnn") | (table["metric"] == "train_loss")]
    figure = learning_curves_figure(table[table["step"] == 0])
    assert [axes.get_title() for axes in figure.axes][2:] == ["Re-ranker: Loss"]
    assert {drawn.get_marker() for axes in figure.axes for drawn in axes.lines} == {"o"}


def test_bars_are_shares_of_full_tracks_by_first_rank():
    segments = judged(7.0).assign(task="segment")
    ranks = {
        "proposed": pd.concat([judged(1.0, 1.0, 4.0, NAN), segments]),
        "baseline": judged(12.0),
    }
    figure = ranks_figure(ranks, SYSTEMS, [10, 1])
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["1", "2 to 10", "from 11", "not found"]
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    assert widths == [50, 25, 0, 25, 0, 0, 100, 0]
    assert [text.get_text() for text in figure.axes[0].texts] == ["50", "25", "25", "100"]
    assert "share of 1–4 full tracks" in figure.axes[0].get_xlabel()


def test_separation_leaves_out_silent_stems():
    table = pd.concat(
        [quality(), pd.DataFrame([("t9", "bass", -np.inf, NAN)], columns=list(QUALITY_COLUMNS))]
    )
    axes = separation_figure(table).axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        "Vocals (n = 5)",
        "Drums (n = 5)",
        "Bass (n = 5)",
    ]
    assert list(line(axes, "Separated").get_xdata()) == [0, 1, 2, 3, 4]


def test_a_kind_of_system_has_one_colour_everywhere():
    bars = map_figure(metrics(), SYSTEMS, KINDS).axes[0].lines
    panels = hit_rate_figure(metrics(), SYSTEMS, KINDS).axes
    for place, kind in enumerate(("encoder", "landmarks")):
        assert bars[place].get_color() == KIND_COLOURS[kind]
        assert panels[place].lines[0].get_color() == KIND_COLOURS[kind]
    assert len(set(KIND_COLOURS.values())) == len(KIND_COLOURS)
    assert len({series_style(place) for place in range(20)}) == 20


@pytest.mark.parametrize("number", [1, 2, 11])
def test_no_labels_overlap(number):
    names = {
        f"{place}_system": f"System {place}, of which the label is long"[: 10 + 3 * place]
        for place in range(number)
    }
    table = metrics(lengths=(5.0, 7.0, 10.0, 15.0, 20.0), number=1234)
    ranks = {name: judged(1.0, 2.0, 90.0, NAN) for name in names}
    kinds = dict.fromkeys(names, "encoder")
    figures = [hit_rate_figure(table, names, kinds), map_figure(table, names, kinds)]
    figures += [ranks_figure(ranks, names, [1, 3, 10]), learning_curves_figure(curves())]
    for figure in [*figures, separation_figure(quality())]:
        assert overlapping(figure) == []


def test_nothing_to_show_is_shown_as_nothing(tmp_path: Path):
    save_figure(hit_rate_figure(metrics((5.0,), number=0), SYSTEMS, KINDS), tmp_path / "hits")
    save_figure(map_figure(metrics(), {"not_run": "Not run"}, KINDS), tmp_path / "map")
    save_figure(
        ranks_figure({"proposed": judged()}, {"proposed": "Proposed"}, [1]), tmp_path / "ranks"
    )
    with pytest.raises(UserError, match="learning curves"):
        learning_curves_figure(curves()[:0])
    with pytest.raises(UserError, match="separation"):
        separation_figure(quality().assign(si_sdr_db=-np.inf))


def test_two_drawings_are_the_same_bytes(tmp_path: Path):
    for name in ("a", "b"):
        save_figure(hit_rate_figure(metrics(), SYSTEMS, KINDS), tmp_path / f"{name}.v1")
    for suffix in (".png", ".pdf"):
        one, other = (tmp_path / f"{name}.v1{suffix}" for name in ("a", "b"))
        assert one.read_bytes() == other.read_bytes()
        assert b"Date" not in one.read_bytes()
