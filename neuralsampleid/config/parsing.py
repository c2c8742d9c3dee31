"""From YAML to the typed configuration, or one line that says what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from neuralsampleid.config.base import PATTERNS, Section
from neuralsampleid.config.encoders import EncoderSettings
from neuralsampleid.config.merging import merged
from neuralsampleid.config.old_keys import refuse_old_keys
from neuralsampleid.config.run import Config
from neuralsampleid.config.seeds import RERANKER_OF, ablation_run
from neuralsampleid.config.upstream import UpstreamConfig
from neuralsampleid.errors import UserError


def parse_config(values: object, source: str, defaults: Mapping[str, Any] | None = None) -> Config:
    """Check a configuration given as nested dictionaries.

    Args:
        values: what the YAML file held: what differs from the defaults.
        source: the file's name, for error messages.
        defaults: what differs from the models' defaults and is not the file's own.

    Raises:
        UserError: one line with every wrong key, what was found and what was expected.
    """
    if not isinstance(values, dict):
        raise UserError(f"{source}: configuration: expected keys with values, found {values!r}")
    refuse_old_keys(values, source)
    over = merged(Config().model_dump(mode="json"), defaults or {})
    config = _parse(Config, merged(over, values), source)
    if config.ablations is not None:
        _check_rows(config, source)
    return config


def parse_any_config(
    values: object, source: str, defaults: Mapping[str, Any] | None = None
) -> Config | UpstreamConfig:
    """As ``parse_config``, but ``data.kind: upstream`` is an upstream run, merged with nothing.

    Raises:
        UserError: see ``parse_config``.
    """
    data = values.get("data") if isinstance(values, dict) else None
    if isinstance(data, dict) and data.get("kind") == "upstream":
        return _parse(UpstreamConfig, values, source)
    return parse_config(values, source, defaults)


def read_run(
    values: dict[str, Any], files: Sequence[Path], defaults: Path
) -> Config | UpstreamConfig:
    """The configuration of a workflow's run.

    Args:
        values: what ``--configfile`` and ``--config`` of Snakemake say.
        files: of ``--configfile``; the last names the run if no key does.
        defaults: ``config.yaml``, over which the values are merged by the rules of
            ``config/README.md``; Snakemake's own rules would mix sections of different kinds.

    Raises:
        UserError: see ``parse_config``.
    """
    for file in files:
        read_values(file)  # Snakemake has read it, but not told of a key that is given twice
    if files and "run" not in values:
        values = {"run": run_named(files[-1]), **values}
    source = ", ".join(map(str, files)) or defaults.name
    return parse_any_config(values, source, read_values(defaults))


def parse_encoder(values: object) -> EncoderSettings:
    """The section of an encoder that can be built, which ``parse_config`` has checked before."""
    built = Annotated[EncoderSettings, Field(discriminator="architecture")]
    return TypeAdapter[EncoderSettings](built).validate_python(values)


def read_config(path: Path) -> Config:
    """Read and check one YAML file; without ``run`` the run bears the file's name.

    Raises:
        UserError: the file is missing, is not YAML, or fails the checks.
    """
    values = read_values(path)
    if isinstance(values, dict):
        values = {"run": run_named(path), **values}
    return parse_config(values, str(path))


def read_values(path: Path) -> Any:  # noqa: ANN401 - whatever YAML can say
    """What a YAML file holds.

    Raises:
        UserError: the file is missing or is not YAML.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _EachKeyOnce)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such configuration file") from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: letters that are not in UTF-8; save the file again as UTF-8"
        ) from error
    except _TwiceError as error:
        raise UserError(f"{path}: {error}, expected each key once") from error
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not a YAML file ({reason})") from error


def run_named(path: Path) -> str:
    """The name of a run after its file: ``My-run.yaml`` becomes ``my_run``."""
    name = re.sub(r"[^a-z0-9]+", "_", path.stem.lower()).strip("_")
    return name if name[:1].isalpha() else f"run_{name}".strip("_")


class _TwiceError(yaml.YAMLError):
    """A key that stands twice."""


class _EachKeyOnce(yaml.SafeLoader):
    """Refuses a key that stands twice in one section: YAML itself lets the later one win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        lines: dict[str, int] = {}
        for key, _ in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in lines:
                raise _TwiceError(f"key '{name}' stands in line {lines[name]} and in line {line}")
            lines[name] = line
        return super().construct_mapping(node, deep)


_Parsed = TypeVar("_Parsed", bound=Section)


def _parse(model: type[_Parsed], values: object, source: str) -> _Parsed:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        unions = {"data", "loss", "learning_rate"} if model is Config else set()
        problems = "; ".join(_problem(item, unions) for item in error.errors())
        raise UserError(f"{source}: {problems}") from error


def _check_rows(config: Config, source: str) -> None:
    """Refuse ablations whose rows make no configuration; keys are named as in the rows."""
    assert config.ablations is not None
    try:
        _parse(Config, ablation_run(config, config.ablations.seeds[0]), "")
    except UserError as error:
        problems = str(error).removeprefix(": ").split("; ")
        raise UserError(f"{source}: {'; '.join(map(_of_row, problems))}") from error


def _of_row(problem: str) -> str:
    made = rf"^(?:(encoder)s\.|(reranker)s\.{RERANKER_OF})(\w+)"
    return re.sub(made, lambda key: f"ablations.rows.{key[3]}.{key[1] or key[2]}", problem)


def _problem(item: Any, unions: set[str]) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    """One pydantic complaint as ``key: what is wrong``."""
    # pydantic puts the tag of a union after its key; the file has no such level.
    path = item["loc"]
    location = [
        str(part)
        for place, part in enumerate(path)
        if not (
            (place > 0 and path[place - 1] in unions)
            or (place > 1 and unions and path[place - 2] in {"encoders", "systems"})
            or (part in {"log_mel", "constant_q"} and path[place - 1] == "front_end")
        )
    ]
    key = ".".join(location) or "configuration"
    if item["type"] == "extra_forbidden":
        return f"{key}: unknown key"
    if item["type"] == "union_tag_not_found":
        return f"{key}.{item['ctx']['discriminator'].strip(chr(39))}: field required"
    if item["type"] == "value_error":
        return f"{key}: {item['ctx']['error']}"
    if item["type"] == "string_pattern_mismatch":
        pattern = item["ctx"]["pattern"]
        return f"{key}: found {item['input']!r}, expected {PATTERNS.get(pattern, pattern)}"
    found = f", found {item['input']!r}" if not isinstance(item["input"], dict) else ""
    return f"{key}: {item['msg'][0].lower()}{item['msg'][1:]}{found}"
