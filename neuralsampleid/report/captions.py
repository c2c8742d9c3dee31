"""Captions of tables and figures: the templates in ``report/`` of the workflow."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

from jinja2 import Environment, StrictUndefined


def render_caption(template: str, params: Mapping[str, object]) -> str:
    """A caption as Snakemake's report shows it, which renders the same templates.

    Args:
        template: Jinja; configured values stand in it as ``snakemake.params.NAME``.
        params: the values by name.

    Raises:
        jinja2.UndefinedError: the template names a value that is not among them.
    """
    environment = Environment(undefined=StrictUndefined, autoescape=False)
    values = SimpleNamespace(params=SimpleNamespace(**params))
    return environment.from_string(template).render(snakemake=values).strip()
