"""How far the probabilities of ``nsid identify`` hold, on queries that they were not fitted to.

Command: ``python benchmarks/calibrations.py results/calibrations_validation``, a run of
``snakemake calibrations`` with the shipped model and landmarks; calibrations.md says how it is
made. Trials are judged by the calibrations that ship.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from neuralsampleid.catalogue.formats import read_table
from neuralsampleid.composer.grades import GRADES
from neuralsampleid.evaluation.calibration import expected_calibration_error
from neuralsampleid.library.fingerprinter import LANDMARK_CALIBRATION
from neuralsampleid.library.probability import DEFAULT_PROBABILITY, FILE, read_calibration
from neuralsampleid.models.weights import SHIPPED_FILE
from neuralsampleid.studies.trials import TRIAL_COLUMNS, numbers_of

SYSTEMS = {
    "shipped model": ("evaluation/trials/shipped.csv", SHIPPED_FILE.with_name(FILE)),
    "landmarks": ("fingerprints/landmarks/trials.csv", LANDMARK_CALIBRATION),
}
TEXTS = {"query_id", "track_id", "present", "right"}
TRIAL, PAIR = ["query_id", "present"], ["query_id", "present", "track_id"]
EDGES = [0, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 1]


def main() -> None:
    """Print what is answered by system and grade, and the reliability of first tracks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    options = parser.parse_args()
    judged = {
        name: read_trials(options.run / table, calibration)
        for name, (table, calibration) in SYSTEMS.items()
    }
    # Of a track that both find, the more probable answer is given.
    together = pd.concat(judged.values()).sort_values("probability", ascending=False, kind="stable")
    judged["both"] = together.drop_duplicates(PAIR)
    print("| system | grade | trials | sampled | first is right | error (points) ", end="")
    print("| given | wrong | foretold | given without |\n|---|---|" + "---:|" * 8)
    for name, trials in judged.items():
        for grade in ("all", *GRADES):
            own = trials[trials["query_id"].str.contains("" if grade == "all" else f"_{grade}_")]
            print(f"| {name} | {grade} | {' | '.join(map(str, answers(own)))} |")
    print("\n| system | said (%) | first tracks | mean said (%) | right (%) |")
    print("|---|---|---:|---:|---:|")
    for name, trials in judged.items():
        for cells in reliability(first_of(trials)):
            print(f"| {name} | {' | '.join(map(str, cells))} |")


def read_trials(path: Path, calibration_file: Path) -> pd.DataFrame:
    """``TRIAL_COLUMNS`` and the probability that a calibration says."""
    columns = {name: str if name in TEXTS else float for name in TRIAL_COLUMNS}
    table = read_table(path, columns, "trials")
    calibration = read_calibration(calibration_file)
    assert calibration is not None
    return table.assign(
        present=table["present"] == "True",
        right=table["right"] == "True",
        probability=calibration.probabilities(*numbers_of(table)),
    )


def first_of(trials: pd.DataFrame) -> pd.DataFrame:
    """The most probable track of each trial."""
    return trials.sort_values("probability", ascending=False, kind="stable").drop_duplicates(TRIAL)


def answers(trials: pd.DataFrame) -> list[object]:
    """Cells of a row."""
    first = first_of(trials)
    given = trials[trials["probability"] >= DEFAULT_PROBABILITY]
    error = expected_calibration_error(first["probability"], first["right"])
    return [
        len(first),
        int(trials["right"].sum()),
        int(first["right"].sum()),
        f"{100 * error:.1f}",
        len(given),
        int((~given["right"]).sum()),
        f"{(1 - given['probability']).sum():.1f}",
        given.loc[~given["present"], "query_id"].nunique(),
    ]


def reliability(first: pd.DataFrame) -> list[list[object]]:
    """Cells of a row for each interval of probability that has a track."""
    rows = []
    for low, high in pairwise(EDGES):
        said = first["probability"]
        own = first[(said >= low) & (said < high) if high < 1 else said >= low]
        if len(own):
            means = (f"{100 * np.mean(own[name]):.0f}" for name in ("probability", "right"))
            rows.append([f"{100 * low:.0f}–{100 * high:.0f}", len(own), *means])
    return rows


if __name__ == "__main__":
    main()
