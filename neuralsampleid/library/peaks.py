"""The peaks of a library's tracks, read from its file when they are asked for."""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import overload

import numpy as np
import numpy.typing as npt

from neuralsampleid.config import PeakFinding
from neuralsampleid.errors import UserError
from neuralsampleid.landmarks.peaks import Peaks
from neuralsampleid.library.database import FILE, PATIENCE_S, damaged, explaining


class StoredPeaks(Sequence[Peaks]):
    """The peaks of each track; several threads may ask.

    Args:
        folder: of the library.
        numbers: of its tracks there, (T,).
        seconds: their lengths, (T,).
        settings: by which the peaks were found.
    """

    def __init__(
        self,
        folder: Path,
        numbers: Sequence[int],
        seconds: npt.NDArray[np.float64],
        settings: PeakFinding,
    ) -> None:
        self.folder, self.numbers = folder, numbers
        self._seconds, self._settings = seconds, settings
        self._lock = Lock()
        self._table: sqlite3.Connection | None = None

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, place: int) -> Peaks: ...

    @overload
    def __getitem__(self, place: slice) -> list[Peaks]: ...

    def __getitem__(self, place: int | slice) -> Peaks | list[Peaks]:
        """Those of one track, or of several.

        Raises:
            UserError: they cannot be read, or the track is no longer there.
        """
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        try:
            peaks = Peaks.from_bytes(self._blob(self.numbers[place]))
            peaks.check(float(self._seconds[place]), self._settings)
        except (TypeError, ValueError) as error:
            raise UserError(damaged(self.folder)) from error
        return peaks

    def _blob(self, number: int) -> bytes:
        with self._lock, explaining(self.folder):
            if self._table is None:
                self._table = sqlite3.connect(
                    self.folder / FILE, timeout=PATIENCE_S, check_same_thread=False
                )
                weakref.finalize(self, self._table.close)
            found = self._table.execute("SELECT landmarks FROM tracks WHERE number = ?", (number,))
            row = found.fetchone()
        if row is None:
            raise UserError(f"{self.folder}: nsid index has changed it meanwhile; ask again")
        return bytes(row[0])
