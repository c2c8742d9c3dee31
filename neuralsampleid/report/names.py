"""What a reader calls the things that the config names."""

from __future__ import annotations

import re


def human_name(name: str) -> str:
    """Name of a system, encoder, metric or group for tables and figures.

    Unknown names are prettified: ``spectral_peaks`` becomes "Spectral peaks".
    """
    known = {
        "proposed": "Proposed",
        "proposed_no_reranker": "Proposed, no re-ranker",
        "baseline": "Baseline (ResNet-IBN)",
        "untrained": "Untrained encoder",
        "landmarks": "Landmarks",
        "landmarks_searched": "Landmarks, pitch and tempo searched",
        "ivf": "IVF",
        "ivfpq": "IVF-PQ",
        "ivfpq_rescored": "IVF-PQ, re-scored",
        "hnsw": "HNSW",
        "gnn": "GNN",
        "resnet_ibn": "ResNet-IBN",
        "reranker": "Re-ranker",
        "auroc": "AUROC",
        "map": "mAP",
    }
    if name in known:
        return known[name]
    words = re.sub(r"^hit_rate_(\d+)$", r"hit_rate_at_\1", name).replace("_", " ").strip()
    return words[:1].upper() + words[1:]
