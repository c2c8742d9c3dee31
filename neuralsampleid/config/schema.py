"""The JSON schema of configuration files.

``python -m neuralsampleid.config.schema config/schema.json`` writes it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from neuralsampleid.config.run import Config
from neuralsampleid.config.upstream import UpstreamConfig
from neuralsampleid.files import write_text

_IS_UPSTREAM = {
    "required": ["data"],
    "properties": {
        "data": {"required": ["kind"], "properties": {"kind": {"const": "upstream"}}},
    },
}


def schema() -> str:
    """The schema as JSON, for editors that complete and check YAML files.

    A benchmark's file holds what differs from the defaults, so that no section is required of it.
    """
    run, upstream = (model.model_json_schema() for model in (Config, UpstreamConfig))
    definitions = run.pop("$defs") | upstream.pop("$defs")
    values = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of a run",
        "if": _IS_UPSTREAM,
        "then": upstream,
        "else": run,
        "$defs": definitions,
    }
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    write_text(Path(sys.argv[1]), schema())
