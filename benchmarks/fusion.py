"""Encoders and landmarks, apart and as one: mAP and hit rates of runs that rank by encoders.

Command: ``python benchmarks/fusion.py results/demo … --systems proposed baseline`` with one or more
runs whose rankings of these systems are there. Landmarks by passages are matched anew.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from neuralsampleid.config import read_config
from neuralsampleid.data.catalogue import Catalogue, read_catalogue
from neuralsampleid.data.formats import MATCHES, QUERIES, read_table
from neuralsampleid.evaluation.evaluate import per_query
from neuralsampleid.landmarks.matching import match_queries
from neuralsampleid.landmarks.store import peaks_of_tracks
from neuralsampleid.retrieval.fusion import fuse

RANKS = 100
CUTOFFS = [1, 3, 10]


def main() -> None:
    """Print a row for landmarks, and two for each system, alone and with them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--systems", nargs="+", default=["proposed"])
    parser.add_argument("--config", type=Path, default=Path("config.yaml"))
    options = parser.parse_args()
    settings = read_config(options.config).landmarks
    print("| run | system | mAP | beat | riff | hit@1 | hit@3 | hit@10 |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for run in options.runs:
        catalogue = read_catalogue(run / "data")
        queries = read_table(run / "evaluation/queries.csv", QUERIES)
        peaks = peaks_of_tracks(catalogue.tracks[catalogue.tracks["role"] != "train"], settings)
        asked = {track: peaks[track] for track in catalogue.with_role("query")["track_id"]}
        searched = {
            track: peaks[track]
            for role in ("noise", "reference")
            for track in catalogue.with_role(role)["track_id"]
        }
        landmarks = match_queries(
            queries, asked, searched, settings, way="passages", ranks=RANKS
        ).astype({"probability": float})
        rankings = {"landmarks": landmarks}
        for system in options.systems:
            alone = read_table(run / "evaluation" / system / "matches.csv", MATCHES)
            rankings |= {system: alone, f"{system} + landmarks": fuse([alone, landmarks], RANKS)}
        for name, ranking in rankings.items():
            figures = figures_of(ranking, queries, catalogue)
            cells = " | ".join(f"{100 * value:.1f}" for value in figures)
            print(f"| {run.name} | {name} | {cells} |", flush=True)


def figures_of(ranking: pd.DataFrame, queries: pd.DataFrame, catalogue: Catalogue) -> list[float]:
    """MAP of all, beats and riffs; hit rates at 1, 3, 10 of 10 s."""
    judged = per_query(ranking, queries, CUTOFFS, catalogue.occurrences)
    full = judged[judged["protocol"] == "full_track"]
    ten = judged[(judged["protocol"] == "segment") & (judged["query_seconds"] == 10)]
    groups = [full[full["group"] == group]["ap"].mean() for group in ("beat", "riff")]
    return [full["ap"].mean(), *groups, *(ten[f"hit_{k}"].mean() for k in CUTOFFS)]


if __name__ == "__main__":
    main()
