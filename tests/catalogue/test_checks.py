"""Wrong rows of an annotation table are all named at once."""

from pathlib import Path

import pandas as pd
import pytest

from neuralsampleid.catalogue.tables import SHOWN_ROWS, read_catalogue
from neuralsampleid.config import CatalogueData
from neuralsampleid.datasets.planning import planned_tracks
from neuralsampleid.errors import UserError

TRACKS = """\
track_id,role,path,duration_s,title,artist
q,query,q.flac,60.0,,
r,reference,r.flac,50.0,,
n,noise,n.flac,,,
"""
HEADER = (
    "sample_id,query_id,reference_id,query_start_s,query_end_s,reference_start_s,"
    "reference_end_s,kind,sample_type,interpolation,tempo_ratio,pitch_semitones\n"
)


def written(folder: Path, *rows: str) -> Path:
    (folder / "tracks.csv").write_text(TRACKS)
    (folder / "occurrences.csv").write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return folder


def message(folder: Path, *rows: str) -> str:
    with pytest.raises(UserError) as error:
        read_catalogue(written(folder, *rows), within_tracks=True)
    return str(error.value).removeprefix(f"{folder}/")


def test_all_wrong_rows_are_listed_with_their_lines(tmp_path: Path):
    said = message(
        tmp_path,
        "a,q,r,1,2,3,4,,,,,",
        "a,x,n,1,2,3,4,,,,,",
        "",
        "a,q,r,5,2,3,4,,,,,",
        "a,q,r,-1,2,3,4,,,,,",
        "a,q,r,soon,2,3,4,,,,fast,",
        "a,q,r,1,60.3,3,50.05,,,,,",
        "a,q,r,1,2,40,50.2,,,,,",
        "a,q,r,1,2,4,,,,,,",
    )
    assert said.split("\n") == [
        "occurrences.csv: 7 rows are wrong",
        "  line 3: query_id 'x' is unknown, expected a query track; "
        "reference_id 'n' is a noise track, expected a reference track",
        "  line 5: query interval 5.0–2.0 s, expected 0 ≤ start < end, or both empty where unknown",
        "  line 6: query interval -1.0–2.0 s, expected 0 ≤ start < end, "
        "or both empty where unknown",
        "  line 7: query_start_s is 'soon', expected a number; "
        "tempo_ratio is 'fast', expected a number",
        "  line 8: query interval ends at 60.3 s, beyond its track's end at 60.00 s",
        "  line 9: reference interval ends at 50.2 s, beyond its track's end at 50.00 s",
        "  line 10: reference interval 4.0–nan s, expected 0 ≤ start < end, "
        "or both empty where unknown",
    ]


def test_one_wrong_row_is_one_line(tmp_path: Path):
    said = message(tmp_path, "a,q,r,1,2,3,4,,,,,", "a,q,r,1,inf,3,4,,,,,")
    assert said.startswith("occurrences.csv, line 3: query interval 1.0–inf s")
    assert "\n" not in said


def test_a_long_list_is_cut_off(tmp_path: Path):
    lines = message(tmp_path, *["a,q,r,2,1,,,,,,,"] * (SHOWN_ROWS + 4)).split("\n")
    assert len(lines) == SHOWN_ROWS + 2
    assert lines[-1] == "  and 4 more"


def test_missing_columns_are_all_named(tmp_path: Path):
    written(tmp_path)
    (tmp_path / "occurrences.csv").write_text(HEADER.replace("query_id,", "").replace(",kind", ""))
    with pytest.raises(UserError, match=r"csv: columns 'query_id', 'kind' are missing"):
        read_catalogue(tmp_path)


def test_annotations_of_others_may_be_of_longer_editions(tmp_path: Path):
    written(tmp_path, "a,q,r,1,70,3,80,,,,,", "", "b,q,r,,,,,,,,,")
    read = read_catalogue(tmp_path).occurrences
    assert read["query_end_s"].iat[0] == 70.0
    assert pd.isna(read["query_end_s"].iat[1])
    with pytest.raises(UserError, match=r"line 2: query interval ends at 70\.0 s"):
        planned_tracks(CatalogueData(kind="catalogue", folder=str(tmp_path)))
