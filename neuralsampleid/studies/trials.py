"""Identification where the truth is known: every query with its references, and without them.

Whole query tracks are identified as by ``nsid identify``: once in the whole catalogue, and once in
one without all that the query samples. To this the probability of an answer is fitted; its
calibration is measured on queries that the fit has not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from neuralsampleid.catalogue.formats import split
from neuralsampleid.config import Landmarks, PeakFinding
from neuralsampleid.evaluation.calibration import expected_calibration_error
from neuralsampleid.fingerprints.segments import Segments
from neuralsampleid.landmarks.peaks import Peaks
from neuralsampleid.library.finders import Finder, LandmarkFinder, SegmentFinder
from neuralsampleid.library.probability import DEFAULT_PROBABILITY, Calibration, fit
from neuralsampleid.library.store import Track

TRIAL_COLUMNS = ("query_id", "present", "place", "track_id", "score", "excess", "tracks", "right")
FOLDS = 5

Floats = npt.NDArray[np.float64]


def run_trials(
    queries: Segments, catalogue: Segments, asked: pd.DataFrame, *, threads: int = 1
) -> pd.DataFrame:
    """Ask about every query twice, by fingerprints.

    Args:
        queries: segments of the query tracks.
        catalogue: segments of references and noise tracks.
        asked: ``formats.QUERIES`` of full tracks, each with at least one relevant track.
        threads: of the search.

    Returns:
        ``TRIAL_COLUMNS``: all tracks of each trial, best first; ``score`` is the clear one,
        ``present`` says whether what the query samples was in the catalogue, ``right`` whether the
        query samples the track. What a query excludes is in neither trial.
    """
    finder = SegmentFinder.of(catalogue.sounding(), catalogue.segment_s, catalogue.hop_s)

    def query(name: str) -> Track:
        own = queries.track(name).sounding()
        return Track(float(own.seconds[0]), own)

    return _ask_all(finder, catalogue.track_ids, query, asked, threads)


def run_landmark_trials(
    queries: Mapping[str, Peaks],
    catalogue: Mapping[str, Peaks],
    peaks: PeakFinding,
    settings: Landmarks,
    asked: pd.DataFrame,
    *,
    threads: int = 1,
) -> pd.DataFrame:
    """As ``run_trials``, by landmarks: peaks by the names of the tracks, and the settings."""
    seconds = np.array([track.length * peaks.frame_s for track in catalogue.values()])
    finder = LandmarkFinder.of(list(catalogue.values()), seconds, peaks, settings)

    def query(name: str) -> Track:
        own = queries[name]
        return Track(own.length * peaks.frame_s, landmarks=own)

    return _ask_all(finder, list(catalogue), query, asked, threads)


def _ask_all(
    finder: Finder,
    names: Sequence[str],
    query: Callable[[str], Track],
    asked: pd.DataFrame,
    threads: int,
) -> pd.DataFrame:
    parts = []
    for row in asked.itertuples():
        track, own = query(row.query_id), (split(row.relevant), split(row.excluded))
        parts += [
            _ask(row.query_id, track, finder, names, *own, present, threads)
            for present in (True, False)
        ]
    return pd.concat(parts, ignore_index=True)


def _ask(
    query_id: str,
    query: Track,
    finder: Finder,
    names: Sequence[str],
    sampled: Collection[str],
    excluded: Collection[str],
    present: bool,
    threads: int,
) -> pd.DataFrame:
    """One trial: every track that was searched, best first, as ``TRIAL_COLUMNS``."""
    right = np.isin(names, list(sampled))
    left_out = np.isin(names, list(excluded)) | (right & (not present))
    evidence = finder.find(query, frozenset(np.flatnonzero(left_out).tolist()), threads)
    order = np.argsort(-evidence.scores, kind="stable")
    order = order[~left_out[order]]
    columns = {
        "query_id": query_id,
        "present": present,
        "place": np.arange(1, len(order) + 1),
        "track_id": [names[track] for track in order],
        "score": evidence.clear[order],
        "excess": evidence.excess[order],
        "tracks": len(order),
        "right": right[order],
    }
    return pd.DataFrame(columns)[list(TRIAL_COLUMNS)]


def calibrate(trials: pd.DataFrame) -> Calibration:
    """The probability function of some trials, and how well it is calibrated.

    For the latter, queries are divided into ``FOLDS`` parts, and each is judged by a function that
    is fitted to the others.

    Args:
        trials: ``TRIAL_COLUMNS``.

    Raises:
        UserError: no track is right, or none is wrong, in what some function is fitted to.
    """
    probability = cross_validated(trials)
    best = (trials["place"] == 1).to_numpy()
    right = trials["right"].to_numpy(bool)
    count = int(best.sum())
    given = best & (probability >= DEFAULT_PROBABILITY)
    return replace(
        _fit(trials),
        trials=count,
        error=expected_calibration_error(probability[best], right[best]),
        promised=float((1 - probability[given]).sum()) / count,
        observed=float((~right[given]).sum()) / count,
    )


def cross_validated(trials: pd.DataFrame) -> npt.NDArray[np.float64]:
    """The probability of every row, by a function that has not seen its query, (rows,)."""
    names = sorted(set(trials["query_id"]))
    fold = trials["query_id"].map({name: place % FOLDS for place, name in enumerate(names)})
    probability = np.zeros(len(trials))
    for part in range(min(FOLDS, len(names))):
        held_out = (fold == part).to_numpy()
        fitted = _fit(trials[~held_out])
        probability[held_out] = fitted.probabilities(*numbers_of(trials[held_out]))
    return probability


def _fit(trials: pd.DataFrame) -> Calibration:
    return fit(*numbers_of(trials), trials["right"].to_numpy(bool))


def numbers_of(trials: pd.DataFrame) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Score, excess and number of tracks of every row, (rows,) each: what tells a probability."""
    score, excess = (trials[name].to_numpy(float) for name in ("score", "excess"))
    return score, excess, trials["tracks"].to_numpy(np.int64)
