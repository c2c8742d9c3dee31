"""Times as people read them."""

from __future__ import annotations


def clock(seconds: float) -> str:
    """Minutes and seconds, such as 3:07; whole seconds, halves up."""
    whole = int(seconds + 0.5)
    return f"{whole // 60}:{whole % 60:02d}"
