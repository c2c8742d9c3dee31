"""Tracks that are the same recording as a query, or as what it samples.

Such a track among references or noise is no wrong answer, nor a right one that the annotations
know of: the rankings of that query leave it out. Files of the same bytes are found always; other
encodings where the run finds landmarks anyway: a copy has about the same length, and a large share
of its landmarks stands at one offset of time.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from neuralsampleid.catalogue.formats import LEFT_OUT
from neuralsampleid.catalogue.tables import SEARCHED_ROLES, Catalogue
from neuralsampleid.config import Landmarks
from neuralsampleid.files import sha256_of
from neuralsampleid.landmarks.pairs import each_row, make_pairs
from neuralsampleid.landmarks.peaks import Peaks

_LENGTHS_S = 3.0  # by which encodings of one recording differ at most
_SHARE = 0.25  # of the landmarks, at one offset; MP3 of 64 kbit/s, or half the rate, keep 40 %
_FRAMES = 3  # an offset is as exact as that

Integers = npt.NDArray[np.int64]


def tracks_left_out(
    catalogue: Catalogue, peaks: Mapping[str, Peaks], settings: Landmarks
) -> pd.DataFrame:
    """Which tracks the rankings of which query leave out.

    Args:
        catalogue: tracks and occurrences.
        peaks: of queries, references and noise tracks; empty where no landmarks are found.
        settings: of the landmarks.

    Returns:
        ``LEFT_OUT``, by query and track. What a query is annotated to sample stays.
    """
    tracks = catalogue.tracks.set_index("track_id", drop=False)
    searched = tracks[tracks["role"].isin(SEARCHED_ROLES)]
    sampled = catalogue.occurrences.groupby("query_id")["reference_id"].agg(set)
    copies: dict[str, dict[str, str]] = {}  # track → its copies, and what they were found by
    wanted = {*sampled.index, *(name for names in sampled for name in names)}
    by_landmarks = _ByLandmarks(peaks, settings)
    files = _same_files(tracks)
    for name in sorted(wanted):
        copies[name] = {
            other: "content" for other in files.get(name, ()) if other in searched.index
        }
        near = searched[
            (searched["duration_s"] - tracks.at[name, "duration_s"]).abs() <= _LENGTHS_S
        ]
        for other in near.index.difference([name, *copies[name]]):
            if by_landmarks.same(name, other):
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


class _ByLandmarks:
    """Compares tracks; the landmarks of each are made once."""

    def __init__(self, peaks: Mapping[str, Peaks], settings: Landmarks) -> None:
        self._peaks, self._settings = peaks, settings
        self._made: dict[str, tuple[Integers, Integers]] = {}

    def same(self, one: str, other: str) -> bool:
        """Whether two tracks are one recording; not if the landmarks of either are not known."""
        if one not in self._peaks or other not in self._peaks:
            return False
        return share_at_one_offset(self._landmarks(one), self._landmarks(other)) >= _SHARE

    def _landmarks(self, name: str) -> tuple[Integers, Integers]:
        if name not in self._made:
            peaks = self._peaks[name]
            pairs = make_pairs(peaks, self._settings)
            order = np.argsort(pairs.keys, kind="stable")
            times = peaks.frames[pairs.anchors][order].astype(np.int64)
            self._made[name] = pairs.keys[order], times
        return self._made[name]


def share_at_one_offset(one: tuple[Integers, Integers], other: tuple[Integers, Integers]) -> float:
    """The share of equal landmarks that agree on one offset of time, of the fewer of both.

    Args:
        one: keys, ascending, and times in frames, (n,) each.
        other: the same of another track, (m,) each.
    """
    (keys, times), (other_keys, other_times) = one, other
    first = np.searchsorted(other_keys, keys)
    places, rows = each_row(first, np.searchsorted(other_keys, keys, "right") - first)
    if not len(rows):
        return 0.0
    offsets = other_times[rows] - times[places]
    counts = np.convolve(np.bincount(offsets - offsets.min()), np.ones(_FRAMES))
    return float(counts.max()) / min(len(keys), len(other_keys))
