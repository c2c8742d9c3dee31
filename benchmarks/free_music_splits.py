"""How the families of the open benchmark are dealt to its splits.

Command: ``python benchmarks/free_music_splits.py``. It writes the columns split and part of
config/free_music.csv and prints the table of docs/free-music.md. Whoever changes the table's
tracks deals anew, and renders a new version of the queries.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

SEED = 17
# Tracks that each part is to have; the rest trains.
WANTED = {
    ("test", "catalogue"): 156,
    ("test", "host"): 36,
    ("validation", "catalogue"): 46,
    ("validation", "host"): 11,
    ("fitting", "catalogue"): 46,
    ("fitting", "host"): 11,
}
TRAINING = ("train", "")
TRAINED_ON = {"warzone2100": TRAINING}  # calibrations were once fitted on it (reserved.md)
LARGEST = 1 / 3  # of a part, that one family may be: parts are to mix styles

Part = tuple[str, str]


def main() -> None:
    """Deal, write the table and say what each part holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=Path, default=Path("config/free_music.csv"))
    path = parser.parse_args().tracks
    tracks = pd.read_csv(path, dtype=str, keep_default_na=False)
    parts = deal(tracks["family"].value_counts().to_dict())
    tracks["split"] = [parts[family][0] for family in tracks["family"]]
    tracks["part"] = [parts[family][1] for family in tracks["family"]]
    tracks.to_csv(path, index=False, lineterminator="\n")
    print("| split | part | tracks | families | packages | hours |\n|---|---|---:|---:|---:|---:|")
    for split, part in (TRAINING, *WANTED):
        own = tracks[(tracks["split"] == split) & (tracks["part"] == part)]
        hours = own["duration_s"].astype(float).sum() / 3600
        families, packages = own["family"].nunique(), own["package"].nunique()
        print(f"| {split} | {part} | {len(own)} | {families} | {packages} | {hours:.1f} |")


def deal(sizes: Mapping[str, int]) -> dict[str, Part]:
    """Give each family to one part: the largest first, to the part that lacks the largest share.

    Args:
        sizes: family → number of tracks.

    Returns:
        Family → split and part. A family that is more than ``LARGEST`` of every other part, or for
        which none has room, trains.
    """
    wanted = WANTED | {TRAINING: sum(sizes.values()) - sum(WANTED.values())}
    dealt = {family: part for family, part in TRAINED_ON.items() if family in sizes}
    room = dict(wanted)
    for family, part in dealt.items():
        room[part] -= sizes[family]
    order = sorted(set(sizes) - set(dealt))
    random.Random(SEED).shuffle(order)
    for family in sorted(order, key=lambda name: -sizes[name]):
        size = sizes[family]
        fitting = [part for part in wanted if size <= room[part] and size <= LARGEST * wanted[part]]
        part = max(fitting, key=lambda own: room[own] / wanted[own], default=TRAINING)
        dealt[family] = part
        room[part] -= size
    return dealt


if __name__ == "__main__":
    main()
