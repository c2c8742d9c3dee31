"""How probable it is that an answer is right, from how much it stands out.

A logistic function of two numbers: the track's score, and its excess over the library's other
tracks (``chance.excesses``). It is fitted where the truth is known (``studies/trials``), to
queries of which as many sample something of the library as do not, and it holds for such music.
One track of a larger library is less likely the right one: the odds are per track. Below the
smallest library that the function was fitted to, they are that library's: how high unrelated tracks
score there is not known.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError

from neuralsampleid.errors import UserError

DEFAULT_PROBABILITY = 0.2  # from which on an answer is given
FILE = "calibration.json"  # beside the weights that it was fitted for
_ALIKE = 150  # tracks among which chance reaches what music that sounds alike does
_MOST_LOG = 700.0  # of odds, that a number holds
_RIDGE = 1e-3  # keeps the fit finite where right and wrong do not overlap

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Calibration:
    """logit p = intercept + excess · log(1 + e) + score · log(1 + s) + linear · s − log(tracks).

    e is the excess and s the score, both at least 0; tracks is at least ``fewest_tracks``. Scores
    of landmarks are log-likelihood ratios: what chance reaches falls exponentially with them. Music
    with the same instruments and chords reaches more, as if it was one of 150 tracks.
    ``error``, ``promised`` and ``observed`` were measured on queries that the fit had not seen.
    """

    intercept: float
    excess: float  # at least 0, as ``score``: what stands out more is never less probable
    score: float
    trials: int = 0  # queries asked, each with its references in the library and without
    error: float = math.nan  # expected calibration error of each trial's best track
    promised: float = math.nan  # wrong answers per trial that were predicted, of those given
    observed: float = math.nan  # wrong answers per trial that were observed, of those given
    fewest_tracks: int = 1  # in the smallest library of the fit; 1: not known
    linear: float = 0.0  # at least 0

    def as_json(self) -> dict[str, float]:
        return {name: round(value, 6) for name, value in asdict(self).items()}

    def probabilities(self, scores: Floats, excess: Floats, tracks: int | Integers) -> Floats:
        """How probable it is of each track that it is sampled, (n,).

        Args:
            scores: (n,) of their best lines.
            excess: (n,) over the other tracks.
            tracks: in the library, at least one; for all or (n,) for each.
        """
        weights = np.array([self.intercept, self.excess, self.score, self.linear])
        least = max(self.fewest_tracks, _ALIKE if self.linear else 1)
        against = np.log(np.maximum(tracks, least)) - evidence(scores, excess) @ weights
        return np.asarray(1 / (1 + np.exp(np.minimum(against, _MOST_LOG))), dtype=np.float64)


def evidence(scores: Floats, excess: Floats) -> Floats:
    """What the logistic function weighs, (n, 4): 1, log(1 + excess), log(1 + score), score."""
    excess, scores = np.maximum(excess, 0), np.maximum(scores, 0)
    return np.column_stack([np.ones(len(scores)), np.log1p(excess), np.log1p(scores), scores])


def fit(
    scores: Floats, excess: Floats, tracks: Integers, right: npt.NDArray[np.bool_]
) -> Calibration:
    """The likeliest function for pairs of a query and a track of which the truth is known.

    Args:
        scores: (n,) of the tracks' best lines.
        excess: (n,) over the other tracks.
        tracks: (n,) how many there were in the library.
        right: (n,) whether the track is sampled in the query.

    Raises:
        UserError: no pair is right, or none is wrong.
    """
    if right.all() or not right.any():
        raise UserError(
            f"calibration: {int(right.sum())} of {len(right)} tracks found are right, expected "
            "some right and some wrong"
        )
    known, offset = evidence(scores, excess), np.log(tracks)

    def loss(weights: Floats) -> tuple[float, Floats]:
        logit = known @ weights - offset
        penalty = _RIDGE * float(weights[1:] @ weights[1:])
        wrong = 1 / (1 + np.exp(np.minimum(-logit, _MOST_LOG))) - right
        slope = known.T @ wrong + 2 * _RIDGE * np.concatenate([[0.0], weights[1:]])
        return float(np.sum(np.logaddexp(0, logit) - right * logit)) + penalty, slope

    bounds = [(None, None), *[(0, None)] * 3]
    from scipy.optimize import minimize  # half a second, which answers do without

    found = minimize(loss, np.zeros(4), jac=True, method="L-BFGS-B", bounds=bounds).x
    intercept, excess_weight, score_weight, linear = map(float, found)
    weights = intercept, excess_weight, score_weight
    return Calibration(*weights, fewest_tracks=int(tracks.min()), linear=linear)


def read_calibration(path: Path) -> Calibration | None:
    """The calibration in a file; None if there is no file.

    Raises:
        UserError: the file holds something else.
    """
    if not path.is_file():
        return None
    try:
        return TypeAdapter(Calibration).validate_json(path.read_bytes())
    except ValidationError as error:
        problem = error.errors()[0]
        raise UserError(
            f"{path}: no calibration ({'.'.join(map(str, problem['loc']))}: {problem['msg']}), "
            "expected one that rule calibrate wrote"
        ) from error
