"""What rungs of a ladder find, each beside the one before.

Command: ``python benchmarks/learning.py RUN/SYSTEM RUN/SYSTEM …``, such as
``results/reading/shipped_model results/reading/reading``, after these runs of the open benchmark's
validation split. It prints mAP of full tracks in percent by grade, and the paired difference of
each rung to the one before with its bootstrap interval over query tracks.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from neuralsampleid.evaluation.intervals import Bootstrap

GRADES = ("loops", "producer", "buried")


def average_precision(system: Path) -> pd.Series:
    """Of each query track, by its name."""
    table = pd.read_csv(system.parent / "evaluation" / system.name / "per_query.csv")
    whole = table[table["task"] == "full_track"]
    return whole.set_index("query_id")["ap"]


def main() -> None:
    """Print the table of some rungs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("systems", type=Path, nargs="+", metavar="RUN/SYSTEM")
    bootstrap = Bootstrap(2000, 0.95, seed=1)
    print("| rung | loops | producer | buried | all | over the one before |")
    print("|---|---:|---:|---:|---:|---:|")
    before = None
    for system in parser.parse_args().systems:
        own = average_precision(system)
        cells = [own[own.index.str.contains(f"_{grade}_")].mean() for grade in GRADES]
        difference = "–"
        if before is not None:
            gain = 100 * (own - before).dropna()
            found = bootstrap.mean(gain, gain.index)
            difference = f"{found.value:+.1f} [{found.low:.1f}–{found.high:.1f}]"
        values = " | ".join(f"{100 * value:.1f}" for value in [*cells, own.mean()])
        print(f"| {system.name} | {values} | {difference} |")
        before = own


if __name__ == "__main__":
    main()
