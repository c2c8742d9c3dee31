"""Evaluating a folder in the upstream layout, whichever protocol."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from neuralsampleid.errors import UserError
from neuralsampleid.models.reranker import CrossAttentionReranker
from neuralsampleid.upstream.corrected_protocol import evaluate_corrected
from neuralsampleid.upstream.layout import read_fingerprints, read_ground_truth
from neuralsampleid.upstream.protocol import Answers, IndexKind, Protocol, SystemName
from neuralsampleid.upstream.release_protocol import evaluate_released

QUERY_SECONDS = (5, 7, 10, 15, 20)  # of upstream's tables
_SEGMENT_AND_HOP_MS = {"gnn": (4080, 512), "resnet_ibn": (5000, 2500)}


def evaluate_folder(
    folder: Path,
    ground_truth: Path,
    system: SystemName,
    protocol: Protocol,
    index: IndexKind,
    query_segments: Sequence[int] | None = None,
    reranker: CrossAttentionReranker | None = None,
    *,
    threads: int = 1,
) -> Answers:
    """Hit rates, mAP and rankings of one system.

    Args:
        folder: fingerprints in the upstream layout; nothing in it is changed.
        ground_truth: ``gt_dict.json``.
        system: ``proposed`` needs ``reranker`` and node matrices in the folder.
        protocol: ``released``, mistakes included, or ``corrected``.
        index: ``flat`` or ``ivfpq``.
        query_segments: lengths of segment queries; by default those of ``QUERY_SECONDS``.
        reranker: in evaluation mode.
        threads: of the CPU.

    Raises:
        UserError: a file is missing or broken, or the files disagree; ``proposed`` without
            re-ranker; a length below 1.
    """
    if system == "proposed" and reranker is None:
        raise UserError("system 'proposed': no re-ranker, expected its weights")
    lengths = tuple(default_segments(system) if query_segments is None else query_segments)
    if not lengths or min(lengths) < 1:
        raise UserError(f"query segments: {list(lengths)}, expected lengths of at least 1")
    fingerprints = read_fingerprints(folder)
    truth = read_ground_truth(ground_truth, fingerprints)
    evaluate = evaluate_released if protocol == "released" else evaluate_corrected
    return evaluate(fingerprints, truth, system, index, lengths, reranker, threads=threads)


def default_segments(
    system: SystemName, query_seconds: Sequence[float] = QUERY_SECONDS
) -> list[int]:
    """Query lengths as numbers of segments: ⌊(seconds − segment) / hop + 1⌋, as released."""
    encoder = "resnet_ibn" if system == "baseline" else "gnn"
    segment, hop = _SEGMENT_AND_HOP_MS[encoder]
    return [(round(1000 * seconds) - segment) // hop + 1 for seconds in query_seconds]
