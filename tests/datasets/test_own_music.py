"""Folders of music and an annotation table become a catalogue."""

import re
import shutil
import subprocess
import unicodedata
from pathlib import Path

import pytest

from helpers.fma import write_clip
from neuralsampleid.catalogue.tables import check_track_id, read_catalogue
from neuralsampleid.config import OwnMusicData
from neuralsampleid.datasets.own_music import OwnFile, make_own_music, own_files, state_of_files
from neuralsampleid.datasets.planning import planned_tracks
from neuralsampleid.errors import UserError

TABLE = """\
query_id,reference_id,query_start_s,query_end_s,kind
new song.wav,soul/Köln {1}.mp3,0.5,1,
new song.wav,b.wav,,,
new song.wav,b.wav,1.5,2,absence
"""


def own_music(folder: Path, table: str = TABLE) -> OwnMusicData:
    """Two references, a query and a training track of two seconds each."""
    write_clip(folder / "references/soul/Köln {1}.mp3", 2.0, 1)
    write_clip(folder / "references/b.wav", 2.0, 2)
    write_clip(folder / "queries/new song.wav", 2.0, 3)
    write_clip(folder / "training/b.wav", 2.0, 4)
    (folder / "annotations.csv").write_text(table)
    return OwnMusicData(
        kind="own_music",
        references=str(folder / "references"),
        queries=str(folder / "queries"),
        training=str(folder / "training"),
        annotations=str(folder / "annotations.csv"),
    )


def made(settings: OwnMusicData, folder: Path):
    make_own_music(settings, folder / "data", folder / "data/decoded")
    return read_catalogue(folder / "data", within_tracks=True)


def test_files_and_rows_become_a_catalogue(tmp_path: Path):
    settings = own_music(tmp_path)
    catalogue = made(settings, tmp_path)
    by_title = catalogue.tracks.set_index("title")
    assert catalogue.tracks["role"].tolist() == ["train", "query", "reference", "reference"]
    assert by_title.loc["new song", "duration_s"] == pytest.approx(2.0)
    ids = by_title["track_id"]
    assert catalogue.occurrences["query_id"].tolist() == [ids["new song"]] * 2
    named = catalogue.tracks.set_index("track_id")["path"]
    assert [Path(named[name]).name for name in catalogue.occurrences["reference_id"]] == [
        "Köln {1}.mp3",
        "b.wav",
    ]
    assert catalogue.occurrences["query_start_s"].fillna(-1).tolist() == [0.5, -1]
    assert catalogue.occurrences["sample_id"].nunique() == 2
    assert len(catalogue.absences) == 1
    assert planned_tracks(settings) == {"train": 1, "query": 1, "reference": 2, "noise": 0}


def test_ids_are_possible_distinct_and_stay(tmp_path: Path):
    settings = own_music(tmp_path)
    before = {file.path: file.track_id for file in own_files(settings)}
    write_clip(tmp_path / "references/a b.wav", 0.1)
    write_clip(tmp_path / "references/a_b.wav", 0.1)
    write_clip(tmp_path / f"references/{'x' * 150}.wav", 0.1)
    write_clip(tmp_path / "references/音楽.wav", 0.1)
    after = {file.path: file.track_id for file in own_files(settings)}
    assert before.items() <= after.items()
    assert len({track_id.lower() for track_id in after.values()}) == len(after) == 8
    for track_id in after.values():
        check_track_id(track_id, "here")
    assert any(name.startswith("reference_soul_Koln_1_") for name in after.values())


def test_letters_may_be_written_apart(tmp_path: Path):
    settings = own_music(tmp_path, unicodedata.normalize("NFD", TABLE).replace("soul/", "soul\\"))
    assert len(made(settings, tmp_path).occurrences) == 2
    apart = OwnFile("query", Path(), unicodedata.normalize("NFC", "Köln.wav"))
    assert apart.track_id.startswith("query_Koln_")


def test_everything_wrong_in_the_table_is_said_at_once(tmp_path: Path):
    rows = "gone.wav,b.wav,0,1,\nnew song.wav,b.wav,1,2.5,\nnew song.wav,a.wav,-1,x,\n"
    settings = own_music(tmp_path, TABLE + rows)
    with pytest.raises(UserError) as error:
        made(settings, tmp_path)
    lines = str(error.value).split("\n")
    assert lines[0] == f"{tmp_path}/annotations.csv: 3 rows are wrong"
    assert lines[1] == "  line 5: query_id 'gone.wav' is unknown, expected a query track"
    assert lines[2].startswith("  line 6: query interval ends at 2.5 s, beyond its track's end")
    assert "query_end_s is 'x'" in lines[3]
    assert "reference_id 'a.wav' is unknown" in lines[3]
    assert not (tmp_path / "data/tracks.csv").exists()


def test_all_unusable_files_are_named(tmp_path: Path):
    settings = own_music(tmp_path)
    for name in ("references/b.wav", "queries/empty.ogg"):
        (tmp_path / name).write_bytes(b"no audio")
    with pytest.raises(UserError, match=r"^2 audio files cannot be used") as error:
        made(settings, tmp_path)
    assert re.findall(r"(b\.wav|empty\.ogg): cannot", str(error.value)) == ["empty.ogg", "b.wav"]


def test_a_changed_file_changes_the_state(tmp_path: Path):
    settings = own_music(tmp_path)
    before = state_of_files(settings)
    assert state_of_files(settings) == before
    write_clip(tmp_path / "references/b.wav", 1.0, 2)
    assert state_of_files(settings) != before


def test_missing_and_empty_folders_are_named(tmp_path: Path):
    settings = own_music(tmp_path)
    shutil.rmtree(tmp_path / "training")
    with pytest.raises(UserError, match="training: no such folder"):
        planned_tracks(settings)
    (tmp_path / "training").mkdir()
    with pytest.raises(UserError, match="training: holds no audio"):
        planned_tracks(settings)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg makes and reads M4A")
def test_what_only_ffmpeg_reads_is_decoded(tmp_path: Path):
    settings = own_music(tmp_path, TABLE.replace("b.wav", "b.m4a"))
    wave = tmp_path / "references/b.wav"
    target = wave.with_suffix(".m4a")
    subprocess.run(["ffmpeg", "-v", "error", "-i", wave, target], check=True)
    wave.unlink()
    tracks = made(settings, tmp_path).tracks.set_index("title")
    paths = tracks.loc[tracks["role"] == "reference", "path"]
    assert Path(paths["b"]).parent == (tmp_path / "data/decoded").resolve()
    assert Path(paths["b"]).suffix == ".flac"
