"""The progress bar."""

import sys

import pytest

from neuralsampleid.training import curves


def test_the_progress_bar_needs_a_person(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    assert curves.progress_bars() == []
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert len(curves.progress_bars()) == 1
