"""A library that also has the landmarks of drums."""

import pytest

from helpers.tunes import put, tune
from neuralsampleid import Library, UserError
from neuralsampleid.cli import main
from neuralsampleid.library.store import open_library


def percussive(folder):
    library = open_library(folder)
    peaks, bins = library.info.landmarks.peaks, library.landmarks[0].bins
    return peaks.percussive_n_fft is not None, bool((bins >= peaks.percussive_bin).any())


def test_a_new_library_has_them_if_it_is_asked_for(tmp_path):
    put(tmp_path / "music/a.wav", tune(1, 6))
    Library.create(tmp_path / "with", tmp_path / "music", weights="landmarks", drums=True)
    assert percussive(tmp_path / "with") == (True, True)
    again = ["index", str(tmp_path / "music"), "--out", str(tmp_path / "with"), "--drums"]
    assert main(again) == 0
    Library.create(tmp_path / "without", tmp_path / "music", weights="landmarks")
    assert percussive(tmp_path / "without") == (False, False)
    with pytest.raises(UserError, match="without: made without --drums, expected the same"):
        Library.create(tmp_path / "without", tmp_path / "music", drums=True)


def test_a_library_without_landmarks_has_none_of_drums(tmp_path):
    put(tmp_path / "music/a.wav", tune(1, 6))
    with pytest.raises(UserError, match="a library with --weights shipped lacks"):
        Library.create(tmp_path / "out", tmp_path / "music", weights="shipped", drums=True)
