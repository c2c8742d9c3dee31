"""The catalogue: round trip, and every error with its file and line."""

from pathlib import Path

import pandas as pd
import pytest

from neuralsampleid.catalogue.tables import (
    OCCURRENCE_COLUMNS,
    TRACK_COLUMNS,
    Catalogue,
    check_track_id,
    read_catalogue,
    write_catalogue,
)
from neuralsampleid.errors import UserError


def example() -> Catalogue:
    tracks = pd.DataFrame(
        [
            ("t1", "train", "audio/t1.flac", 30.0, "One", "A"),
            ("q1", "query", "audio/q1.flac", 60.0, "Two, three", "B"),
            ("r1", "reference", "/music/r1.flac", 61.5, "NA", ""),
            ("007", "noise", "audio/007.flac", 62.0, "", ""),
        ],
        columns=list(TRACK_COLUMNS),
    )
    occurrence = ("s1", "q1", "r1", 1.0, 3.5, 10.0, 12.5, "occurrence", "riff", "no", 1.1, -2.0)
    unknown = ("s1", "q1", "r1", 8.0, 9.0, *[float("nan")] * 2, "", "", "", *[float("nan")] * 2)
    occurrences = pd.DataFrame([occurrence, unknown], columns=list(OCCURRENCE_COLUMNS))
    return Catalogue(tracks, occurrences)


def test_round_trip(tmp_path: Path):
    catalogue = example()
    write_catalogue(catalogue, tmp_path)
    read = read_catalogue(tmp_path)
    pd.testing.assert_frame_equal(read.occurrences, catalogue.occurrences, check_dtype=False)
    pd.testing.assert_frame_equal(
        read.tracks.drop(columns="path"), catalogue.tracks.drop(columns="path"), check_dtype=False
    )
    assert read.tracks["path"].iat[0] == str((tmp_path / "audio/t1.flac").resolve())
    assert read.tracks["path"].iat[2] == str(Path("/music/r1.flac").resolve())


def test_ids_and_titles_stay_text(tmp_path: Path):
    write_catalogue(example(), tmp_path)
    tracks = read_catalogue(tmp_path).tracks
    assert tracks["track_id"].iat[3] == "007"
    assert tracks["title"].iat[2] == "NA"


def test_absences_share_the_file_and_nothing_else(tmp_path: Path):
    catalogue = example()
    absences = catalogue.occurrences.iloc[:1].assign(kind="absence", query_start_s=0.0)
    write_catalogue(Catalogue(catalogue.tracks, catalogue.occurrences, absences), tmp_path)
    assert len(pd.read_csv(tmp_path / "occurrences.csv")) == 3
    read = read_catalogue(tmp_path)
    assert read.occurrences["kind"].tolist() == ["occurrence", ""]
    pd.testing.assert_frame_equal(read.absences, absences, check_dtype=False)


def test_what_is_not_known_stays_empty(tmp_path: Path):
    catalogue = example()
    nowhere = catalogue.occurrences.assign(query_start_s=float("nan"), query_end_s=float("nan"))
    write_catalogue(Catalogue(catalogue.tracks.assign(path=""), nowhere), tmp_path)
    read = read_catalogue(tmp_path)
    assert set(read.tracks["path"]) == {""}
    assert read.occurrences[["query_start_s", "query_end_s"]].isna().all(axis=None)


def test_roles(tmp_path: Path):
    catalogue = example()
    assert catalogue.with_role("query")["track_id"].tolist() == ["q1"]
    without = Catalogue(catalogue.tracks.iloc[1:], catalogue.occurrences)
    with pytest.raises(UserError, match="no track has the role 'train'"):
        without.with_role("train")


def edited(tmp_path: Path, file: str, old: str, new: str) -> str:
    """The message when a written catalogue is read with a change in it."""
    write_catalogue(example(), tmp_path)
    path = tmp_path / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(UserError) as error:
        read_catalogue(tmp_path)
    message = str(error.value)
    assert "\n" not in message
    return message.removeprefix(f"{tmp_path}/")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("tracks.csv", "t1,train", "a/b,train", "tracks.csv, line 2: track id 'a/b' cannot be"),
        ("tracks.csv", "t1,train", "q1,train", "tracks.csv, line 3: track id 'q1' stands twice"),
        ("tracks.csv", "q1,query", "q1,ask", "tracks.csv, line 3: role 'ask', expected one of"),
        ("tracks.csv", "60.0", "long", "tracks.csv, line 3: duration_s is 'long', expected a num"),
        ("tracks.csv", "artist", "band", "tracks.csv: column 'artist' is missing"),
        ("occurrences.csv", "q1,r1,1.0", "q2,r1,1.0", "occurrences.csv, line 2: query_id 'q2' is"),
        ("occurrences.csv", "q1,r1,8.0", "q1,007,8.0", "line 3: reference_id '007' is a noise tra"),
        ("occurrences.csv", "1.0,3.5", "3.5,1.0", "occurrences.csv, line 2: query interval 3.5–1"),
        ("occurrences.csv", "1.0,3.5", ",3.5", "occurrences.csv, line 2: query interval nan–3.5"),
        ("occurrences.csv", "8.0,9.0", "8.0,x", "occurrences.csv, line 3: query_end_s is 'x', exp"),
        ("occurrences.csv", "1.0,3.5", "-1.0,3.5", "line 2: query interval -1.0–3.5 s, expected"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, file: str, old: str, new: str, message: str):
    assert message in edited(tmp_path, file, old, new)


def test_missing_and_unreadable_tables(tmp_path: Path):
    with pytest.raises(UserError, match=r"tracks\.csv: no such file"):
        read_catalogue(tmp_path)
    write_catalogue(example(), tmp_path)
    (tmp_path / "occurrences.csv").write_bytes(b"")
    with pytest.raises(UserError, match=r"occurrences\.csv: the file is empty"):
        read_catalogue(tmp_path)
    (tmp_path / "tracks.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"tracks\.csv: letters that are not in UTF-8"):
        read_catalogue(tmp_path)


def test_a_wrong_catalogue_is_not_written(tmp_path: Path):
    catalogue = example()
    wrong = Catalogue(catalogue.tracks.assign(role="noise"), catalogue.occurrences)
    with pytest.raises(UserError, match="line 2: query_id 'q1' is a noise track"):
        write_catalogue(wrong, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("track_id", ["", ".", "..", "-x", ".hidden", "a b", "ä", "x\n", "x" * 101])
def test_impossible_ids(track_id: str):
    with pytest.raises(UserError, match=r"^here: track id .* cannot be a file name"):
        check_track_id(track_id, "here")


@pytest.mark.parametrize("track_id", ["a", "0", "_", "Track-1.final_2", "x" * 100])
def test_possible_ids(track_id: str):
    check_track_id(track_id, "here")
