"""The run of the ablations with one seed; above ``run`` in the order of imports."""

from __future__ import annotations

from typing import Any

from neuralsampleid.config.ablations import AblationRow
from neuralsampleid.config.base import Section
from neuralsampleid.config.merging import merged
from neuralsampleid.config.run import Config
from neuralsampleid.config.systems import System

RERANKER_OF = "reranker_of_"  # before a row's name: that of its re-ranker


def ablation_run(config: Config, seed: int) -> dict[str, Any]:
    """The run that trains and ranks the system and all rows with one seed.

    Rows that do not differ in their encoder, or in their re-ranker, share it.

    Args:
        config: with ablations.
        seed: one of theirs.

    Returns:
        Values for ``parse_config``. The run is called ``<run>_ablations_<seed>``; its systems are
        called as the rows are, after the system that they change, encoders and re-rankers (with
        ``RERANKER_OF`` before) as the first row that has them.
    """
    ablations = config.ablations
    assert ablations is not None
    (system,) = (row for row in config.encoder_systems if row.name == ablations.system)
    encoder = _values(config.encoders[system.encoder])
    encoders: dict[str, Any] = {}
    rerankers: dict[str, Any] = {}
    systems = []
    for name, row in {system.name: AblationRow(), **ablations.rows}.items():
        own = _name_of(merged(encoder, row.encoder), encoders, name)
        settings = _reranker(config, system, row)
        ranking = settings and _name_of(
            {**settings, "encoder": own}, rerankers, f"{RERANKER_OF}{name}"
        )
        systems.append({"kind": "encoder", "name": name, "encoder": own, "reranker": ranking})
    return {
        **config.model_dump(mode="json", exclude={"page", "scale", "shipped"}),
        "run": f"{config.run}_ablations_{seed}",
        "seed": seed,
        "encoders": encoders,
        "rerankers": rerankers,
        "systems": systems,
        "ablations": None,
    }


def _reranker(config: Config, system: System, row: AblationRow) -> dict[str, Any] | None:
    """The section of a row's re-ranker, or None where it has none."""
    named = row.reranker if isinstance(row.reranker, str) else system.reranker
    if row.reranker is False or named is None:
        return None
    changes = row.reranker if isinstance(row.reranker, dict) else {}
    return merged(_values(config.rerankers[named]), changes)


def _values(section: Section) -> dict[str, Any]:
    return section.model_dump(mode="json")


def _name_of(settings: dict[str, Any], named: dict[str, Any], new: str) -> str:
    """The name under which equal settings are there already; else they are added as ``new``."""
    for name, others in named.items():
        if others == settings:
            return name
    named[new] = settings
    return new
