"""Queries among which one is broken, silent, short, quiet or the same recording (K8, K9, K16)."""

import json
import logging
import sys
from contextlib import closing
from sqlite3 import connect

import numpy as np
import pytest

from helpers.tunes import TUNE_RATE, put, tune
from neuralsampleid.cli import main
from neuralsampleid.library.answer import judgement
from neuralsampleid.library.identify import Identifier
from neuralsampleid.library.update import index_music

SAMPLE = tune(1, 12)[2 * TUNE_RATE : 10 * TUNE_RATE]


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A folder of queries and the library that is asked. Do not change."""
    folder = tmp_path_factory.mktemp("asked")
    for number in range(4):
        put(folder / "music" / f"{number}.wav", tune(number, 12))
    index_music(folder / "music", folder / "library", "landmarks")
    put(folder / "sample.wav", SAMPLE)
    put(folder / "antiphase.wav", np.stack([SAMPLE, -SAMPLE], axis=1))
    put(folder / "quiet.wav", 1e-3 * SAMPLE, subtype="FLOAT")
    put(folder / "silence.wav", np.zeros(5 * TUNE_RATE))
    put(folder / "short.wav", SAMPLE[:1000])
    put(folder / "copy.flac", 0.8 * tune(1, 12))
    put(folder / "copy.mp3", tune(1, 12))
    (folder / "broken.mp3").write_bytes(b"")
    return folder


def nsid(folder, *queries):
    names = [str(folder / name) for name in queries]
    return main(["identify", *names, "--library", str(folder / "library"), "--threads", "1"])


def test_a_broken_file_takes_no_other_answer_away(asked, capsys):
    assert nsid(asked, "sample.wav", "broken.mp3", "antiphase.wav") == 1
    out, err = capsys.readouterr()
    assert out.count("1.wav: score") == 2
    assert f"{asked / 'broken.mp3'}\n  could not be asked" in out
    assert "broken.mp3: cannot be decoded (the file is empty)" in err
    names = [str(asked / name) for name in ("broken.mp3", "sample.wav")]
    assert main(["identify", *names, "--library", str(asked / "library"), "--json"]) == 1
    first, second = json.loads(capsys.readouterr().out)["queries"]
    assert second["answers"][0]["paths"] == ["1.wav"]
    assert first["answers"] == []
    assert first["problem"].startswith(f"{asked / 'broken.mp3'}: cannot be decoded")


@pytest.mark.parametrize("query", ["sample.wav", "antiphase.wav", "quiet.wav"])
def test_what_can_be_heard_is_found(asked, query):
    answers = Identifier.open(asked / "library").identify_file(asked / query).answers
    assert answers[0].paths == ["1.wav"]
    assert not answers[0].same_recording


def test_every_repetition_of_a_loop_is_shown(asked):
    """The score is that of all repetitions together, so each of them has a part of it."""
    loop, other = tune(1, 12)[3 * TUNE_RATE : 6 * TUNE_RATE], tune(7, 4)
    put(asked / "loop.wav", np.concatenate([loop, other, loop, other, loop]))
    (answer,) = Identifier.open(asked / "library").identify_file(asked / "loop.wav").answers
    assert answer.paths == ["1.wav"]
    assert [part.query_start_s for part in answer.matches] == pytest.approx([0, 7, 14], abs=0.5)
    for part in answer.matches:
        assert part.reference_start_s == pytest.approx(3, abs=0.5)
        assert part.score < answer.score


@pytest.mark.parametrize("given", ["--from-file", "-"])
def test_names_of_queries_on_a_list(asked, tmp_path, monkeypatch, capsys, given):
    """One on each line, with the ends of lines and the mark that Windows writes."""
    names = f"{asked / 'sample.wav'}\r\n\r\n{asked / 'broken.mp3'}\r\n".encode("utf-8-sig")
    (tmp_path / "names.txt").write_bytes(names)
    monkeypatch.setattr("sys.stdin", (tmp_path / "names.txt").open(encoding="utf-8"))
    ask = ["--library", str(asked / "library"), "--threads", "1", "--json"]
    listed = [given, *([str(tmp_path / "names.txt")] if given == "--from-file" else [])]
    assert main(["identify", *listed, *ask]) == 1
    out, err = capsys.readouterr()
    queries = json.loads(out)["queries"]
    assert [query["path"] for query in queries] == [
        str(asked / name) for name in ("sample.wav", "broken.mp3")
    ]
    assert err.splitlines()[-1].startswith(
        f"nsid: error: {asked / 'broken.mp3'}: cannot be decoded"
    )
    (tmp_path / "names.txt").write_bytes(b"\n")
    for nothing in (["--from-file", str(tmp_path / "names.txt")], []):
        with pytest.raises(SystemExit) as stopped:
            main(["identify", *nothing, *ask])
        assert stopped.value.code == 2
        assert "expected at least one audio file" in capsys.readouterr().err
    assert main(["identify", "--from-file", str(tmp_path / "none.txt"), *ask]) == 1
    assert "none.txt" in capsys.readouterr().err


def test_a_problem_of_each_query_is_a_line(asked, capsys):
    assert nsid(asked, "broken.mp3", "silence.wav") == 1
    problems = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert [line.split(": ")[2].split("/")[-1] for line in problems] == [
        "broken.mp3",
        "silence.wav",
    ]


@pytest.mark.parametrize("watched", [True, False])
def test_progress_of_several_queries_is_shown_on_a_terminal(asked, monkeypatch, capsys, watched):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(sys.stderr, "isatty", lambda: watched)
    assert nsid(asked, "sample.wav", "antiphase.wav") == 0
    said = capsys.readouterr().err
    assert ("identify: 100%" in said and "2/2" in said) == watched


def test_a_library_holds_what_can_be_heard(asked, tmp_path):
    put(tmp_path / "music/anti.wav", np.stack([tune(1, 12), -tune(1, 12)], axis=1))
    put(tmp_path / "music/quiet.wav", 1e-3 * tune(2, 12), subtype="FLOAT")
    assert index_music(tmp_path / "music", tmp_path / "library", "landmarks").skipped == []
    answers = Identifier.open(tmp_path / "library").identify_file(asked / "sample.wav").answers
    assert answers[0].paths == ["anti.wav"]


def test_where_nothing_can_be_found_that_is_said(asked, capsys):
    assert nsid(asked, "silence.wav", "short.wav") == 1
    out, err = capsys.readouterr()
    assert "no sample found" not in out
    assert "silence.wav: silent throughout, expected some sound" in err
    assert "short.wav: only 0.05 s, too little to find anything with" in err


def test_an_empty_library_is_called_so(asked, tmp_path, capsys):
    put(tmp_path / "music/silent.wav", np.zeros(TUNE_RATE))
    index_music(tmp_path / "music", tmp_path / "library", "landmarks")
    (tmp_path / "sample.wav").symlink_to(asked / "sample.wav")
    assert nsid(tmp_path, "sample.wav") == 1
    assert "library: holds no track, so that nothing can be found" in capsys.readouterr().err
    with closing(connect(tmp_path / "library/library.sqlite")) as table:
        assert table.execute("SELECT COUNT(*) FROM tracks").fetchone() == (0,)


@pytest.mark.parametrize("copy", ["copy.flac", "copy.mp3"])
def test_the_same_recording_is_called_so(asked, copy):
    best = Identifier.open(asked / "library").identify_file(asked / copy).answers[0]
    assert best.paths == ["1.wav"]
    assert best.same_recording
    assert judgement(best) == "by landmarks, the same recording"
