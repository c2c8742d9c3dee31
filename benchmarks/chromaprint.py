"""Chromaprint, the audio fingerprint of AcoustID, as a row of a run's tables.

Command: ``python benchmarks/chromaprint.py results/demo chromaprint.csv`` where the run's queries
are derived; it needs ``fpcalc`` (Debian: ``apt-get install libchromaprint-tools``). The file that
it writes is what ``{kind: external, rankings: chromaprint.csv}`` reads (docs/extending.md).

A fingerprint has 32 bits each 0.12 s, of how the chroma of 2.4 s around changes. A track's score is
how far the best stretch of 5 s, at any offset, is from chance: 1 − 2 · (share of bits that differ),
1 where all agree, 0 where half do. Transposed or stretched music has other bits.
"""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from neuralsampleid.catalogue.formats import FULL_TRACK, QUERIES, SEGMENT, read_table
from neuralsampleid.catalogue.tables import read_catalogue
from neuralsampleid.errors import UserError
from neuralsampleid.files import write_csv
from neuralsampleid.progress import progress

STEP_S = 1365 / 11025  # between items
COVERED_S = 2.4  # by an item: 16 frames of chroma and their window
STRETCH = round(5.0 / STEP_S)  # items of which the bits are compared
Items = NDArray[np.uint32]


def main() -> None:
    """Fingerprint the catalogue, compare every query with every track, write the rankings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("rankings", type=Path)
    options = parser.parse_args()
    tracks = read_catalogue(options.run / "data").tracks
    queries = read_table(options.run / "evaluation/queries.csv", QUERIES)
    queries = queries[queries["task"].isin([FULL_TRACK, SEGMENT])]
    tracks = tracks[tracks["role"] != "train"]
    files = progress(list(zip(tracks["track_id"], tracks["path"], strict=True)), "fingerprints")
    items = {track_id: fingerprint(Path(path)) for track_id, path in files}
    searched = tracks.loc[tracks["role"] != "query", "track_id"]
    rows = []
    for query in progress(list(queries.itertuples(index=False)), "queries"):
        whole = query.task == FULL_TRACK
        start, end = query.query_start_s, query.query_end_s
        first = 0 if whole else int(np.ceil(start / STEP_S))
        last = None if whole else int((end - COVERED_S) / STEP_S)
        asked = items[query.query_id][first:last]
        for track_id in searched:
            score, in_query, in_track, length = best_stretch(asked, items[track_id])
            places = (first + in_query, first + in_query + length, in_track, in_track + length)
            times = [round(place * STEP_S, 3) for place in places]
            about = (query.query_id, *((None, None) if whole else (start, end)), track_id)
            rows.append((*about, round(score, 4), *times, 1.0, 0.0))
    columns = ["query", "query_start_s", "query_end_s", "reference", "score"]
    columns += ["matched_start_s", "matched_end_s", "reference_start_s", "reference_end_s"]
    table = pd.DataFrame(rows, columns=[*columns, "tempo_ratio", "pitch_semitones"])
    write_csv(options.rankings, table)


def fingerprint(path: Path) -> Items:
    """The whole track's, an item each ``STEP_S``."""
    command = ["fpcalc", "-raw", "-plain", "-length", "0", str(path)]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        raise UserError("fpcalc: not found, expected it installed (see --help)") from None
    if not said.strip():  # it often ends with an error at a file's end, when all is done
        raise UserError(f"{path}: fpcalc prints no fingerprint, expected audio that it can read")
    return np.array(said.split(","), dtype=np.uint32)


def best_stretch(query: Items, track: Items) -> tuple[float, int, int, int]:
    """Score, first items in query and track, and length of the stretch that differs least.

    A stretch has ``STRETCH`` items, or as many as the shorter of the two.
    """
    length = min(STRETCH, len(query), len(track))
    beside = np.zeros(len(query) - length, np.uint32)
    padded = np.concatenate([beside, track, beside])
    inside = np.concatenate([beside, np.ones(len(track), np.uint32), beside])
    bits = np.bitwise_count(sliding_window_view(padded, len(query)) ^ query).astype(np.int32)
    bits[sliding_window_view(inside, len(query)) == 0] = 32  # no stretch reaches beyond the track
    sums = np.cumsum(np.pad(bits, ((0, 0), (1, 0))), axis=1)
    different = sums[:, length:] - sums[:, :-length]
    lag, place = np.unravel_index(np.argmin(different), different.shape)
    share = float(different[lag, place]) / (32 * length)
    return 1 - 2 * share, int(place), int(place + lag) - len(beside), length


if __name__ == "__main__":
    main()
