"""K13 and K15: names and terminals that are not UTF-8, and Ctrl-C."""

import csv
import io
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from helpers.own_benchmark import own_benchmark
from helpers.tunes import TUNE_RATE, put, tune
from neuralsampleid.config import OwnMusicData
from neuralsampleid.datasets.own_music import own_files
from neuralsampleid.errors import UserError
from neuralsampleid.terminal import write_anywhere

NSID = [sys.executable, "-m", "neuralsampleid.cli"]
ODD = b"caf\xe9.wav"  # Latin-1, as old disks have it


def nsid(*arguments, **environment):
    """Run nsid as a person does; both streams as bytes."""
    return subprocess.run(
        [*NSID, *map(str, arguments), "--threads", "1"],
        capture_output=True,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Two tracks, a query, and the same query with an odd name. Do not change."""
    folder = tmp_path_factory.mktemp("library")
    for number in range(2):
        put(folder / f"music/t{number}.wav", tune(number))
    query = put(folder / "query.wav", tune(1)[TUNE_RATE * 5 : TUNE_RATE * 15])
    shutil.copy(query, os.fsencode(folder) + b"/" + ODD)
    done = nsid("index", folder / "music", "--out", folder / "library", "--weights", "landmarks")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("form", ["text", "csv", "html"])
def test_a_query_whose_name_is_not_utf_8(library, tmp_path, form):
    query = os.fsdecode(os.fsencode(library) + b"/" + ODD)
    more = {"text": [], "csv": ["--csv"], "html": ["--html", tmp_path / "page.html"]}[form]
    done = nsid("identify", query, "--library", library / "library", "--best", "1", *more)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    if form == "csv":  # a script finds the file by what it reads there
        (_, row) = csv.reader(io.StringIO(os.fsdecode(done.stdout)))
        assert row[0] == query
    else:
        assert b"caf?.wav" in (
            done.stdout if form == "text" else (tmp_path / "page.html").read_bytes()
        )


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_terminal_that_is_not_utf_8(library, encoding):
    ask = ["identify", library / "query.wav", "--library", library / "library", "--best", "1"]
    done = nsid(*ask, PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert b"0:00-0:10 <- 0:05-0:15" in done.stdout


def test_signs_that_a_stream_lacks():
    said = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    stdout, sys.stdout = sys.stdout, said
    try:
        write_anywhere()
        sys.stdout.write("× 1.06 … é \udce9")
        sys.stdout.flush()
    finally:
        sys.stdout = stdout
    assert said.buffer.getvalue() == b"x 1.06 ... ? \xe9"


@pytest.mark.parametrize("asked", ["answers", "--help"])
def test_whoever_reads_may_stop(library, asked):
    """As head does: no message, and the status of other programs."""
    ask = ["identify", *10 * [library / "query.wav"], "--library", library / "library"]
    command = [*NSID, *map(str, ask), "--best", "1", "--threads", "1"]
    command = [*NSID, "--help"] if asked == "--help" else command
    reads, writes = os.pipe()
    os.close(reads)
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}
    done = subprocess.run(command, stdout=writes, stderr=subprocess.PIPE, check=False, env=buffered)
    os.close(writes)
    assert done.returncode == 141
    assert b"pipe" not in done.stderr


def test_such_names_among_music_are_named(library, tmp_path):
    put(tmp_path / "music/a.wav", tune(1, 2))
    odd = os.fsencode(tmp_path) + b"/music/" + ODD
    shutil.copy(library / "query.wav", odd)
    done = nsid("index", tmp_path / "music", "--out", tmp_path / "out", "--weights", "landmarks")
    assert done.returncode == 0, done.stderr
    assert b"1 added" in done.stderr
    assert b"the name holds codes that stand for no letter; expected another" in done.stderr
    data = own_benchmark(tmp_path, references="music", queries="music")["data"]
    with pytest.raises(UserError, match="stand for no letter"):
        own_files(OwnMusicData.model_validate(data))
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/m\xfcsik")
    shutil.copytree(library / "music", folder)
    done = nsid("index", folder, "--out", tmp_path / "another", "--weights", "landmarks")
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert b"stand for no letter" in done.stderr


def test_ctrl_c_is_one_line_and_the_next_run_goes_on(tmp_path):
    files = 100  # seconds of work: a busy machine may let this process wait before it interrupts
    for number in range(files):
        put(tmp_path / f"music/t{number}.wav", tune(number % 4, 10) * (1 - number / 300))
    out = tmp_path / "out"
    index = [*NSID, "index", str(tmp_path / "music"), "--out", str(out), "--threads", "1"]
    # A shell starts what runs in its background with Ctrl-C ignored, and its children inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    run = subprocess.Popen([*index, "--weights", "landmarks"], stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, before)
    while not _files_in(out):
        assert run.poll() is None
        time.sleep(0.01)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate()
    assert run.returncode == 130
    assert said == (
        "nsid: stopped; what is finished is kept, and the same command goes on from there\n"
    )
    kept = _files_in(out)
    assert 1 <= kept < files
    done = subprocess.run(index, capture_output=True, text=True, check=True)
    assert f"{files - kept} added" in done.stderr
    assert f"{kept} unchanged" in done.stderr


def _files_in(library):
    try:
        with sqlite3.connect(f"file:{library}/library.sqlite?mode=ro", uri=True) as table:
            return table.execute("SELECT COUNT(*) FROM files").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
