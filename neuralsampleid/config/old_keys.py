"""Keys of older configurations, and where they went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from neuralsampleid.config.base import Section
from neuralsampleid.config.evaluation import Comparisons, Intervals, Metrics, Queries
from neuralsampleid.config.landmarks import PeakFinding
from neuralsampleid.config.rerankers import RerankerTraining, Rescoring
from neuralsampleid.errors import UserError

_EVALUATION: dict[str, type[Section]] = {
    "queries": Queries,
    "metrics": Metrics,
    "intervals": Intervals,
    "comparisons": Comparisons,
}

# Old key → what to say of it; * stands for one level, a name or a place in a list.
MOVED = {
    "hardware": "is now device: auto, cpu or cuda",
    "index.device": "is now device, a key of the root: auto, cpu or cuda",
    "index.candidates": "is now search.candidates",
    "reranker": "is now rerankers: {NAME: …}, and a system says reranker: NAME",
    "report": "is now page",
    "report.references": "is now page.tracks",
    "encoders.*.segment_hop": "is now fingerprints.segment_hop of the encoder",
    "encoders.*.training.augmentation.backend": "is gone: pairs are always changed as powers",
    "systems.*.landmarks": "is now kind: landmarks",
    "systems.*.way": "is gone: landmarks are searched at any pitch and tempo",
    "triples": "is now landmarks",
    **{
        f"landmarks.{key}": "is gone: see the section landmarks of config.yaml"
        for key in ("partner_frames", "partner_bins", "offset_frames", "tempo_step")
    },
    "systems.*.fuse": "is now kind: fusion with systems: [NAME, NAME]",
    "evaluation.ranks": "is now ranking.tracks",
    **{
        f"evaluation.{key}": f"is now {section}.{key}"
        for section, model in _EVALUATION.items()
        for key in model.model_fields
    },
    **{f"landmarks.{key}": f"is now peaks.{key}" for key in PeakFinding.model_fields},
    **{
        f"rerankers.*.{key}": f"is now training.{key} of the re-ranker"
        for key in RerankerTraining.model_fields
    },
    **{
        f"rerankers.*.{key}": f"is now rescoring.{key} of the re-ranker"
        for key in Rescoring.model_fields
    },
}

# Key and its old value → what to say of it.
MOVED_VALUES: dict[tuple[str, object], str] = {
    ("data.kind", "published"): "is now upstream",
    ("systems.*.reranker", True): "is now the name of one of rerankers",
    ("systems.*.reranker", False): "is now left out, or null",
    ("encoders.*.weights", "default"): "is now shipped",
}


def refuse_old_keys(values: Mapping[str, Any], source: str) -> None:
    """Say of every old key, and old value, what there is instead.

    Raises:
        UserError: there is one; one line names all of them.
    """
    found = [f"{place}: {said}" for old, said in MOVED.items() for place, _ in _found(values, old)]
    found += [
        f"{place}: {value!r} {said}"
        for (key, old), said in MOVED_VALUES.items()
        for place, value in _found(values, key)
        if value == old and type(value) is type(old)
    ]
    if found:
        raise UserError(f"{source}: {'; '.join(found)}")


def _found(values: object, key: str) -> Iterator[tuple[str, object]]:
    """Where a key stands, its stars filled in, and its value there."""
    items = dict(enumerate(values)) if isinstance(values, list) else values
    if not isinstance(items, Mapping):
        return
    first, _, rest = key.partition(".")
    for name in items if first == "*" else [first] if first in items else []:
        if rest:
            yield from ((f"{name}.{place}", value) for place, value in _found(items[name], rest))
        else:
            yield str(name), items[name]
