"""Numbers of files for programs: six significant digits."""

from __future__ import annotations


def rounded(value: object) -> object:
    """Floats with six significant digits, in whatever holds them."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: rounded(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(part) for part in value]
    return value
