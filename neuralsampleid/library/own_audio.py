"""Fingerprinting audio files that a person names."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import pandas as pd

from neuralsampleid.errors import UserError
from neuralsampleid.files import sha256_of
from neuralsampleid.fingerprints.fingerprinting import fingerprint_tracks
from neuralsampleid.models.weights import Architecture, Graph, load_any_encoder

_PACKAGES = ("neuralsampleid", "numpy", "torch")


def fingerprint_files(
    audio: Sequence[Path],
    architecture: Architecture,
    weights: Path,
    store: Path,
    graph: Graph | None = None,
) -> None:
    """Fingerprint audio files into a store; a track's id is its file's name without the ending.

    Args:
        audio: at least one file.
        architecture: of the encoder; ``gnn`` also stores node matrices.
        weights: a checkpoint of this project or a published one.
        store: the folder; it appears once every file is in it, and replaces one that exists.
        graph: mode of ``gnn``, see ``load_any_encoder``.

    Raises:
        UserError: the weights do not fit, a file is missing or cannot be decoded, two files give
            the same id, or ``store`` is something other than a store.
    """
    tracks = track_table(audio)
    if store.exists() and not (store / "embeddings.npy").exists():
        raise UserError(f"{store}: exists and is no fingerprint store, expected a new folder")
    encoder, settings = load_any_encoder(weights, architecture, graph)
    meta = {
        "encoder": settings.architecture,
        "settings": settings.model_dump(exclude={"training"}),
        "weights_sha256": sha256_of(weights),
        "versions": {name: metadata.version(name) for name in _PACKAGES},
    }
    fingerprint_tracks(encoder, tracks, store, meta)


def track_table(audio: Sequence[Path]) -> pd.DataFrame:
    """Columns ``track_id`` and ``path`` of audio files, in their order.

    Raises:
        UserError: there is no file, or two have the same name without ending.
    """
    if not audio:
        raise UserError("audio: no file, expected at least one")
    by_id: dict[str, Path] = {}
    for path in audio:
        if path.stem in by_id:
            raise UserError(
                f"{path}: track '{path.stem}' is also {by_id[path.stem]}, expected different names"
            )
        by_id[path.stem] = path
    return pd.DataFrame({"track_id": list(by_id), "path": [str(path) for path in by_id.values()]})
