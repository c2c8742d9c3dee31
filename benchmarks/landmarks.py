"""Landmarks, in every way: mAP and hit rates on the demo's music, and what each step takes.

Command: ``python benchmarks/landmarks.py results/demo/data …`` with the data folder of one or more
runs (``snakemake data``). Seconds are of the processor, on one core.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import get_args

import pandas as pd

from neuralsampleid.config import Evaluation, Landmarks, LandmarkWay, read_config
from neuralsampleid.data.catalogue import Catalogue, read_catalogue
from neuralsampleid.evaluation.metrics import average_precision, hit_at_k
from neuralsampleid.evaluation.protocol import FULL_TRACK, derive_queries
from neuralsampleid.landmarks.matching import match_queries
from neuralsampleid.landmarks.peaks import Peaks
from neuralsampleid.landmarks.store import peaks_of_tracks


def main() -> None:
    """Print one row per folder and way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--config", type=Path, default=Path("config.yaml"))
    options = parser.parse_args()
    settings = read_config(options.config).landmarks
    print("| data | system | mAP | beat | riff | hit@1 | hit@3 | hit@10 | peaks, s | matching, s |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for folder in options.folders:
        catalogue = read_catalogue(folder)
        started = time.process_time()
        tracks = catalogue.tracks[catalogue.tracks["role"] != "train"]
        peaks = peaks_of_tracks(tracks, settings)
        found_s = time.process_time() - started
        for way in get_args(LandmarkWay):
            figures, matched_s = measure(catalogue, peaks, settings, way)
            cells = " | ".join(f"{100 * value:.1f}" for value in figures)
            print(f"| {folder} | {way} | {cells} | {found_s:.1f} | {matched_s:.1f} |", flush=True)


def measure(
    catalogue: Catalogue, peaks: dict[str, Peaks], settings: Landmarks, way: LandmarkWay
) -> tuple[list[float], float]:
    """MAP of all, beats and riffs, hit rates at 1, 3, 10 of 10 s; and seconds of matching."""
    queries = derive_queries(catalogue, Evaluation())
    roles = dict(zip(catalogue.tracks["track_id"], catalogue.tracks["role"], strict=True))
    tracks = {
        track_id: peaks[track_id]
        for role in ("noise", "reference")
        for track_id in catalogue.with_role(role)["track_id"]
    }
    asked = {track_id: found for track_id, found in peaks.items() if roles[track_id] == "query"}
    started = time.process_time()
    matches = match_queries(queries, asked, tracks, settings, way=way, ranks=100)
    matched_s = time.process_time() - started
    key = ["protocol", "query_id", "query_start_s", "query_end_s"]
    rankings = matches.groupby(key)["reference_id"].agg(list).to_dict()
    rows = []
    for query in queries.itertuples(index=False):
        ranking = rankings.get(tuple(getattr(query, name) for name in key), [])
        relevant = set(query.relevant.split("|"))
        hits = {f"hit_{k}": hit_at_k(ranking, relevant, k) for k in (1, 3, 10)}
        about = {"full": query.protocol == FULL_TRACK, "seconds": query.query_seconds}
        ap = average_precision(ranking, relevant)
        rows.append({**about, "group": query.group, "ap": ap, **hits})
    table = pd.DataFrame(rows)
    full, ten = table[table["full"]], table[table["seconds"] == 10]
    groups = [full[full["group"] == group]["ap"].mean() for group in ("beat", "riff")]
    rates = [ten[f"hit_{k}"].mean() for k in (1, 3, 10)]
    return [full["ap"].mean(), *groups, *rates], matched_s


if __name__ == "__main__":
    main()
