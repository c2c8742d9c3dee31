"""Progress: when a line comes, and what it says of the time left."""

import logging

import pytest

from neuralsampleid.progress import Progress


class Clock:
    """Seconds, told by the test."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def lines(caplog: pytest.LogCaptureFixture, total: int, steps: list[tuple[float, bool]]):
    """The log of steps at given times, each with whether it was worked on."""
    caplog.clear()
    clock = Clock()
    with caplog.at_level(logging.INFO):
        progress = Progress(total, every_s=10.0, clock=clock)
        for seconds, fresh in steps:
            clock.now = 100.0 + seconds
            progress.step(fresh)
    return caplog.messages


def test_the_time_left_follows_from_the_tracks_so_far(caplog: pytest.LogCaptureFixture):
    steps = [(4.0, True), (8.0, True), (12.0, True), (100.0, True)]
    assert lines(caplog, 903, steps) == [
        "3 of 903 tracks, 1:00:00 left",  # 4 s each
        "4 of 903 tracks, 6:14:35 left",  # 25 s each
    ]


def test_tracks_from_before_do_not_count_for_the_time(caplog: pytest.LogCaptureFixture):
    steps = [(11.0, False), (21.0, True), (22.0, True)]
    assert lines(caplog, 3, steps) == [
        "1 of 3 tracks, 1 finished before, unknown time left",
        "2 of 3 tracks, 1 finished before, 0:00:21 left",
        "3 of 3 tracks, 1 finished before, 0:00:00 left",
    ]
