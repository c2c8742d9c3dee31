"""Identification where the truth is known: every query with its references, and without them.

Whole query tracks are identified as by ``nsid identify``: once in the whole catalogue, and once in
one without all that the query samples. To this the probability of an answer is fitted; its
calibration is measured on queries that the fit has not seen.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from neuralsampleid.evaluation.calibration import expected_calibration_error
from neuralsampleid.fingerprints.segments import Segments
from neuralsampleid.library.finders import Finder, SegmentFinder
from neuralsampleid.library.probability import DEFAULT_PROBABILITY, Calibration, fit
from neuralsampleid.library.store import Track

TRIAL_COLUMNS = ("query_id", "present", "place", "track_id", "score", "excess", "tracks", "right")
FOLDS = 5

Floats = npt.NDArray[np.float64]


def run_trials(
    queries: Segments,
    catalogue: Segments,
    relevant: Mapping[str, Collection[str]],
    *,
    threads: int = 1,
) -> pd.DataFrame:
    """Ask about every query twice.

    Args:
        queries: segments of the query tracks.
        catalogue: segments of references and noise tracks.
        relevant: query → the tracks of the catalogue that it samples, at least one.
        threads: of the search.

    Returns:
        ``TRIAL_COLUMNS``: all tracks of each trial, best first; ``present`` says whether what the
        query samples was in the catalogue, ``right`` whether the query samples the track.
    """
    finder = SegmentFinder(catalogue.sounding(), catalogue.segment_s, catalogue.hop_s)
    parts = []
    for query_id, sampled in relevant.items():
        own = queries.track(query_id).sounding()
        query = Track(float(own.seconds[0]), own)
        parts += [
            ask(query_id, query, finder, catalogue.track_ids, sampled, present, threads)
            for present in (True, False)
        ]
    return pd.concat(parts, ignore_index=True)


def ask(
    query_id: str,
    query: Track,
    finder: Finder,
    names: Sequence[str],
    sampled: Collection[str],
    present: bool,
    threads: int = 1,
) -> pd.DataFrame:
    """One trial.

    Args:
        query_id: of the query, for the result.
        query: its fingerprints or landmarks.
        finder: of the catalogue.
        names: of the catalogue's tracks.
        sampled: names of those that the query samples.
        present: whether these are searched, too.
        threads: of the search.

    Returns:
        ``TRIAL_COLUMNS``: every track that was searched, best first.
    """
    right = np.array([name in sampled for name in names], bool)
    left_out = np.zeros(len(names), bool) if present else right
    evidence = finder.find(query, frozenset(np.flatnonzero(left_out).tolist()), threads)
    order = np.argsort(-evidence.scores, kind="stable")
    order = order[~left_out[order]]
    columns = {
        "query_id": query_id,
        "present": present,
        "place": np.arange(1, len(order) + 1),
        "track_id": [names[track] for track in order],
        "score": evidence.scores[order],
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
