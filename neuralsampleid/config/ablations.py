"""Ablations: one system, and rows that differ from it in what they say, each with several seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from neuralsampleid.config.base import Name, Section, Seeds

if TYPE_CHECKING:
    from neuralsampleid.config.run import Config

RERANKER_OF = "reranker_of_"  # before a row's name: that of its re-ranker
_TAGS = ("kind", "architecture")  # which say what else a section may hold


class AblationRow(Section):
    """What differs from the system's encoder and from its re-ranker, as nested keys."""

    encoder: dict[str, Any] = {}
    reranker: bool | dict[str, Any] = {}  # false: none; true: as section reranker says


class Ablations(Section):
    """The rows of ``snakemake ablations``."""

    system: Name = "proposed"  # that rows change
    seeds: Seeds = [1, 2, 3]  # each with its own music, weights and pairs
    rows: Annotated[dict[Name, AblationRow], Field(min_length=1)]


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
    reranker = _values(config.all_rerankers[system.reranker_name or "reranker"], "encoder")
    encoders: dict[str, Any] = {}
    rerankers: dict[str, Any] = {}
    systems = []
    for name, row in {system.name: AblationRow(), **ablations.rows}.items():
        own = _name_of(merged(encoder, row.encoder), encoders, name)
        ranking: bool | str = bool(system.reranker if row.reranker == {} else row.reranker)
        if ranking:
            changed = merged(reranker, row.reranker) if isinstance(row.reranker, dict) else reranker
            settings = {"encoder": own, **changed}
            ranking = _name_of(settings, rerankers, f"{RERANKER_OF}{name}")
        systems.append({**_values(system), "name": name, "encoder": own, "reranker": ranking})
    kept = {"data", "separation", "shards", "index", "evaluation"}
    return {
        "run": f"{config.run}_ablations_{seed}",
        "seed": seed,
        "device": config.device,
        "precision": config.precision,
        **{key: _values(getattr(config, key)) for key in sorted(kept)},
        "encoders": encoders,
        "rerankers": rerankers,
        "systems": systems,
    }


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Values with changes; nested sections are merged unless they become another kind."""
    if any(changes.get(tag, values.get(tag)) != values.get(tag) for tag in _TAGS):
        return dict(changes)
    result = dict(values)
    for key, change in changes.items():
        present = values.get(key)
        if isinstance(present, dict) and isinstance(change, dict):
            result[key] = merged(present, change)
        else:
            result[key] = change
    return result


def _values(section: Section, *left_out: str) -> dict[str, Any]:
    return section.model_dump(mode="json", exclude=set(left_out))


def _name_of(settings: dict[str, Any], named: dict[str, Any], new: str) -> str:
    """The name under which equal settings are there already; else they are added as ``new``."""
    for name, others in named.items():
        if others == settings:
            return name
    named[new] = settings
    return new
