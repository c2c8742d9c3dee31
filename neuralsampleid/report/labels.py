"""What tables and figures call the things that they show; systems bring labels of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping

from neuralsampleid.evaluation.conditions import SEPARATOR

Labels = Mapping[str, str]  # a system's name → its label, in the order of the configuration
Kinds = Mapping[str, str]  # a system's name → its ``kind`` in the configuration, or bound

_TERMS = {
    "ivf": "IVF",
    "ivfpq": "IVF-PQ",
    "ivfpq_rescored": "IVF-PQ, re-scored",
    "hnsw": "HNSW",
    "gnn": "GNN",
    "resnet_ibn": "ResNet-IBN",
    "reading_cnn": "Reading CNN",
    "reranker": "Re-ranker",
    "auroc": "AUROC",
    "map": "mAP",
    "pitch_semitones": "Pitch (semitones)",
    "level_db": "Level in the mix (dB)",
    "occurrence_s": "Occurrence (s)",
}


def words(name: str) -> str:
    """An identifier as words: ``mean_rank`` becomes "Mean rank", ``hit_rate_3`` "Hit rate at 3"."""
    if name in _TERMS:
        return _TERMS[name]
    spaced = re.sub(r"^hit_rate_(\d+)$", r"hit_rate_at_\1", name).replace("_", " ").strip()
    return spaced[:1].upper() + spaced[1:]


def group_label(group: str) -> str:
    """A group of queries: a sample type, or a condition such as ``tempo_ratio:..0.9``."""
    dimension, separator, value = group.partition(SEPARATOR)
    return f"{words(dimension)}: {bin_label(value)}" if separator else words(group)


def bin_label(value: str) -> str:
    """A condition's value: "below 0.9", "0.9 to 1.1", "from 1.1", or the text it is."""
    low, dots, high = value.partition("..")
    if not dots:
        return value
    if low and high:
        return f"{low} to {high}"
    return f"from {low}" if low else f"below {high}"
