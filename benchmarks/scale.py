"""What ``snakemake scale`` measured, as tables: indexes by size, and how alike distractors are.

Command: ``python benchmarks/scale.py results/demo`` with a run for which ``snakemake scale`` is
done. It computes nothing anew.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
NEAREST = {1: "nearest", 20: "20th nearest"}


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    folder = parser.parse_args().run / "scale"
    print_indexes(pd.read_csv(folder / "indexes.csv"))
    print()
    print_distances(pd.read_csv(folder / "distances.csv"))


def print_indexes(indexes: pd.DataFrame) -> None:
    """A row per size of the catalogue and kind of index."""
    threads = int(indexes["threads"].iat[0])
    print(
        "| segments | index | lists, searched | hit@1 | hit@3 | hit@10 | hit@10, of flat | kept "
        f"| ms, one thread | ms, {threads} threads | build, s | bytes |"
    )
    print("|---:|---|---|" + "---:|" * 9)
    flat = indexes[indexes["kind"] == "flat"].set_index("segments")["hit_10"]
    for row in indexes.itertuples(index=False):
        lists = "" if pd.isna(row.lists) else f"{row.lists:.0f}, {row.probes:.0f}"
        hits = " | ".join(f"{100 * hit:.1f}" for hit in (row.hit_1, row.hit_3, row.hit_10))
        print(
            f"| {row.segments:,} | {row.kind} | {lists} | {hits} "
            f"| {100 * row.hit_10 / flat[row.segments]:.0f} % | {100 * row.kept:.1f} % "
            f"| {row.ms_one_thread:.3f} "
            f"| {row.ms_all_threads:.3f} | {row.build_s:.1f} | {row.bytes_per_segment:.0f} |"
        )


def print_distances(distances: pd.DataFrame) -> None:
    """Percentiles of the distance to the nearest segments of catalogues of equal size."""
    print(f"| to the | catalogue | {' | '.join(f'{100 * share:.0f} %' for share in SHARES)} |")
    print("|---|---|" + "---:|" * len(SHARES))
    for neighbour, name in NEAREST.items():
        nearest = distances[distances["neighbour"] == neighbour]
        for catalogue in nearest["catalogue"].unique():
            part = nearest[nearest["catalogue"] == catalogue]
            at = part.set_index(part["share"].round(2))["distance"]
            print(f"| {name} | {catalogue} | {' | '.join(f'{at[p]:.3f}' for p in SHARES)} |")


if __name__ == "__main__":
    main()
