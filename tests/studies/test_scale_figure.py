"""The scale study's figure shows every kind at every size, on both costs."""

from pathlib import Path

import pandas as pd

from neuralsampleid.report.drawing import save_figure
from neuralsampleid.studies.scale import COLUMNS, DISTANCE_COLUMNS
from neuralsampleid.studies.scale_figure import scale_figure


def indexes() -> pd.DataFrame:
    rows = [
        (10**size, kind, None, None, 65, 0.1, 0.2, 0.3, kept, 0.1 * size, 0.1, 2, 1.0, stored)
        for size in (4, 5)
        for kind, kept, stored in (("flat", 1.0, 520.0), ("ivfpq_rescored", 0.9, 212.0))
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def distances() -> pd.DataFrame:
    rows = [
        (name, neighbour, share / 10, 0.5 + share / 100 + neighbour / 100)
        for name in ("fitted noise", "held-out noise", "distractors")
        for neighbour in (1, 20)
        for share in range(1, 10)
    ]
    return pd.DataFrame(rows, columns=list(DISTANCE_COLUMNS))


def test_every_kind_and_size_is_drawn(tmp_path: Path):
    figure = scale_figure(indexes(), distances())
    kept, stored, hits, curves = figure.axes
    labels = kept.get_legend_handles_labels()[1]
    assert labels == ["Flat", "IVF-PQ, re-scored"]
    lines = {line.get_label(): line for line in stored.lines}
    assert lines["Flat"].get_xdata().tolist() == [520.0, 520.0]
    assert lines["IVF-PQ, re-scored"].get_ydata().tolist() == [90.0, 90.0]
    assert hits.lines[0].get_xdata().tolist() == [10_000, 100_000]
    assert len(curves.lines) == 6
    save_figure(figure, tmp_path / "scale")
    first = (tmp_path / "scale.png").read_bytes()
    save_figure(scale_figure(indexes(), distances()), tmp_path / "scale")
    assert (tmp_path / "scale.png").read_bytes() == first
