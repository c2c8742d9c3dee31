"""How many tracks are planned for, before there are any."""

from pathlib import Path

import pandas as pd
import pytest

from helpers.fma import write_evaluation
from neuralsampleid.catalogue.tables import OCCURRENCE_COLUMNS, Catalogue, write_catalogue
from neuralsampleid.config import CatalogueData, DemoData, Sample100Data
from neuralsampleid.datasets.planning import planned_tracks
from neuralsampleid.datasets.sample100 import read_sample100
from neuralsampleid.errors import UserError


def test_the_demo_says_it_itself():
    settings = DemoData(training_songs=5, queries=4, references=3, noise_songs=2)
    assert planned_tracks(settings) == {"train": 5, "query": 4, "reference": 3, "noise": 2}


def test_a_catalogue_is_counted(tmp_path: Path):
    roles = ["train", "noise", "train", "reference"]
    tracks = pd.DataFrame({"track_id": list("abcd"), "role": roles})
    for column in ("path", "duration_s", "title", "artist"):
        tracks[column] = ""
    write_catalogue(Catalogue(tracks, pd.DataFrame(columns=list(OCCURRENCE_COLUMNS))), tmp_path)
    settings = CatalogueData(kind="catalogue", folder=str(tmp_path))
    assert planned_tracks(settings) == {"train": 2, "query": 0, "reference": 1, "noise": 1}


@pytest.mark.parametrize("audio", [True, False])
def test_sample100_has_what_its_catalogue_will_have(audio: bool, tmp_path: Path):
    values = write_evaluation(tmp_path, seconds=0.2)
    (tmp_path / "audio/Q3.mp3").unlink()
    settings = Sample100Data(**(values if audio else {**values, "audio": None}))
    roles = read_sample100(settings).catalogue.tracks["role"].value_counts().to_dict()
    assert planned_tracks(settings) == {"train": 0} | roles
    assert roles["query"] == (2 if audio else 3)


def test_a_missing_folder_is_named(tmp_path: Path):
    folder = str(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"nowhere.tracks\.csv: no such file"):
        planned_tracks(CatalogueData(kind="catalogue", folder=folder))
    with pytest.raises(UserError, match=r"nowhere.*no such"):
        planned_tracks(Sample100Data(kind="sample100", annotations=folder))
