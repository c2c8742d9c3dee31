"""Landmarks, in every way: mAP and hit rates on the demo's music, and what each step takes.

Command: ``python benchmarks/landmarks.py results/demo/data …`` with the data folders of one or more
runs (``snakemake data``). Seconds are of the processor, on one core.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import get_args

import pandas as pd

from neuralsampleid.catalogue.formats import FULL_TRACK, SEGMENT
from neuralsampleid.catalogue.tables import Catalogue, read_catalogue
from neuralsampleid.config import Evaluation, Landmarks, LandmarkWay, read_config
from neuralsampleid.evaluation.evaluate import per_query
from neuralsampleid.evaluation.queries import derive_queries
from neuralsampleid.landmarks.peaks import Peaks
from neuralsampleid.landmarks.store import peaks_of_tracks
from neuralsampleid.matching.landmarks import rank_by_landmarks

RANKS = 100
CUTOFFS = [1, 3, 10]


def main() -> None:
    """Print one row per folder and way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--config", type=Path, default=Path("config.yaml"))
    options = parser.parse_args()
    settings = read_config(options.config).landmark_settings
    print("| run | system | mAP | beat | riff | hit@1 | hit@3 | hit@10 | peaks, s | matching, s |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for folder in options.folders:
        catalogue = read_catalogue(folder)
        queries = derive_queries(catalogue, Evaluation())
        started = time.process_time()
        peaks = searchable_peaks(catalogue, settings)
        found_s = time.process_time() - started
        for way in get_args(LandmarkWay):
            started = time.process_time()
            matches = landmark_matches(catalogue, queries, peaks, settings, way)
            matched_s = time.process_time() - started
            cells = f"{cells_of(matches, queries, catalogue)} | {found_s:.1f} | {matched_s:.1f}"
            print(f"| {folder.parent.name} | {way} | {cells} |", flush=True)


def searchable_peaks(catalogue: Catalogue, settings: Landmarks) -> dict[str, Peaks]:
    """Peaks of queries, noise tracks and references."""
    return peaks_of_tracks(catalogue.tracks[catalogue.tracks["role"] != "train"], settings)


def landmark_matches(
    catalogue: Catalogue,
    queries: pd.DataFrame,
    peaks: dict[str, Peaks],
    settings: Landmarks,
    way: LandmarkWay,
) -> pd.DataFrame:
    """The rankings of all queries, columns ``formats.MATCHES``."""
    asked = {track: peaks[track] for track in catalogue.with_role("query")["track_id"]}
    searched = {
        track: peaks[track]
        for role in ("noise", "reference")
        for track in catalogue.with_role(role)["track_id"]
    }
    matches = rank_by_landmarks(queries, asked, searched, settings, way=way, ranks=RANKS)
    return matches.astype({"probability": float})


def cells_of(matches: pd.DataFrame, queries: pd.DataFrame, catalogue: Catalogue) -> str:
    """MAP of all, beats and riffs, hit rates at 1, 3, 10 of 10 s, in percent, as of a table."""
    judged = per_query(matches, queries, CUTOFFS, catalogue.occurrences)
    full = judged[judged["task"] == FULL_TRACK]
    ten = judged[(judged["task"] == SEGMENT) & (judged["query_seconds"] == 10)]
    groups = [full[full["group"] == group]["ap"].mean() for group in ("beat", "riff")]
    figures = [full["ap"].mean(), *groups, *(ten[f"hit_{k}"].mean() for k in CUTOFFS)]
    return " | ".join(f"{100 * value:.1f}" for value in figures)


if __name__ == "__main__":
    main()
