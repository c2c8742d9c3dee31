"""``snakemake library``: a run's tracks as a library in shards, and its answers."""

import io
import shutil

import pandas as pd

from helpers.workflow import RESULTS, micro, planned, snakemake
from neuralsampleid.cli import main

JOBS = {"index_shard", "identify", "collect_answers"}
LANDMARKS = {"weights": "landmarks"}


def test_shards_made_by_jobs_answer_as_one_library_of_nsid(copied, tmp_path, capsys):
    shards = {"separation": 250, "fingerprinting": 1}
    config = micro(library={"shards": 3, **LANDMARKS}, shards=shards)
    assert planned(copied, config, "library") == JOBS
    done = snakemake(copied, config, "library")
    assert done.returncode == 0, done.stdout
    folder, data = copied / RESULTS / "library", copied / RESULTS / "data"
    assert len(list(folder.glob("answers/*.csv"))) == 2  # one query each
    assert len(list(folder.glob("shard-*-of-3"))) == 3
    assert "Nothing to be done" in snakemake(copied, config, "-n", "library").stdout

    tracks = pd.read_csv(data / "tracks.csv")
    for path in tracks.query("role in ['reference', 'noise']")["path"]:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        shutil.copy(data / path, tmp_path / path)
    one, threads = str(tmp_path / "one"), ["--threads", "1"]
    index = ["index", str(tmp_path / "audio"), "--weights", "landmarks", "--out", one]
    assert main([*index, *threads]) == 0
    queries = [str(data / path) for path in tracks.query("role == 'query'")["path"]]
    capsys.readouterr()
    assert main(["identify", *queries, "--csv", "--library", one, *threads]) == 0
    expected = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert len(expected)
    for side in ("query", "reference"):  # named by ids, as files are in the demo
        expected[side] = expected[side].str.extract(r"(\w+)\.flac$", expand=False)
    pd.testing.assert_frame_equal(pd.read_csv(folder / "answers.csv"), expected)

    fewer = micro(library={"shards": 2, **LANDMARKS}, shards=shards)
    assert planned(copied, fewer, "library") == JOBS
