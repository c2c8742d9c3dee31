"""Tracks that are the same recording as a query, or as what it samples.

Such a track among references or noise is no wrong answer, nor a right one that the annotations
know of: the rankings of that query leave it out. Files of the same bytes are found always; other
encodings where the run finds peaks anyway: a copy has about the same length, and a large share of
its peaks stands at one offset of time.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from neuralsampleid.catalogue.formats import LEFT_OUT
from neuralsampleid.catalogue.tables import SEARCHED_ROLES, Catalogue
from neuralsampleid.files import sha256_of
from neuralsampleid.landmarks.peaks import Peaks

_LENGTHS_S = 3.0  # by which encodings of one recording differ at most
_SHARE = 0.4  # of the peaks, at one offset
_FRAMES = 3  # an offset is as exact as that


def tracks_left_out(catalogue: Catalogue, peaks: Mapping[str, Peaks]) -> pd.DataFrame:
    """Which tracks the rankings of which query leave out.

    Args:
        catalogue: tracks and occurrences.
        peaks: of queries, references and noise tracks; empty where none are looked for.

    Returns:
        ``LEFT_OUT``, by query and track. What a query is annotated to sample stays.
    """
    tracks = catalogue.tracks.set_index("track_id", drop=False)
    searched = tracks[tracks["role"].isin(SEARCHED_ROLES)]
    sampled = catalogue.occurrences.groupby("query_id")["reference_id"].agg(set)
    copies: dict[str, dict[str, str]] = {}  # track → its copies, and what they were found by
    wanted = {*sampled.index, *(name for names in sampled for name in names)}
    files = _same_files(tracks)
    for name in sorted(wanted):
        copies[name] = {
            other: "content" for other in files.get(name, ()) if other in searched.index
        }
        near = searched[
            (searched["duration_s"] - tracks.at[name, "duration_s"]).abs() <= _LENGTHS_S
        ]
        for other in near.index.difference([name, *copies[name]]):
            known = name in peaks and other in peaks
            if known and share_at_one_offset(peaks[name].loud, peaks[other].loud) >= _SHARE:
                copies[name][other] = "landmarks"
    rows = [
        (query, other, tracks.at[other, "role"], tracks.at[other, "path"], name, found_by)
        for query, names in sampled.items()
        for name in [query, *sorted(names)]
        for other, found_by in sorted(copies[name].items())
        if other not in names
    ]
    table = pd.DataFrame(rows, columns=list(LEFT_OUT))
    return table.drop_duplicates(["query_id", "track_id"], ignore_index=True)


def said_of(left_out: pd.DataFrame) -> str | None:
    """One line for a person; None if nothing is left out."""
    if left_out.empty:
        return None
    first = left_out.iloc[0]
    return (
        f"{len(left_out)} times a track is the same recording as a query, or as what it samples, "
        f"and is left out of that query's rankings (see left_out.csv; first: {first.path} for "
        f"query {first.query_id}); take such files out of the folders of references and noise"
    )


def _same_files(tracks: pd.DataFrame) -> dict[str, set[str]]:
    """Track → others whose files hold the same bytes; only files of one size are read."""
    sizes: dict[int, list[str]] = {}
    for name, path in zip(tracks["track_id"], tracks["path"], strict=True):
        if path and Path(path).is_file():
            sizes.setdefault(Path(path).stat().st_size, []).append(name)
    found: dict[str, set[str]] = {}
    for names in sizes.values():
        hashes = {name: sha256_of(Path(tracks.at[name, "path"])) for name in names if names[1:]}
        for one, other in combinations(hashes, 2):
            if hashes[one] == hashes[other]:
                found.setdefault(one, set()).add(other)
                found.setdefault(other, set()).add(one)
    return found


def share_at_one_offset(one: Peaks, other: Peaks) -> float:
    """The share of peaks of equal height that agree on one offset of time, of the fewer of both."""
    bins, other_bins = (np.rint(peaks.bins).astype(np.int64) for peaks in (one, other))
    order = np.argsort(other_bins, kind="stable")
    first = np.searchsorted(other_bins[order], bins)
    counts = np.searchsorted(other_bins[order], bins, "right") - first
    if not counts.any():
        return 0.0
    # Each peak beside all of the other track that are as high.
    rows = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    offsets = other.frames[order][rows] - np.repeat(one.frames, counts)
    near = np.bincount(np.rint(offsets - offsets.min()).astype(np.int64))
    return float(np.convolve(near, np.ones(_FRAMES)).max()) / min(len(bins), len(order))
