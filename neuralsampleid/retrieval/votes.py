"""What the candidates of a query segment weigh before any re-ranker has looked at them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Candidates:
    """Nearest database rows of every query segment, most similar first."""

    rows: npt.NDArray[np.int64]  # (segments, k), −1 where there are fewer
    similarities: npt.NDArray[np.float32]  # (segments, k), −inf where there are fewer


def rank_votes(candidates: Candidates) -> npt.NDArray[np.float64]:
    """The reciprocal of each candidate's rank, (segments, k); 0 where there is none."""
    votes = 1.0 / np.arange(1, candidates.rows.shape[1] + 1)
    return np.where(candidates.rows >= 0, votes, 0.0)
