"""What a reader calls the things that the config names."""

from __future__ import annotations

import re

from neuralsampleid.evaluation.conditions import SEPARATOR


def human_name(name: str) -> str:
    """Name of a system, encoder, metric or group for tables and figures.

    Unknown names are prettified: ``spectral_peaks`` becomes "Spectral peaks". Of a condition, such
    as ``tempo_ratio:..0.9``, both parts are named: "Tempo ratio: below 0.9".
    """
    if SEPARATOR in name:
        dimension, _, value = name.partition(SEPARATOR)
        return f"{human_name(dimension)}: {human_bin(value)}"
    known = {
        "proposed": "Proposed",
        "proposed_no_reranker": "Proposed, no re-ranker",
        "baseline": "Baseline (ResNet-IBN)",
        "untrained": "Untrained encoder",
        "landmarks": "Landmarks",
        "landmarks_searched": "Landmarks, pitch and tempo searched",
        "landmarks_passages": "Landmarks, best passage",
        "proposed_landmarks": "Proposed + landmarks",
        "baseline_landmarks": "Baseline + landmarks",
        "ivf": "IVF",
        "ivfpq": "IVF-PQ",
        "ivfpq_rescored": "IVF-PQ, re-scored",
        "hnsw": "HNSW",
        "gnn": "GNN",
        "resnet_ibn": "ResNet-IBN",
        "reranker": "Re-ranker",
        "auroc": "AUROC",
        "map": "mAP",
        "pitch_semitones": "Pitch (semitones)",
        "level_db": "Level in the mix (dB)",
        "occurrence_s": "Occurrence (s)",
    }
    if name in known:
        return known[name]
    words = re.sub(r"^hit_rate_(\d+)$", r"hit_rate_at_\1", name).replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def human_bin(value: str) -> str:
    """Name of a condition's value: "below 0.9", "0.9 to 1.1", "from 1.1", or the text it is."""
    low, dots, high = value.partition("..")
    if not dots:
        return value
    if low and high:
        return f"{low} to {high}"
    return f"from {low}" if low else f"below {high}"
