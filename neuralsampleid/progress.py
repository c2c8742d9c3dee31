"""How far a long job is, for its log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta

_LOG = logging.getLogger(__name__)


class Progress:
    """Logs how many of a job's tracks are done and how long the rest will take.

    Args:
        total: tracks of the job.
        every_s: seconds between two lines; the last track always gets one.
        clock: seconds; another one is for tests.
    """

    def __init__(
        self, total: int, every_s: float = 10.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.total = total
        self.every_s = every_s
        self.clock = clock
        self.done = self.kept = 0
        self.started = self.logged = clock()

    def step(self, fresh: bool = True, note: str = "") -> None:
        """Count one more track.

        Args:
            fresh: it was worked on now, not found finished; only such tracks tell how long one
                takes.
            note: what else the line says.
        """
        self.done += 1
        self.kept += not fresh
        now = self.clock()
        if self.done < self.total and now - self.logged < self.every_s:
            return
        self.logged = now
        parts = [f"{self.done} of {self.total} tracks"]
        parts += [f"{self.kept} finished before"] if self.kept else []
        parts += [note] if note else []
        parts.append(f"{self._left(now)} left")
        _LOG.info("%s", ", ".join(parts))

    def _left(self, now: float) -> str:
        """The time left as h:mm:ss, if each further track takes as long as those so far."""
        worked = self.done - self.kept
        if self.done == self.total:
            return "0:00:00"
        if not worked:
            return "unknown time"
        seconds = (now - self.started) / worked * (self.total - self.done)
        return str(timedelta(seconds=round(seconds)))
