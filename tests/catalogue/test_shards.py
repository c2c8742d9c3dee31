"""Shards: every track in exactly one, in the catalogue's order."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralsampleid.catalogue.shards import in_shard, shard_names
from neuralsampleid.errors import UserError


def tracks(number: int) -> pd.DataFrame:
    return pd.DataFrame({"track_id": [f"t{i}" for i in range(number)]})


@given(number=st.integers(1, 500), size=st.integers(1, 60))
def test_shards_divide_the_tracks_evenly(number: int, size: int):
    table, names = tracks(number), shard_names(number, size)
    parts = [in_shard(table, name, len(names)) for name in names]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), table)
    lengths = [len(part) for part in parts]
    assert max(lengths) <= size
    assert max(lengths) - min(lengths) <= 1


def test_names():
    assert shard_names(3, 2) == ["0000", "0001"]
    assert len(shard_names(25000, 250)) == 100
    # Somebody has to say that there is no track.
    assert shard_names(0, 2) == ["0000"]


def test_fewer_tracks_than_planned_are_named():
    with pytest.raises(UserError, match=r"tracks\.csv: 2 tracks for 3 shards"):
        in_shard(tracks(2), "0000", 3)
