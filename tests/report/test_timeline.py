"""The figure of one query's time line."""

from dataclasses import replace

from matplotlib.patches import Polygon, Rectangle

from helpers.views import view
from neuralsampleid.report.drawing import save_figure
from neuralsampleid.report.timeline import COLOURS, timeline_figure


def test_all_parts_are_drawn_right_tracks_before_false_alarms(tmp_path):
    figure = timeline_figure(view(), references=2)
    wrong, right = figure.axes  # as they are ranked
    assert wrong.get_title(loc="left") == "Wrong (rank 1, false alarm)"
    assert right.get_title(loc="left") == "Right (rank 2, sampled here)"
    boxes = [part for part in right.patches if isinstance(part, Rectangle)]
    assert len(boxes) == 2 + 2 * 3  # both tracks, and three links
    assert {(box.get_x(), box.get_width()) for box in boxes[:2]} == {(0, 60.0), (0, 80.0)}
    assert (9, 6) in {(box.get_x(), box.get_width()) for box in boxes}
    assert sum(isinstance(part, Polygon) for part in right.patches) == 3 + 1  # the missed is dashed
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(labels) == 4
    save_figure(figure, tmp_path / "timeline")
    assert (tmp_path / "timeline.png").stat().st_size > 5000

    (only,) = timeline_figure(view(), references=1).axes
    assert only.get_title(loc="left").startswith("Right")


def test_a_query_without_references_is_an_empty_panel():
    (axes,) = timeline_figure(replace(view(), references=())).axes
    assert not axes.patches
    assert set(COLOURS) >= {"right", "missed"}
