"""Fingerprint stores whose segments are made by hand."""

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from neuralsampleid.fingerprints.store import FingerprintStore, open_store, writing_store

HOP, SEGMENT, SIZE = 0.5, 2.0, 24  # s, s, numbers of an embedding


def unit_rows(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Random embeddings of length 1, (rows, SIZE)."""
    values = rng.standard_normal((rows, SIZE)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def stored(
    folder: Path, tracks: Mapping[str, np.ndarray], silent: Collection[int] = ()
) -> FingerprintStore:
    """A store of tracks: id → (segments, SIZE); some segments of each are silent."""
    with writing_store(folder, {}) as store:
        for track_id, embeddings in tracks.items():
            starts = HOP * np.arange(len(embeddings))
            mute = np.isin(np.arange(len(starts)), list(silent))
            store.append(
                track_id, embeddings, starts_s=starts, ends_s=starts + SEGMENT, silent=mute
            )
    return open_store(folder)
