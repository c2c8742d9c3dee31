"""Fingerprint stores whose segments are made by hand."""

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from neuralsampleid.fingerprints.segments import Segments
from neuralsampleid.fingerprints.store import open_stores, writing_store

HOP, SEGMENT, SIZE = 0.5, 2.0, 24  # s, s, numbers of an embedding


def unit_rows(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Random embeddings of length 1, (rows, SIZE)."""
    values = rng.standard_normal((rows, SIZE)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def segments(
    track_id: str,
    embeddings: np.ndarray,
    *,
    silent: Collection[int] = (),
    hop: float = HOP,
    length: float = SEGMENT,
    nodes: np.ndarray | None = None,
) -> Segments:
    """A track of embeddings (segments, d); some are silent."""
    place = np.arange(len(embeddings))
    return Segments.of(
        {track_id: len(embeddings)},
        embeddings,
        starts_s=hop * place,
        ends_s=hop * place + length,
        silent=np.isin(place, list(silent)),
        nodes=nodes,
    )


def together(tracks: Mapping[str, np.ndarray], silent: Collection[int] = ()) -> Segments:
    """Tracks: id → (segments, d); some segments of each are silent."""
    return Segments.join([segments(name, rows, silent=silent) for name, rows in tracks.items()])


def stored(
    folder: Path, tracks: Mapping[str, np.ndarray], silent: Collection[int] = ()
) -> Segments:
    """What a store of tracks gives back."""
    with writing_store(folder, {}) as store:
        for track_id, embeddings in tracks.items():
            store.append(segments(track_id, embeddings, silent=silent))
    return open_stores([folder])
