"""All that is searched: the segments of references and noise tracks, from one store or several."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from neuralsampleid.errors import UserError
from neuralsampleid.fingerprints.store import NodeRows, open_stores


@dataclass(frozen=True)
class Database:
    """All segments that may answer a query; row r of the index is row r here.

    ``tracks`` numbers the tracks and ``track_ids`` names them.
    """

    embeddings: npt.NDArray[np.float32]  # (rows, d)
    nodes: NodeRows | None  # (rows, channels, nodes)
    silent: npt.NDArray[np.bool_]  # (rows,)
    tracks: npt.NDArray[np.int64]  # (rows,)
    starts_s: npt.NDArray[np.float64]  # (rows,)
    ends_s: npt.NDArray[np.float64]  # (rows,)
    track_ids: list[str]

    @classmethod
    def open(cls, folders: list[Path]) -> Database:
        """All segments of the stores in the given order; errors as for ``open_stores``."""
        store = open_stores(folders)
        number = {track: place for place, track in enumerate(store.tracks)}
        return cls(
            embeddings=store.embeddings,
            nodes=store.nodes,
            silent=store.segments["silent"].to_numpy(bool),
            tracks=store.segments["track_id"].map(number).to_numpy(np.int64),
            starts_s=store.segments["start_s"].to_numpy(float),
            ends_s=store.segments["end_s"].to_numpy(float),
            track_ids=list(store.tracks),
        )

    def rows_of(self, track_ids: Collection[str]) -> npt.NDArray[np.int64]:
        """Rows of some tracks, ascending.

        Raises:
            UserError: a track is not in the database.
        """
        unknown = set(track_ids) - set(self.track_ids)
        if unknown:
            raise UserError(
                f"track '{min(unknown)}' is to be excluded, expected one of the "
                f"{len(self.track_ids)} references and noise tracks"
            )
        numbers = [self.track_ids.index(track_id) for track_id in track_ids]
        return np.flatnonzero(np.isin(self.tracks, numbers))
