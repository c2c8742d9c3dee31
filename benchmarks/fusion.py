"""Encoders and landmarks, apart and as one: mAP and hit rates of runs that rank by encoders.

Command: ``python benchmarks/fusion.py results/demo … --systems proposed baseline`` with one or more
runs whose rankings of these systems are there. Landmarks by passages are matched anew.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from landmarks import RANKS, cells_of, landmark_matches, searchable_peaks
from neuralsampleid.catalogue.formats import MATCHES, QUERIES, read_table
from neuralsampleid.catalogue.tables import read_catalogue
from neuralsampleid.config import read_config
from neuralsampleid.matching.fusion import fuse


def main() -> None:
    """Print a row for landmarks, and two for each system, alone and with them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--systems", nargs="+", default=["proposed"])
    parser.add_argument("--config", type=Path, default=Path("config.yaml"))
    options = parser.parse_args()
    settings = read_config(options.config).landmark_settings
    print("| run | system | mAP | beat | riff | hit@1 | hit@3 | hit@10 |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for run in options.runs:
        catalogue = read_catalogue(run / "data")
        queries = read_table(run / "evaluation/queries.csv", QUERIES)
        peaks = searchable_peaks(catalogue, settings)
        landmarks = landmark_matches(catalogue, queries, peaks, settings, "passages")
        rankings = {"landmarks": landmarks}
        for system in options.systems:
            alone = read_table(run / "evaluation" / system / "matches.csv", MATCHES)
            rankings |= {system: alone, f"{system} + landmarks": fuse([alone, landmarks], RANKS)}
        for name, ranking in rankings.items():
            cells = cells_of(ranking, queries, catalogue)
            print(f"| {run.name} | {name} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
