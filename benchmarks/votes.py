"""How candidates' votes are weighed: mAP of finished runs by several rules.

Command: ``python benchmarks/votes.py results/demo …`` with one or more runs. It reads their
fingerprints and queries and searches exactly, without a re-ranker. A row per kind of fingerprints
and rule, a column per run, and the mean over several runs.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from neuralsampleid.catalogue.formats import QUERIES, read_table, split
from neuralsampleid.config import Index
from neuralsampleid.evaluation.metrics import average_precision
from neuralsampleid.fingerprints.index import build_index
from neuralsampleid.fingerprints.store import open_stores
from neuralsampleid.matching.ranking import rank_tracks

Similarities = npt.NDArray[np.float64]
CANDIDATES = 20
ROLES = ("noise", "reference", "query")


def leads(similarities: Similarities) -> Similarities:
    """How far a similarity stands out from the last candidate's."""
    return similarities - similarities[:, -1:]


def reciprocal_ranks(power: float) -> Callable[[Similarities], Similarities]:
    """1 / rank^power."""
    return lambda similarities: np.broadcast_to(
        np.arange(1.0, similarities.shape[1] + 1) ** -power, similarities.shape
    )


def shares(temperature: float) -> Callable[[Similarities], Similarities]:
    """Softmax of similarities."""

    def rule(similarities: Similarities) -> Similarities:
        weights = np.exp((similarities - similarities[:, :1]) / temperature)
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    return rule


RULES = {
    "lead over the last": leads,
    "squared lead": lambda similarities: leads(similarities) ** 2,
    "softmax, temperature 0.02": shares(0.02),
    "1 / √rank": reciprocal_ranks(0.5),
    "1 / rank": reciprocal_ranks(1.0),
    "1 / rank²": reciprocal_ranks(2.0),
}


def mean_average_precisions(run: Path, fingerprints: Path) -> dict[str, float]:
    """MAP over full tracks by rule."""
    queries = read_table(run / "evaluation" / "queries.csv", QUERIES)
    shards = {role: sorted((fingerprints / role).iterdir()) for role in ROLES}
    searched = open_stores([*shards["noise"], *shards["reference"]])
    index = build_index(searched.embeddings, Index(kind="flat"), silent=searched.silent)
    queried = open_stores(shards["query"])
    distances, rows = index.search(queried.embeddings, CANDIDATES, threads=2)
    similarities = 1 - distances / 2  # of vectors of length 1
    values: dict[str, list[float]] = {name: [] for name in RULES}
    for query in queries[queries["task"] == "full_track"].itertuples(index=False):
        chosen = queried.sounding_within(query.query_id, query.query_start_s, query.query_end_s)
        for name, rule in RULES.items():
            votes = rule(similarities[chosen].astype(np.float64))
            ranking = rank_tracks(rows[chosen], votes, searched)
            names = [searched.track_ids[track.track] for track in ranking]
            values[name].append(average_precision(names, set(split(query.relevant))))
    return {name: float(np.mean(found)) for name, found in values.items()}


def main() -> None:
    """Print one table, in percent."""
    columns = {}
    for run in map(Path, sys.argv[1:]):
        for fingerprints in sorted(path.parent for path in run.glob("fingerprints/*/query")):
            for name, value in mean_average_precisions(run, fingerprints).items():
                columns.setdefault((fingerprints.name, name), {})[run.name] = value
    table = 100 * pd.DataFrame(columns).T
    if len(table.columns) > 1:
        table["mean"] = table.mean(axis=1)
    print(f"| fingerprints | vote | {' | '.join(table.columns)} |")
    print(f"|---|---|{'---:|' * len(table.columns)}")
    for (fingerprints, name), values in table.iterrows():
        print(f"| {fingerprints} | {name} | {' | '.join(f'{value:.1f}' for value in values)} |")


if __name__ == "__main__":
    main()
