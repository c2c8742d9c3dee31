"""Free music: packages, the table of tracks and recipes become a catalogue."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from helpers.debs import write_deb
from helpers.free_music import PACKAGES, settings, write_free_music
from neuralsampleid.audio.io import audio_info
from neuralsampleid.catalogue.formats import SAMPLES, read_table
from neuralsampleid.catalogue.tables import read_catalogue
from neuralsampleid.config import FreeMusicData
from neuralsampleid.datasets.free_music import make_free_music
from neuralsampleid.datasets.free_music_tables import (
    DEVIATIONS,
    chosen_samples,
    chosen_tracks,
    get_package,
    package_files,
    packages,
    read_tracks,
    said_of_deviations,
)
from neuralsampleid.datasets.planning import planned_tracks
from neuralsampleid.errors import UserError


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    """Values of section data with all packages got, and a catalogue made of them."""
    folder = tmp_path_factory.mktemp("music")
    values = write_free_music(folder)
    made(settings(values), folder / "data")
    return values


def got(data: FreeMusicData) -> list[Path]:
    """Get all packages."""
    tables = [Path(data.folder) / f"{package}.csv" for package in packages(data)]
    for table in tables:
        get_package(table.stem, package_files(data, table.stem), Path(str(data.debs)), table)
    return tables


def made(data: FreeMusicData, folder: Path, workers: int = 1):
    make_free_music(data, got(data), folder, workers)
    return read_catalogue(folder, within_tracks=True)


def copied(values, tmp_path):
    """A set of its own that a test may spoil."""
    shutil.copytree(Path(values["tracks"]).parent, tmp_path / "own")
    keys = ("tracks", "recipe", "folder", "debs")
    own = {key: str(tmp_path / "own" / Path(values[key]).name) for key in keys}
    return values | own, tmp_path / "own/data"


def deviations(folder: Path) -> dict[str, str]:
    table = read_table(folder / "deviations.csv", DEVIATIONS)
    return dict(zip(table["id"], table["deviation"], strict=True))


def test_roles_occurrences_and_conditions(music):
    folder = Path(music["tracks"]).parent / "data"
    catalogue = read_catalogue(folder, within_tracks=True)
    roles = catalogue.tracks.groupby("role")["track_id"].agg(list).to_dict()
    assert roles == {
        "train": [f"ga_{number}" for number in range(4)],
        "reference": ["al_one", "de_two"],
        "noise": ["al_two"],  # the host is none: it would be found in itself
        "query": ["q_loops", "q_producer", "q_buried"],
    }
    assert not deviations(folder)
    table = read_table(folder / "deviations.csv", DEVIATIONS)
    assert said_of_deviations(table).startswith("Every query has the levels of its recipe")
    chopped = catalogue.occurrences[catalogue.occurrences["query_id"] == "q_producer"]
    assert chopped["reference_start_s"].tolist() == [3.0, 1.0, 3.0, 1.0]
    assert chopped["query_start_s"].tolist() == pytest.approx([2.0, 2.8, 6.0, 6.8])
    about = read_table(folder / "samples.csv", SAMPLES, further=True)
    assert about.loc[1].to_dict() == {
        **{"query_id": "q_producer", "sample_id": "s2", "level_db": 0.0},
        **{"grade": "producer", "slices": "several", "process": "stretch"},
    }
    for track in catalogue.tracks.itertuples():
        assert audio_info(Path(track.path)).seconds == pytest.approx(track.duration_s, abs=0.01)
    excerpt = catalogue.tracks.set_index("track_id").loc["ga_1"]
    assert (excerpt["duration_s"], Path(excerpt["path"]).name) == (10.0, "ga_1.flac")


@pytest.mark.parametrize(
    ("changes", "planned"),
    [
        ({}, {"train": 4, "query": 3, "reference": 2, "noise": 1}),
        ({"training_seconds": None}, {"train": 0, "query": 3, "reference": 2, "noise": 1}),
        ({"grades": ["buried"]}, {"train": 4, "query": 1, "reference": 1, "noise": 2}),
        (
            {"packages": ["alpha-music", "beta-data"]},
            {"train": 0, "query": 2, "reference": 1, "noise": 1},
        ),
    ],
)
def test_what_is_planned_is_made(music, changes, planned, tmp_path):
    data = settings(music, **changes)
    assert planned_tracks(data) == planned
    roles = made(data, tmp_path).tracks["role"].value_counts().to_dict()
    assert {**dict.fromkeys(planned, 0), **roles} == planned


def test_so_many_queries_of_each_grade(music):
    chosen = chosen_samples(settings(music, queries=1), chosen_tracks(settings(music)))
    assert chosen["grade"].tolist() == ["loops", "producer", "buried"]
    with pytest.raises(UserError, match=r"no query of split 'fitting'"):
        planned_tracks(settings(music, split="fitting"))


def test_the_same_bytes_with_workers_and_after_an_interruption(music, tmp_path):
    before = Path(music["tracks"]).parent / "data"
    values, folder = copied(music, tmp_path)
    (folder / "audio/q_loops.json").unlink()  # killed between both files
    (folder / "audio/q_buried.flac").unlink()
    (folder / "audio/.ga_1.abcd_123.flac").write_text("half")
    (Path(values["folder"]) / "alpha-music/al_two.ogg").write_text("spoiled")
    kept = (folder / "audio/q_producer.flac").stat().st_mtime_ns
    made(settings(values), folder, workers=2)
    assert (folder / "audio/q_producer.flac").stat().st_mtime_ns == kept
    files = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}
    assert files == {path.relative_to(before): path.read_bytes() for path in before.rglob("*.*")}


def test_a_query_is_rendered_anew_if_its_recipe_has_changed(music, tmp_path):
    values, folder = copied(music, tmp_path)
    table = pd.read_csv(values["recipe"], keep_default_na=False)
    table["level_db"] = table["level_db"].mask(table["query_id"] == "q_loops", 0.0)
    table.to_csv(values["recipe"], index=False)
    before = {path.name: path.read_bytes() for path in folder.glob("audio/*.flac")}
    made(settings(values), folder)
    changed = [
        name
        for name, content in before.items()
        if (folder / "audio" / name).read_bytes() != content
    ]
    assert changed == ["q_loops.flac"]
    # The recipe's own checksum is that of the former level.
    assert "q_loops" in deviations(folder)
    assert "dB from the recipe's, expected at most" in deviations(folder)["q_loops"]


def test_files_of_another_checksum_are_left_out_with_their_queries(music, tmp_path):
    values, folder = copied(music, tmp_path)
    shutil.rmtree(values["folder"])
    names = [f"usr/share/alpha-music/{name}.ogg" for name in PACKAGES["alpha-music"]]
    write_deb(Path(values["debs"]) / "alpha-music_1.0-1_all.deb", {names[0]: b"remixed"})
    catalogue = made(settings(values), folder)
    assert set(catalogue.tracks["track_id"]).isdisjoint({"al_one", "al_two", "q_loops"})
    assert catalogue.tracks["role"].value_counts()["query"] == 1
    found = deviations(folder)
    assert list(found) == ["al_one", "al_two", "q_loops", "q_producer"]
    assert found["al_one"].startswith("left out: alpha-music_1.0-1_all.deb holds another file, SHA")
    assert found["al_two"] == "left out: alpha-music_1.0-1_all.deb holds no such file"
    assert found["q_loops"] == "left out: it is made of al_one"


def test_audio_that_is_gone_is_named(music, tmp_path):
    values, folder = copied(music, tmp_path)
    tables = got(settings(values))
    (Path(values["folder"]) / "beta-data/be_one.ogg").unlink()
    with pytest.raises(UserError, match=r"be_one\.ogg: no such file.*remove that table"):
        make_free_music(settings(values), tables, folder)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("track_id", "al_two", "line 3: track id 'al_two' stands twice"),
        ("sha256", "12", "sha256 is '12', expected 64 hexadecimal digits"),
        ("path", "../a.ogg", r"path is '\.\./a\.ogg', expected an audio file's in the package"),
        ("split", "tests", "split is 'tests', expected one of train, validation, fitting, test"),
        ("part", "", "part is '', expected catalogue or host"),
        ("family", "delta-data fitting", "in split 'fitting' and in 'test', expected one"),
        ("duration_s", "0", r"duration_s is '0\.0', expected a number of seconds"),
        ("package", "Alpha music", "package is 'Alpha music', expected a name of Debian's"),
    ],
)
def test_what_is_wrong_with_a_track_is_said(column, value, message, music, tmp_path):
    table = pd.read_csv(music["tracks"], dtype=str, keep_default_na=False)
    table.loc[0, column] = value
    table.to_csv(tmp_path / "tracks.csv", index=False)
    with pytest.raises(UserError, match=message):
        read_tracks(tmp_path / "tracks.csv")


def test_recipes_use_tracks_of_their_split(music, tmp_path):
    table = pd.read_csv(music["recipe"], keep_default_na=False)
    table["host"] = table["host"].mask(table["query_id"] == "q_loops", "al_two")
    table.to_csv(tmp_path / "recipes.csv", index=False)
    with pytest.raises(UserError, match="q_loops uses 'al_two', expected a track of part host"):
        planned_tracks(settings(music, recipe=str(tmp_path / "recipes.csv")))
    with pytest.raises(UserError, match=r"data\.packages: 'nothing' is none of"):
        planned_tracks(settings(music, packages=["nothing"]))


def test_what_a_piece_was_made_of_stands_beside_it(music):
    note = Path(music["tracks"]).parent / "data/audio/q_loops.json"
    assert json.loads(note.read_text())["difference_db"] == 0


@pytest.mark.parametrize(
    ("split", "queries", "catalogue"),
    [("test", 300, 150), ("fitting", 150, 40), ("validation", 150, 40)],
)
def test_the_committed_tables_fit_each_other(split, queries, catalogue):
    planned = planned_tracks(FreeMusicData(kind="free_music", split=split))
    assert planned["query"] >= queries
    assert planned["reference"] + planned["noise"] >= catalogue
    assert planned["train"] >= 150
