"""Answers as a JSON document, for programs; ``answers.schema.json`` describes it."""

from __future__ import annotations

import json
from dataclasses import asdict

from neuralsampleid.exports.rounding import rounded
from neuralsampleid.library.answer import Findings

VERSION = 1  # of the document; another one where a field is renamed, removed or means another thing


def as_json(findings: Findings) -> str:
    """Everything that was found; floats with six significant digits."""
    return json.dumps(rounded({"version": VERSION, **asdict(findings)}), indent=2) + "\n"
