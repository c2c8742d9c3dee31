"""Shards: the tracks of a role in equal parts, each the work of one job.

A part holds tracks that follow each other in ``tracks.csv``, so all parts one after another are the
catalogue's order, whatever their number.
"""

from __future__ import annotations

import math

import pandas as pd

from neuralsampleid.errors import UserError


def shard_names(tracks: int, per_shard: int) -> list[str]:
    """Names of the parts, which count up: ``0000``, ``0001``.

    Args:
        tracks: how many there are; none still make one part, whose job says that they are missing.
        per_shard: the most tracks of a part.
    """
    return [f"{place:04}" for place in range(max(1, math.ceil(tracks / per_shard)))]


def in_shard(tracks: pd.DataFrame, shard: str, shards: int) -> pd.DataFrame:
    """The rows of one part; parts differ by at most one row.

    Args:
        tracks: all tracks of a role, in the catalogue's order.
        shard: name of the part.
        shards: number of parts.

    Raises:
        UserError: there are fewer tracks than parts.
    """
    if len(tracks) < shards:
        raise UserError(
            f"tracks.csv: {len(tracks)} tracks for {shards} shards, expected at least one for each"
        )
    first, last = (len(tracks) * (int(shard) + step) // shards for step in (0, 1))
    return tracks.iloc[first:last].reset_index(drop=True)
