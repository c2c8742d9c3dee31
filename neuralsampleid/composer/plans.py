"""What must be even over many queries, dealt like cards: tracks, backing, chopped and parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from neuralsampleid.composer.grades import GRADES

_TWO_SAMPLES = 0.25  # of the queries
_BACKING = {"host": 0.5, "drums": 0.2, "both": 0.3}


@dataclass(frozen=True)
class SamplePlan:
    """What is decided of a sample before anything is drawn."""

    sample_id: str
    reference_id: str
    part: str
    chopped: bool


@dataclass(frozen=True)
class QueryPlan:
    """What is decided of a query before anything is drawn; ``host`` may be empty."""

    query_id: str
    split: str
    grade: str
    host: str
    with_drums: bool
    samples: tuple[SamplePlan, ...]


def deal_references(rng: np.random.Generator, tracks: Sequence[str]) -> dict[str, list[str]]:
    """Which half of a catalogue each grade samples; a quarter is sampled in none."""
    quarters = np.array_split(rng.permutation(np.array(tracks)), len(GRADES) + 1)
    return {
        grade: [str(track) for part in (1, 2) for track in quarters[1 + (left_out + part) % 3]]
        for left_out, grade in enumerate(GRADES)
    }


def deal_queries(
    rng: np.random.Generator,
    split: str,
    grade: str,
    queries: int,
    references: Sequence[str],
    hosts: Sequence[str],
) -> list[QueryPlan]:
    """Plan a grade's queries of a split; every fourth samples two references.

    References and hosts come up equally often, give or take one; so do the kinds of backing, the
    parts and the chopped samples, by the grade's shares.
    """
    ranges = GRADES[grade]
    doubles = set(rng.permutation(queries)[: round(_TWO_SAMPLES * queries)].tolist())
    samples = queries + len(doubles)
    backing = _dealt(rng, _BACKING, queries)
    parts = _dealt(rng, {"percussive": ranges.separated, "harmonic": ranges.separated}, samples)
    chopped = _dealt(rng, {"chopped": ranges.chopped}, samples)
    own_references, own_hosts = (
        _evenly(rng, references, samples),
        iter(_evenly(rng, hosts, queries)),
    )
    plans, number = [], count()
    for query in range(queries):
        query_id = f"{split}_{grade}_{query + 1:03d}"
        own = [next(number) for _ in range(1 + (query in doubles))]
        plans.append(
            QueryPlan(
                query_id,
                split,
                grade,
                next(own_hosts) if backing[query] != "drums" else "",
                backing[query] != "host",
                tuple(
                    SamplePlan(
                        f"{query_id}_{'ab'[place]}",
                        own_references[sample],
                        parts[sample] or "mix",
                        bool(chopped[sample]),
                    )
                    for place, sample in enumerate(own)
                ),
            )
        )
    return plans


def _evenly(rng: np.random.Generator, items: Sequence[str], wanted: int) -> list[str]:
    """Items in random order, each again only after all others; neighbours differ."""
    order: list[str] = []
    while len(order) < wanted:
        turn = [items[place] for place in rng.permutation(len(items))]
        if order and turn[0] == order[-1]:
            turn.reverse()
        order += turn
    return order[:wanted]


def _dealt(rng: np.random.Generator, shares: Mapping[str, float], wanted: int) -> list[str]:
    """Names by their shares in random order; empty where no share is left."""
    counts = {name: round(share * wanted) for name, share in shares.items()}
    cards = [name for name, times in counts.items() for _ in range(times)]
    cards += [""] * (wanted - len(cards))
    return [cards[place] for place in rng.permutation(len(cards))][:wanted]
