"""K11: tables as spreadsheets write them are read; what is wrong with one is said in its words."""

import unicodedata

import pytest

from helpers.own_benchmark import HEAD, TABLE, make_own_music_files, own_benchmark
from helpers.tunes import put, tune
from helpers.workflow import snakemake
from neuralsampleid.catalogue.formats import SAMPLES, read_table
from neuralsampleid.catalogue.tables import read_catalogue
from neuralsampleid.config import OwnMusicData
from neuralsampleid.datasets.own_music import make_own_music, own_files
from neuralsampleid.errors import UserError


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    """Do not change."""
    folder = tmp_path_factory.mktemp("music")
    make_own_music_files(folder)
    return folder


def catalogue_by(music, folder, content):
    """The catalogue of the music with another annotation table."""
    path = folder / "samples.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    settings = OwnMusicData.model_validate(
        {**own_benchmark(music)["data"], "annotations": str(path)}
    )
    return make_own_music(settings, folder / "data", folder / "decoded")


@pytest.mark.parametrize(
    "content",
    [
        TABLE.replace(",", ";"),
        TABLE.replace(",", "\t"),
        TABLE.replace(",", ", "),
        TABLE.replace("\n", "\r\n"),
        TABLE.replace(",", "\t").encode("utf-16"),
        "\ufeff" + TABLE.replace(",", ";").replace(";4;", ";4,0;"),
    ],
    ids=["semicolons", "tabs", "blanks", "Windows lines", "UTF-16", "commas in numbers"],
)
def test_a_table_of_any_spreadsheet_is_read(music, tmp_path, content):
    times = catalogue_by(music, tmp_path, content).occurrences
    found = times[["query_start_s", "query_end_s", "reference_start_s", "reference_end_s"]]
    assert found.to_numpy().tolist() == [[4, 14, 5, 15]] * 2


@pytest.mark.parametrize("unknown", ["nan", "NaN", ""])
def test_what_is_unknown_may_be_called_nan(music, tmp_path, unknown):
    text = TABLE.replace("5,15", f"{unknown},{unknown}")
    times = catalogue_by(music, tmp_path, text).occurrences
    assert times["reference_start_s"].isna().all()
    assert times["query_start_s"].tolist() == [4, 4]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "samples.csv: the file is empty, expected an annotation table"),
        (HEAD, "samples.csv: holds no row, expected one for each time that a sample is heard"),
        (TABLE + "new 0.wav,old 0.wav,1,2,3,4,5\n", "(line 4 has 7 values, the first line 6)"),
        (HEAD + "new 0.wav,old 0.wav,1,2,3,4,5\n", "a line has more values than the first line"),
        (TABLE.replace("reference_end_s", "query_end_s"), "'query_end_s' stands twice"),
        (TABLE.replace("new 0", "n\xe9w 0").encode("latin-1"), "save it again as 'CSV UTF-8'"),
        (
            TABLE.replace("new 0", "New song 0"),
            "samples.csv, line 2: query_id 'New song 0.wav' is unknown, expected a query track; "
            "did you mean 'new 0.wav'?",
        ),
        (TABLE.replace("4,14", "4,x"), "line 2: query_end_s is 'x', expected a number"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(music, tmp_path, content, said):
    with pytest.raises(UserError) as error:
        catalogue_by(music, tmp_path, content)
    assert said in str(error.value)
    assert str(tmp_path / "samples.csv") in str(error.value)


def test_two_names_that_look_alike_are_said_of_the_files(music, tmp_path):
    for form in ("NFC", "NFD"):
        put(tmp_path / unicodedata.normalize(form, "caf\xe9.wav"), tune(1, 1))
    data = {**own_benchmark(music)["data"], "references": str(tmp_path)}
    with pytest.raises(UserError, match=r"caf.*\.wav: a second file in its folder has the same"):
        own_files(OwnMusicData.model_validate(data))


def test_a_catalogue_and_its_other_tables_are_read_alike(music, tmp_path):
    expected = catalogue_by(music, tmp_path, TABLE)
    folder = tmp_path / "data"
    for name in ("tracks", "occurrences"):
        path = folder / f"{name}.csv"
        path.write_text(path.read_text().replace(",", ";").replace("4.0", "4,0"))
    found = read_catalogue(folder)
    assert found.tracks.equals(expected.tracks)
    assert found.occurrences.equals(expected.occurrences)
    (tmp_path / "samples.csv").write_text("query_id\tsample_id\tlevel_db\nq1\ts1\t-3,5\n")
    assert read_table(tmp_path / "samples.csv", SAMPLES)["level_db"].tolist() == [-3.5]


def test_the_workflow_reads_such_a_table_and_refuses_an_empty_one(music, tmp_path):
    """With semicolons, and nan where it is not known when."""
    table = TABLE.replace("5,15", "nan,nan").replace(",", ";")
    for name, content in (("excel", table), ("empty", HEAD)):
        (tmp_path / f"{name}.csv").write_text(content)
    config = own_benchmark(music, annotations=str(tmp_path / "excel.csv"))
    done = snakemake(tmp_path, config, "results/own/evaluation/landmarks/metrics.csv")
    assert done.returncode == 0, done.stdout
    config = own_benchmark(music, annotations=str(tmp_path / "empty.csv"))
    done = snakemake(tmp_path, config, "data")
    assert done.returncode == 1
    assert f"error: {tmp_path / 'empty.csv'}: holds no row" in done.stdout
    assert "Traceback" not in done.stdout
