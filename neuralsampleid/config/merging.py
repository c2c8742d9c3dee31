"""How a file of changes and the defaults become one configuration; see config/README.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TAGS = ("kind", "architecture")  # which say what else a section may hold
_WHOLE = ("encoders", "systems", "ablations", "kinds")  # are replaced where they are named


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Values with changes; nested sections are merged unless they become another kind."""
    if any(changes.get(tag, values.get(tag)) != values.get(tag) for tag in _TAGS):
        return dict(changes)
    result = dict(values)
    for key, change in changes.items():
        present = values.get(key)
        if isinstance(present, dict) and isinstance(change, dict) and key not in _WHOLE:
            result[key] = merged(present, change)
        else:
            result[key] = change
    return result
