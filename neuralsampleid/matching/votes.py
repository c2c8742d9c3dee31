"""What the candidates of a query segment weigh, without a re-ranker and with one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_REJECTED_BELOW = 0.5  # probability; as released


@dataclass(frozen=True)
class Candidates:
    """Nearest database rows of every query segment, most similar first."""

    rows: npt.NDArray[np.int64]  # (segments, k), −1 where there are fewer
    similarities: npt.NDArray[np.float32]  # (segments, k), −inf where there are fewer


def rank_votes(candidates: Candidates) -> npt.NDArray[np.float64]:
    """The reciprocal of each candidate's rank, (segments, k); 0 where there is none."""
    votes = 1.0 / np.arange(1, candidates.rows.shape[1] + 1)
    return np.where(candidates.rows >= 0, votes, 0.0)


def accepted(probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A re-ranker's probabilities that are no rejection, else 0; as released."""
    return np.where(probabilities >= _REJECTED_BELOW, probabilities, 0.0)
