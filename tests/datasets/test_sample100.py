"""Sample100-ext becomes a catalogue, with as much audio as there is."""

import logging
import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from helpers.sample100 import ANNOTATIONS, SHARED, annotation, interval, write_annotations
from helpers.songs import small_gnn
from neuralsampleid.catalogue.formats import FULL_TRACK
from neuralsampleid.catalogue.tables import read_catalogue
from neuralsampleid.config import Evaluation, Sample100Data
from neuralsampleid.datasets.sample100 import make_sample100, occurrences_of, read_sample100
from neuralsampleid.datasets.sample100_annotations import read_annotations
from neuralsampleid.errors import UserError
from neuralsampleid.evaluation.queries import derive_queries
from neuralsampleid.fingerprints.fingerprinting import fingerprint_tracks
from neuralsampleid.fingerprints.store import open_stores, writing_store
from neuralsampleid.models.checkpoint import make_encoder


@pytest.fixture
def annotations(tmp_path: Path) -> Path:
    return write_annotations(tmp_path / "annotated")


def settings(annotations: Path, **folders: Path | None) -> Sample100Data:
    named = {key: str(value) for key, value in folders.items() if value is not None}
    return Sample100Data(kind="sample100", annotations=str(annotations), **named)


def audio_of(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        soundfile.write(folder / name, np.zeros(4000), 8000)
    return folder


def test_every_interval_has_its_row(annotations: Path):
    table = occurrences_of(read_annotations(annotations))
    columns = ["sample_id", "query_start_s", "query_end_s", "reference_start_s", "kind"]
    rows = [
        tuple(None if isinstance(value, float) and math.isnan(value) else value for value in row)
        for row in table[columns].itertuples(index=False, name=None)
    ]
    assert rows == [
        ("A1", 1.0, 4.0, 0.0, "occurrence"),
        ("A1", 5.0, 9.0, 7.0, "partial occurrence"),
        ("A1", 10.0, 12.0, 0.0, "occurrence"),
        ("A1", 13.0, 13.5, 7.0, "partial occurrence"),
        ("A2", 0.0, 6.0, 2.0, "implied"),
        ("A2", 6.0, 20.0, None, "absence"),
        ("A2", 20.2, 22.0, 2.0, "occurrence"),
        ("A2", 22.0, 30.0, 2.0, "implied"),
        ("A2", 30.0, 31.0, None, "absence"),
        ("A2", 31.5, 40.0, None, "absence"),
        ("A3", 5.0, 8.0, 3.0, "occurrence"),
        ("A4", 0.0, 7.0, None, "absence"),
        ("A4", 7.0, 12.0, 8.0, "occurrence"),
        ("A4", 12.0, 100.0, 8.0, "implied"),
        ("A4", 100.0, 101.0, None, "absence"),
        ("A5", None, None, None, "unannotated"),
    ]
    first = table.iloc[0]
    assert (first["query_id"], first["reference_id"]) == ("Q1", "R1")
    assert (first["sample_type"], first["interpolation"], first["tempo_ratio"]) == (
        "riff",
        "no",
        1.03,
    )


def test_without_audio_the_catalogue_describes_everything(annotations: Path, tmp_path: Path):
    data = make_sample100(settings(annotations), tmp_path / "data")
    assert data.unannotated == ["A5"]
    catalogue = read_catalogue(tmp_path / "data")
    roles = dict(zip(catalogue.tracks["track_id"], catalogue.tracks["role"], strict=True))
    assert roles == {
        "Q1": "query",
        "Q2": "query",
        "Q3": "query",
        "R1": "reference",
        "R2": "reference",
    }
    assert set(catalogue.tracks["path"]) == {""}
    assert set(catalogue.absences["kind"]) == {"absence"}
    assert len(catalogue.absences) == 5
    assert len(catalogue.occurrences) == 11
    assert "absence" not in set(catalogue.occurrences["kind"])
    found = pd.read_csv(tmp_path / "data" / "found.csv", keep_default_na=False)
    assert list(found.columns) == ["track_id", "role", "path", "duplicates"]
    assert found.set_index("track_id")["role"].to_dict() == {**roles, "X1": ""}


def test_absences_ask_and_answer_nothing(annotations: Path, tmp_path: Path):
    make_sample100(settings(annotations), tmp_path / "data")
    queries = derive_queries(read_catalogue(tmp_path / "data"), Evaluation(query_seconds=[5.0]))
    whole = queries[queries["task"] == FULL_TRACK].set_index("query_id")["relevant"]
    # A5 has no interval, but its reference is relevant to the whole track.
    assert whole.to_dict() == {"Q1": "R1", "Q2": "R1|R2", "Q3": "R1|R2"}
    parts = queries[queries["task"] != FULL_TRACK]
    asked = [("Q1", 1.0), ("Q2", 0.0), ("Q2", 20.2), ("Q3", 7.0)]
    assert list(zip(parts["query_id"], parts["query_start_s"], strict=True)) == asked
    assert list(parts["relevant"]) == ["R1", "R1", "R1", "R2"]


def test_only_tracks_that_were_found_take_part(
    annotations: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    audio = audio_of(tmp_path / "audio", "q2.wav", "Q2.flac", "R1.wav", "Q1.wav", "other.wav")
    noise = audio_of(tmp_path / "noise", "some song.wav")
    with caplog.at_level(logging.INFO):
        make_sample100(settings(annotations, audio=audio, noise=noise), tmp_path / "data")
    catalogue = read_catalogue(tmp_path / "data")
    assert dict(zip(catalogue.tracks["track_id"], catalogue.tracks["role"], strict=True)) == {
        "Q1": "query",
        "Q2": "query",
        "R1": "reference",
        "noise_some_song": "noise",
    }
    assert catalogue.tracks["duration_s"].tolist() == [0.5] * 4
    assert catalogue.tracks["title"].tolist() == ["The Title", "Blanks", "Older", "some song"]
    assert set(catalogue.occurrences["sample_id"]) == {"A1", "A2"}
    found = pd.read_csv(tmp_path / "data" / "found.csv", keep_default_na=False)
    paths = found.set_index("track_id")["path"]
    assert paths["R2"] == paths["Q3"] == paths["X1"] == ""
    assert paths["Q2"] == str(audio / "Q2.flac")
    assert found.set_index("track_id").loc["Q2", "duplicates"] == str(audio / "q2.wav")
    messages = [record.getMessage() for record in caplog.records]
    assert "relations without annotated intervals: A5" in messages
    assert "tracks in no relation, left out: X1" in messages
    assert "no audio of 2 tracks: Q3, R2" in messages
    assert f"track Q2: {audio / 'Q2.flac'} is used, not {audio / 'q2.wav'}" in messages


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_m4a_is_audio_too(annotations: Path, tmp_path: Path):
    audio = audio_of(tmp_path / "audio", "Q1.wav", "R1.wav")
    make = ["ffmpeg", "-v", "error", "-i", audio / "R1.wav", audio / "R1.m4a"]
    subprocess.run(make, check=True)
    (audio / "R1.wav").unlink()
    tracks = read_sample100(settings(annotations, audio=audio)).catalogue.tracks
    reference = tracks.set_index("track_id").loc["R1"]
    assert reference["path"] == str(audio / "R1.m4a")
    assert reference["duration_s"] == pytest.approx(0.5, abs=0.3)  # in whole frames of AAC
    store = tmp_path / "store"
    with writing_store(store, {}) as writer:
        fingerprint_tracks(make_encoder(small_gnn(), 1), tracks[tracks["track_id"] == "R1"], writer)
    assert open_stores([store]).track_ids == ["R1"]


def test_audio_that_is_of_no_use(annotations: Path, tmp_path: Path):
    audio = audio_of(tmp_path / "audio", "Q1.wav", "R2.wav")
    with pytest.raises(UserError, match="no query and its reference are there, expected files n"):
        read_sample100(settings(annotations, audio=audio))
    (audio / "R1.m4a").write_bytes(b"no audio")
    with pytest.raises(UserError, match=r"R1\.m4a: (ffmpeg cannot decode it|\.m4a needs f)"):
        read_sample100(settings(annotations, audio=audio))


def test_a_relation_of_which_only_absences_are_marked_stays(tmp_path: Path):
    silent = annotation(
        "A5", "Q3", "R1", at=[interval(0.0, 9.0, 0, "absence")], of=[interval(0.0, 1.0, 1)]
    )
    folder = write_annotations(tmp_path, annotations=[*ANNOTATIONS, silent])
    table = occurrences_of(read_annotations(folder))
    assert table.loc[table["sample_id"] == "A5", "kind"].tolist() == ["absence", "unannotated"]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the maintainers' copy of Sample100-ext is absent")
def test_the_real_annotations(tmp_path: Path):
    data = make_sample100(settings(SHARED / "sample100-ext"), tmp_path)
    assert data.unannotated == ["S029", "S032", "S134"]
    catalogue = read_catalogue(tmp_path)
    assert catalogue.tracks["role"].value_counts().to_dict() == {"query": 75, "reference": 68}
    # The dataset's README counts 76 query tracks; this one samples nothing that is annotated.
    assert data.found.loc[data.found["role"] == "", "track_id"].tolist() == ["T178"]
    assert len(catalogue.absences) == 327
    kinds = catalogue.occurrences["kind"].value_counts()
    assert (kinds["implied"], kinds["unannotated"], kinds.sum()) == (303, 3, 1017)
    assert catalogue.occurrences["sample_id"].nunique() == 106
    relations = catalogue.occurrences.drop_duplicates("sample_id")
    assert relations["sample_type"].value_counts().to_dict() == {
        "riff": 71,
        "beat": 33,
        "1-note": 2,
    }
