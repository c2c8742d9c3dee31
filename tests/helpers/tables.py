"""Rendered tables without what only aligns them, and single rows of tables."""

import re

import pandas as pd


def compact(text: str) -> list[str]:
    """The lines of a text table, each run of blanks or dashes as one."""
    return [re.sub(r"-+", "-", re.sub(r" +", " ", line)) for line in text.splitlines()]


def row_of(table: pd.DataFrame, **wanted: object) -> pd.Series:
    """The one row that has these values in these columns."""
    for column, value in wanted.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]
