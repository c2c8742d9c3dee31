"""Metrics of one ranking, pure functions without units; averaging is left to the caller.

A *ranking* is the retrieved track ids, best first; the *relevant* ids are all that should have been
retrieved. All other ids in a ranking (other references, noise) are wrong answers.
"""

from __future__ import annotations

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
    """Rank of the best relevant id, 1 … len(ranking), or None if none was retrieved.

    Raises:
        UserError: see ``validate``.
    """
    validate(ranking, relevant)
    return next((rank for rank, found in enumerate(ranking, 1) if found in relevant), None)


def hit_at_k(ranking: Sequence[str], relevant: AbstractSet[str], k: int) -> int:
    """1 if a relevant id is among the first k, else 0: [first_rank ≤ k].

    Its mean over queries is the hit rate (top-k accuracy).

    Raises:
        UserError: see ``validate``; or k is less than 1.
    """
    if k < 1:
        raise UserError(f"k: {k}, expected at least 1")
    rank = first_rank(ranking, relevant)
    return int(rank is not None and rank <= k)


def average_precision(ranking: Sequence[str], relevant: AbstractSet[str]) -> float:
    """Average precision in [0, 1] over *all* relevant ids.

    AP = (1 / R) · Σ over ranks r of a relevant id of (relevant ids among the first r) / r, where R
    counts all relevant ids, retrieved or not (Manning, Raghavan and Schütze 2008, section 8.4). The
    released code divides by the ids it found instead, which forgives the ones it missed. The mean
    over queries is mAP.

    Raises:
        UserError: see ``validate``.
    """
    validate(ranking, relevant)
    ranks = [rank for rank, found in enumerate(ranking, 1) if found in relevant]
    return sum(count / rank for count, rank in enumerate(ranks, 1)) / len(relevant)
