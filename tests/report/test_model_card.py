"""The card tells the figures that it was given."""

from pathlib import Path

import pandas as pd

from helpers.paper import paper_resnet_ibn
from helpers.tables import compact
from neuralsampleid.catalogue.formats import METRICS
from neuralsampleid.config import DemoData
from neuralsampleid.library.probability import Calibration
from neuralsampleid.report.model_card import Shipped, model_card

ROWS = [
    ("default", "full_track", "map", None, None, "all", 0.371, 0.293, 0.45, 100),
    ("default", "segment", "hit_rate", 1, 10.0, "all", 0.314, 0.233, 0.399, 239),
    ("default", "segment", "hit_rate", 1, 10.0, "level_db:..-6", 0.219, 0.107, 0.338, 73),
    ("default", "segment", "hit_rate", 10, 10.0, "beat", 0.5, 0.4, 0.6, 40),
    ("untrained", "full_track", "map", None, None, "all", 0.019, 0.01, 0.032, 100),
]


def test_figures_are_in_their_places():
    settings = paper_resnet_ibn()
    calibration = Calibration(0.0, 1.0, 1.0, 14, 0.034, 0.021, 0.0456)
    size = (3_400_000, 2**20, 0.9996, 128, 0.9)
    shipped = Shipped("default", settings, DemoData(queries=7), 3, *size, calibration)
    curves = pd.DataFrame(
        {"epoch": [0, 1], "metric": ["validation_hit_rate_1"] * 2, "value": [0.5, 0.746]}
    )
    card = model_card(shipped, pd.DataFrame(ROWS, columns=[*METRICS]), curves, "## By hand\n")
    lines = compact(card)
    (default,) = [line for line in lines if line.startswith("| default |")]
    (untrained,) = [line for line in lines if line.startswith("| untrained |")]
    assert "| 37.1 <sub>[29.3–45.0]</sub> |" in default
    assert "31.4 <sub>[23.3–39.9]</sub>" in default
    assert untrained.count("–") == 1 + 6  # its interval, and what is not known
    assert "| Level in the mix (dB): below -6 | 73 | 21.9 <sub>[10.7–33.8]</sub> | – |" in lines
    assert "beat" not in card
    for told in (
        "3.4 million",
        "1.0 MiB",
        "0.9996",
        "7 tracks",
        "75 %",
        "seed 3",
        "is 3.4 points",
        "2.1 wrong answers per 100",
        "and 4.6 observed",
        "14 trials",
        "90 % bootstrap intervals",
    ):
        assert told in " ".join(card.split())
    assert card.endswith("\n\n## By hand\n")


def test_the_card_in_the_repository_ends_with_the_notes():
    docs = Path(__file__).parents[2] / "docs"
    notes = (docs / "model-card-notes.md").read_text(encoding="utf-8")
    assert (docs / "model-card.md").read_text(encoding="utf-8").endswith(f"\n\n{notes}")
