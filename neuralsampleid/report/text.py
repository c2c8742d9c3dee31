"""Times and names as people read them."""

from __future__ import annotations


def clock(seconds: float) -> str:
    """Minutes and seconds, such as 3:07, from one hour on 1:03:07; whole seconds, halves up."""
    minutes, second = divmod(int(seconds + 0.5), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02d}:{second:02d}" if hour else f"{minute}:{second:02d}"


def printable(name: str) -> str:
    """File names may hold anything, also what steers a terminal or ends a line."""
    return "".join(sign if sign.isprintable() else "?" for sign in name)
