"""FMA: the archive's layout, its faulty clips, titles, and Sample100 beside it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.fma import METADATA, write_clip, write_clips, write_evaluation
from neuralsampleid.catalogue.tables import read_catalogue
from neuralsampleid.config import FmaData, Sample100Data
from neuralsampleid.datasets.fma import KNOWN_FAULTY, find_clips, make_fma, planned_clips
from neuralsampleid.datasets.planning import planned_tracks
from neuralsampleid.errors import UserError


@pytest.fixture
def settings(tmp_path: Path) -> FmaData:
    """Four clips: a whole one, a short one, one without audio, and an empty one."""
    clips = tmp_path / "fma_medium"
    write_clip(clips / "000/000002.mp3", 30.0)
    write_clip(clips / "001/001486.mp3", 14.4)
    (clips / "099").mkdir()
    (clips / "099/099134.mp3").write_bytes(b"no audio")
    write_clip(clips / "100/100001.mp3", 30.0)
    (clips / "100/100002.mp3").touch()
    (clips / "README.txt").touch()
    (clips / "100/checksums").touch()
    evaluation = write_evaluation(tmp_path / "sample100")
    return FmaData(kind="fma", folder=str(tmp_path), evaluation=Sample100Data(**evaluation))


def test_the_catalogue_holds_every_clip_and_sample100(settings: FmaData, tmp_path: Path):
    make_fma(settings, tmp_path, None, tmp_path / "data")
    catalogue = read_catalogue(tmp_path / "data")
    train = catalogue.with_role("train").set_index("track_id")
    assert list(train.index) == ["000002", "001486", "099134", "100001", "100002"]
    assert train.loc["000002", "path"] == str(tmp_path / "fma_medium/000/000002.mp3")
    assert train.loc["000002", "duration_s"] == pytest.approx(30.0, abs=0.05)
    assert np.isnan(train.loc["099134", "duration_s"])
    assert (train["title"] == "").all()
    assert list(catalogue.with_role("query")["track_id"]) == ["Q1", "Q2", "Q3"]
    assert len(catalogue.with_role("noise")) == 2
    assert len(catalogue.occurrences) > 3
    assert (tmp_path / "data/found.csv").exists()


def test_faulty_clips_are_listed(settings: FmaData, tmp_path: Path):
    make_fma(settings, tmp_path, None, tmp_path / "data", workers=2)
    faulty = pd.read_csv(tmp_path / "data/faulty_clips.csv", dtype={"track_id": str})
    faulty = faulty.set_index("track_id")
    assert list(faulty.index) == ["001486", "099134", "100002"]
    assert list(faulty["known"]) == ["yes", "yes", "no"]
    assert faulty.loc["001486", "fault"] == "14.4 s, expected 30 s"
    assert "cannot be decoded" in faulty.loc["099134", "fault"]
    assert "cannot be decoded" in faulty.loc["100002", "fault"]


def test_titles_come_from_the_metadata(settings: FmaData, tmp_path: Path):
    (tmp_path / "meta/fma_metadata").mkdir(parents=True)
    (tmp_path / "meta/fma_metadata/tracks.csv").write_text(METADATA)
    make_fma(settings, tmp_path, tmp_path / "meta", tmp_path / "data")
    train = read_catalogue(tmp_path / "data").with_role("train").set_index("track_id")
    assert train.loc["000002", "title"] == "Food"
    assert train.loc["000002", "artist"] == "AWOL, and others"
    assert train.loc["001486", "title"] == ""  # not in the table


def test_metadata_of_another_kind_is_named(settings: FmaData, tmp_path: Path):
    with pytest.raises(UserError, match=r"nowhere: no tracks\.csv, expected that of fma_metadata"):
        make_fma(settings, tmp_path, tmp_path / "nowhere", tmp_path / "data")
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta/tracks.csv").write_text("track_id,title\n1,a\n")
    with pytest.raises(UserError, match=r"tracks\.csv: column track/title is missing"):
        make_fma(settings, tmp_path, tmp_path / "meta", tmp_path / "data")
    assert not (tmp_path / "data/tracks.csv").exists()


def test_clips_are_found_from_either_folder(settings: FmaData, tmp_path: Path):
    found = find_clips(tmp_path, "medium")
    assert found == find_clips(tmp_path / "fma_medium", "medium")
    assert len(found) == 5
    with pytest.raises(UserError, match=r"holds no clip, expected files such as 000/000002\.mp3"):
        find_clips(tmp_path, "small")
    with pytest.raises(UserError, match="nowhere: no such folder"):
        find_clips(tmp_path / "nowhere", "medium")


def test_tracks_are_counted_before_anything_is_read(settings: FmaData, tmp_path: Path):
    assert planned_tracks(settings) == {"train": 5, "query": 3, "reference": 2, "noise": 2}
    write_clips(tmp_path, [5000, 5001])
    assert planned_clips(settings) == 7
    assert planned_clips(settings.model_copy(update={"folder": None})) == 25000


def test_the_known_faulty_clips_are_ids():
    assert len(KNOWN_FAULTY) == 21
    assert {"001486", "099134", "133297"} <= KNOWN_FAULTY
