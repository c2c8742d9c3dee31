"""Rendered tables without what only aligns them."""

import re


def compact(text: str) -> list[str]:
    """The lines of a text table, each run of blanks or dashes as one."""
    return [re.sub(r"-+", "-", re.sub(r" +", " ", line)) for line in text.splitlines()]
