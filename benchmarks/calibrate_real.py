"""How likely an answer of the shipped model is, fitted to composed and to real music together.

Command: ``python benchmarks/calibrate_real.py --fit TRIALS… --test TRIALS… [--out JSON]``; TRIALS
are tables by rule calibrate (``results/<run>/evaluation/trials/``) and ``real_music.py --trials``
Queries that are fitted to are told by functions that have not seen them. See real_music.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from neuralsampleid.catalogue.formats import read_table
from neuralsampleid.evaluation.calibration import expected_calibration_error
from neuralsampleid.files import write_json
from neuralsampleid.library.probability import DEFAULT_PROBABILITY
from neuralsampleid.studies.trials import TRIAL_COLUMNS, calibrate, cross_validated, numbers_of

TEXTS = {"query_id", "track_id", "present", "right"}


def main() -> None:
    """Print one row per table and function."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", nargs="+", type=Path, required=True)
    parser.add_argument("--test", nargs="*", type=Path, default=[])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    fitted_to = {path.stem: read_trials(path) for path in options.fit}
    together = pd.concat(fitted_to.values(), ignore_index=True)
    print(
        "| trials | fitted to | trials | right first | error | foretold wrong | came "
        "| answers given | right |\n|---|---|" + "---:|" * 7
    )
    for name, trials in fitted_to.items():
        print(row(name, f"{name}, other queries", trials, cross_validated(trials)))
    said = cross_validated(together)
    for name in fitted_to:
        own = together["query_id"].str.startswith(f"{name}/").to_numpy()
        print(row(name, "all, other queries", together[own], said[own]))
    calibration = calibrate(together)
    for path in options.test:
        trials = read_trials(path)
        for name, other in fitted_to.items():
            print(row(path.stem, name, trials, calibrate(other).probabilities(*numbers_of(trials))))
        print(row(path.stem, "all", trials, calibration.probabilities(*numbers_of(trials))))
    print(f"\n{calibration}")
    if options.out is not None:
        write_json(options.out, calibration.as_json())


def read_trials(path: Path) -> pd.DataFrame:
    """A table of trials; queries of several tables are told apart by its name."""
    columns = {name: str if name in TEXTS else float for name in TRIAL_COLUMNS}
    table = read_table(path, columns, "trials")
    return table.assign(
        query_id=f"{path.stem}/" + table["query_id"],
        present=table["present"] == "True",
        right=table["right"] == "True",
    )


def row(name: str, source: str, trials: pd.DataFrame, said: Sequence[float]) -> str:
    """One line: the best track of each trial, and those that are given."""
    right = trials["right"].to_numpy(bool)
    best = (trials["place"] == 1).to_numpy()
    probability = np.asarray(said)
    given = best & (probability >= DEFAULT_PROBABILITY)
    cells = [
        int(best.sum()),
        int(right[best].sum()),
        f"{100 * expected_calibration_error(probability[best], right[best]):.1f}",
        f"{(1 - probability[given]).sum():.1f}",
        int((~right[given]).sum()),
        int(given.sum()),
        int(right[given].sum()),
    ]
    return f"| {name} | {source} | {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    main()
