"""Arrays of several files, read as if they were one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

_Scalar = TypeVar("_Scalar", bound=np.generic)


class JoinedRows(Generic[_Scalar]):
    """Rows of memory-mapped arrays, one after another; only rows asked for are read.

    Args:
        parts: at least one array, all with the same shape but for the number of rows.
    """

    def __init__(self, parts: Sequence[npt.NDArray[_Scalar]]) -> None:
        self._parts = list(parts)
        self._starts = np.cumsum([0, *(len(part) for part in parts)])
        self.shape: tuple[int, ...] = (int(self._starts[-1]), *parts[0].shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: npt.NDArray[np.int64] | slice) -> npt.NDArray[_Scalar]:
        """The rows of these numbers, each from 0 to the last, as (numbers, …)."""
        if isinstance(rows, slice):
            rows = np.arange(len(self))[rows]
        wanted = np.empty((len(rows), *self.shape[1:]), self._parts[0].dtype)
        owners = np.searchsorted(self._starts, rows, side="right") - 1
        for place in np.unique(owners):
            chosen = owners == place
            wanted[chosen] = self._parts[place][rows[chosen] - self._starts[place]]
        return wanted
