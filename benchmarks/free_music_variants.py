"""Pairs of tracks of the open benchmark that share a recording, found by landmarks.

Command: ``python benchmarks/free_music_variants.py FOLDER``, where each file of
config/free_music.csv lies at ``FOLDER/<package>/<path>``. Two excerpts of each track are looked for
in all others, at any pitch and tempo. The table goes to
benchmarks/free_music_variants.md as printed; docs/free-music.md says what followed from it.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from neuralsampleid.audio.io import read_audio
from neuralsampleid.config import Landmarks, PeakFinding
from neuralsampleid.landmarks.index import LandmarkIndex
from neuralsampleid.landmarks.peaks import Peaks, find_peaks
from neuralsampleid.landmarks.store import read_peaks, write_peaks

LONGEST_S = 360.0  # of a track that is looked at
EXCERPT_S = 25.0
PLACES = (0.3, 0.65)  # of the excerpts' beginnings, as shares of the track
LEAST_NATS = 150.0  # of an excerpt in a track, before the pair is printed


def main() -> None:
    """Print how many pairs agree, and each that does by more than chance."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tracks", type=Path, default=Path("config/free_music.csv"))
    parser.add_argument("--peaks", type=Path, help="a file that keeps the peaks for the next time")
    options = parser.parse_args()
    tracks = pd.read_csv(options.tracks, keep_default_na=False)
    peaks = all_peaks(tracks, options.folder, options.peaks)
    started = time.process_time()
    pairs = agreeing(tracks, [peaks[digest] for digest in tracks["sha256"]])
    print(f"{len(tracks)} tracks, {time.process_time() - started:.0f} s of CPU to match them.\n")
    print("| nats | track | at s | other track | at s | families |")
    print("|---:|---|---:|---|---:|---|")
    for row in pairs.itertuples():
        print(
            f"| {row.nats:.0f} | {row.track} | {row.at_s:.0f} | {row.other} | {row.other_s:.0f} "
            f"| {row.families} |"
        )


def all_peaks(tracks: pd.DataFrame, folder: Path, kept: Path | None) -> dict[str, Peaks]:
    """The peaks of all tracks by SHA-256; those in the file ``kept`` are not found anew."""
    peaks = read_peaks(kept) if kept and kept.exists() else {}
    new = tracks[~tracks["sha256"].isin(list(peaks))]
    paths = [folder / row.package / row.path for row in new.itertuples()]
    with ProcessPoolExecutor(2) as pool:
        found = pool.map(partial(peaks_of, settings=PeakFinding()), paths)
        peaks |= dict(zip(new["sha256"], found, strict=True))
    if kept:
        write_peaks(kept, peaks)
    return peaks


def peaks_of(path: Path, settings: PeakFinding) -> Peaks:
    """The peaks of a file's first ``LONGEST_S``."""
    return find_peaks(read_audio(path, settings.sample_rate, 0.0, LONGEST_S), settings)


def agreeing(tracks: pd.DataFrame, peaks: list[Peaks]) -> pd.DataFrame:
    """The pairs of tracks of which an excerpt of one scores ``LEAST_NATS`` in the other.

    Returns:
        ``nats`` of the excerpt of ``track`` at ``at_s`` (s) in ``other`` at ``other_s`` (s);
        ``families``: one, or both. Best first, each pair once.
    """
    settings = PeakFinding()
    index = LandmarkIndex.of(peaks, settings, Landmarks())
    ids, families = tracks["track_id"], tracks["family"]
    rows = {}
    for number, own in enumerate(peaks):
        for place in PLACES:
            start_s = own.length * settings.frame_s * place
            excerpt = excerpt_of(own, start_s, settings)
            best = index.best(excerpt, {number}, threads=2)
            for other in np.flatnonzero(best.scores >= LEAST_NATS):
                pair = (min(number, other), max(number, other))
                both = [families[number], *{families[other]} - {families[number]}]
                row = {
                    "nats": best.scores[other],
                    "track": ids[number],
                    "at_s": start_s + best.matched_s[other, 0],
                    "other": ids[other],
                    "other_s": best.reference_s[other, 0],
                    "families": ", ".join(both),
                }
                if pair not in rows or rows[pair]["nats"] < row["nats"]:
                    rows[pair] = row
    table = pd.DataFrame(list(rows.values()))
    return table.sort_values("nats", ascending=False) if len(table) else table


def excerpt_of(track: Peaks, start_s: float, settings: PeakFinding) -> Peaks:
    """``EXCERPT_S`` of a track as a query of their own, which begins at 0."""
    part = track.within(start_s, start_s + EXCERPT_S, settings)
    return Peaks(part.frames - part.frames.min(initial=track.length), part.bins)


if __name__ == "__main__":
    main()
