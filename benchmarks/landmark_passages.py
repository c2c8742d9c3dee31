"""What a second of a passage by landmarks costs, and which landmarks are looked up.

Command: ``python benchmarks/landmark_passages.py SET``, a set of ``real_music.py`` after
``--weights landmarks``. Wrong answers are the best wrong track of every query, once with its sample
in the catalogue and once without, which for landmarks is the same track.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from neuralsampleid.audio.folder import audio_files
from neuralsampleid.config import Landmarks
from neuralsampleid.landmarks.lines import SECOND_COST, TELLING, LandmarkIndex
from neuralsampleid.landmarks.peaks import Peaks
from neuralsampleid.library.fingerprinter import Fingerprinter
from neuralsampleid.library.store import open_library

COSTS = (0.0, 0.5, 1.0, 2.0, 4.0)
SHARES = (1.0, 0.75, 0.5)
WRONG = (0, 1, 4)


def main() -> None:
    """Print one row per setting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", type=Path)
    options = parser.parse_args()
    library = open_library(options.set / "catalogues/landmarks")
    names, tracks = [paths[0] for paths in library.paths], library.landmarks
    fingerprinter = Fingerprinter(landmarks=Landmarks())
    queries = {
        path.name: fingerprinter.of_file(path).landmarks
        for path in audio_files(options.set / "queries")
    }
    truth = pd.read_csv(options.set / "annotations.csv", dtype={"query_id": str})
    sampled = truth.groupby("query_id")["reference_id"].first().to_dict()
    right = {query: names.index(reference) for query, reference in sampled.items()}
    print("| cost per second | looked up | first | in first 3 |", end="")
    print("".join(f" {wrong} wrong |" for wrong in WRONG), f" CPU s |\n{'|---:' * 8}|", sep="")
    for cost, share in ((cost, share) for cost in COSTS for share in SHARES):
        if cost == SECOND_COST or share == TELLING:
            cells = " | ".join(map(str, measure(tracks, queries, right, cost, share)))
            print(f"| {cost:g} | {share:.0%} | {cells} |", flush=True)


def measure(
    tracks: list[Peaks],
    queries: dict[str, Peaks],
    right: dict[str, int],
    cost: float,
    share: float,
) -> list[object]:
    """Queries whose track leads, is among three, leads above all but some wrong answers; CPU s."""
    longest = max(peaks.length for peaks in queries.values())
    index = LandmarkIndex(tracks, Landmarks(), longest, cost, share)
    started = time.process_time()
    scores = {query: index.best(peaks).scores for query, peaks in queries.items()}
    seconds = time.process_time() - started
    places = {
        query: int((scores[query] > scores[query][own]).sum()) for query, own in right.items()
    }
    leading = [scores[query].max() for query, place in places.items() if place == 0]
    wrong = sorted(
        (float(np.delete(own, right.get(query, [])).max()) for query, own in scores.items()),
        reverse=True,
    )
    above = [sum(score > wrong[number] for score in leading) for number in WRONG]
    third = sum(place < 3 for place in places.values())
    return [len(leading), third, *above, f"{seconds:.1f}"]


if __name__ == "__main__":
    main()
