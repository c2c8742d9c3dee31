"""Progress as lines of a log, and as a bar."""

import logging
import sys
from time import sleep

import pytest

from neuralsampleid.progress import progress, progress_within


def test_a_log_has_lines_now_and_then(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO):
        assert list(progress(iter(range(3)), "count", total=3)) == [0, 1, 2]
        assert caplog.messages == []
        for _ in progress([1, 2], "count", every_s=0.01):
            sleep(0.05)
    assert caplog.messages == [
        "count: 1 of 2, 00:00 left",
        "count: 2 of 2, 00:00 left",
    ]


def test_nothing_is_told_where_nobody_watches(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO):
        for _ in progress([1, 2], "count", every_s=0.01, quiet=True):
            sleep(0.05)
    assert caplog.messages == []


def test_a_person_sees_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert list(progress([1, 2], "count")) == [1, 2]
    assert "count: 100%|" in capsys.readouterr().err
    assert list(progress([1, 2], "count", unit="window", quiet=True)) == [1, 2]
    assert "window/s]" in capsys.readouterr().err


@pytest.mark.parametrize(("shown", "watched"), [(True, True), (False, True), (True, False)])
def test_a_long_item_has_a_bar_for_a_person_only(
    shown: bool,
    watched: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(sys.stderr, "isatty", lambda: watched)
    blocks = ["ab", "cdef"]
    for _ in progress_within(blocks, "mix.mp3", 6, shown):
        sleep(0.2)
    said = capsys.readouterr().err
    assert ("mix.mp3:  33%" in said) == (shown and watched)
    assert bool(said) == (shown and watched)
    assert not caplog.messages
