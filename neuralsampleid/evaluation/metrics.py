"""Metrics of one ranking, pure functions without units; averaging is left to the caller.

A *ranking* is the retrieved track ids, best first; the *relevant* ids are all that should have been
retrieved. All other ids in a ranking (other references, noise) are wrong answers. Every metric
raises what ``validate`` raises.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from neuralsampleid.errors import UserError


def validate(ranking: Sequence[str], relevant: AbstractSet[str]) -> None:
    """Check what every metric takes for granted.

    Raises:
        UserError: an id stands twice in the ranking, or nothing is relevant.
    """
    if not relevant:
        raise UserError("relevant: no id, expected at least one")
    places: dict[str, int] = {}
    for rank, found in enumerate(ranking, 1):
        if found in places:
            raise UserError(
                f"ranking: '{found}' at ranks {places[found]} and {rank}, expected each id once"
            )
        places[found] = rank


def first_rank(ranking: Sequence[str], relevant: AbstractSet[str]) -> int | None:
    """Rank of the best relevant id, 1 … len(ranking), or None if none was retrieved."""
    validate(ranking, relevant)
    return next((rank for rank, found in enumerate(ranking, 1) if found in relevant), None)


def hit_at_k(ranking: Sequence[str], relevant: AbstractSet[str], k: int) -> int:
    """1 if a relevant id is among the first k, else 0: [first_rank ≤ k].

    Its mean over queries is the hit rate (top-k accuracy).

    Raises:
        UserError: k is less than 1.
    """
    if k < 1:
        raise UserError(f"k: {k}, expected at least 1")
    rank = first_rank(ranking, relevant)
    return int(rank is not None and rank <= k)


def average_precision(ranking: Sequence[str], relevant: AbstractSet[str]) -> float:
    """Average precision in [0, 1] over *all* relevant ids.

    AP = (1 / R) · Σ over ranks r of a relevant id of (relevant ids among the first r) / r, where R
    counts all relevant ids, retrieved or not (Manning, Raghavan and Schütze 2008, section 8.4).
    Upstream's code divides by the ids it found instead, which forgives the ones it missed. The mean
    over queries is mAP.
    """
    validate(ranking, relevant)
    ranks = [rank for rank, found in enumerate(ranking, 1) if found in relevant]
    return sum(count / rank for count, rank in enumerate(ranks, 1)) / len(relevant)


def average_precision_of_retrieved(ranking: Sequence[str], relevant: AbstractSet[str]) -> float:
    """Average precision in [0, 1] over the *retrieved* relevant ids; 0 if there are none.

    As ``average_precision``, but the sum is divided by the relevant ids in the ranking: what was
    missed costs nothing. Upstream's code reports this; it is never less than the other.
    """
    over_all = average_precision(ranking, relevant)
    retrieved = len(relevant & set(ranking))
    return over_all * len(relevant) / retrieved if retrieved else 0.0


def median_rank(first_ranks: Sequence[int | None]) -> float:
    """Median over queries of the rank of the first relevant id; ≥ 1, in ranks.

    None stands for "not retrieved" and counts as infinitely far, so the median is infinite where
    more than half of the queries retrieved nothing relevant; of an even number of queries it is
    the mean of the middle two.

    Raises:
        UserError: there is no query, or a rank is less than 1.
    """
    if not first_ranks:
        raise UserError("first_ranks: no query, expected at least one")
    ranks = sorted(math.inf if rank is None else float(rank) for rank in first_ranks)
    if ranks[0] < 1:
        raise UserError(f"first_ranks: {ranks[0]:g}, expected ranks from 1 on")
    middle = len(ranks) // 2
    return ranks[middle] if len(ranks) % 2 else (ranks[middle - 1] + ranks[middle]) / 2


def evaluate(
    ranking: Sequence[str], relevant: AbstractSet[str], cutoffs: Sequence[int]
) -> dict[str, float | None]:
    """All metrics of one ranking by the names of their columns in ``per_query.csv``."""
    return {
        "first_rank": first_rank(ranking, relevant),
        "ap": average_precision(ranking, relevant),
        "ap_retrieved": average_precision_of_retrieved(ranking, relevant),
        **{f"hit_{k}": hit_at_k(ranking, relevant, k) for k in cutoffs},
    }
