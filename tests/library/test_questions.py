"""A library's own tracks as queries: samples of each other, and uses of other tracks."""

import json
from pathlib import Path

import numpy as np
import pytest

from helpers.tunes import TUNE_RATE, put, tune
from neuralsampleid import Library, Thresholds, UserError
from neuralsampleid.cli import main
from neuralsampleid.library import fingerprinter

SAMPLE = tune(1, 12)[2 * TUNE_RATE : 10 * TUNE_RATE]
SURE = Thresholds(probability=0.5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Of four tracks, the last one samples 1.wav from 2 s on, at 5 s. Do not change."""
    folder = tmp_path_factory.mktemp("questions")
    for number in range(3):
        put(folder / f"music/{number}.wav", tune(number, 12))
    put(folder / "music/sampler.wav", np.concatenate([tune(7, 5), SAMPLE, tune(8, 3)]))
    put(folder / "old.flac", 0.8 * tune(1, 12))  # 1.wav, as another file
    put(folder / "other.wav", tune(9, 12))
    (folder / "broken.mp3").write_bytes(b"")
    Library.create(folder / "library", folder / "music", weights="landmarks", threads=1)
    return folder


@pytest.fixture
def library(folder):
    return Library.open(folder / "library", threads=1)


def names(queries):
    return [(Path(query.path).name, [a.paths[0] for a in query.answers]) for query in queries]


def test_a_library_against_itself_reads_no_audio(library, folder, monkeypatch):
    monkeypatch.setattr(fingerprinter, "decode", None)
    findings = library.identify_itself(SURE)
    assert sorted(names(findings.queries)) == [
        ("1.wav", ["sampler.wav"]),
        ("sampler.wav", ["1.wav"]),
    ]
    sampler = next(query for query in findings.queries if "sampler" in query.path)
    assert sampler.path == str(folder / "music/sampler.wav")
    (match,) = sampler.answers[0].matches
    assert (match.query_start_s, match.reference_start_s) == pytest.approx((5, 2), abs=0.5)


def test_where_a_track_is_sampled(library, folder):
    """The reverse: the given file is the reference, and the library's tracks are the queries."""
    paths = [folder / name for name in ("other.wav", "broken.mp3", "old.flac")]
    findings = library.find_uses(paths, SURE)
    old = str(folder / "old.flac")
    copy, sampler, broken = findings.queries
    assert names([copy, sampler]) == [("1.wav", [old]), ("sampler.wav", [old])]
    assert copy.answers[0].same_recording
    (match,) = sampler.answers[0].matches
    assert (match.query_start_s, match.reference_start_s) == pytest.approx((5, 2), abs=0.5)
    assert sampler.answers[0].seconds == 12.0
    assert broken.problem.startswith(f"{folder / 'broken.mp3'}: cannot be decoded")
    # A track of the library is not sampled in itself.
    own = library.find_uses([folder / "music/1.wav"], SURE)
    assert [Path(query.path).name for query in own.queries] == ["sampler.wav"]


def test_a_probability_is_that_of_identify(library, folder):
    """The score of a pair is the same from either side, and so are the odds."""
    (use,) = library.find_uses([folder / "music/1.wav"], SURE).queries
    (found,) = library.identify(folder / "music/sampler.wav", thresholds=SURE).answers
    assert use.answers[0].score == pytest.approx(found.score, rel=0.2)
    assert use.answers[0].probability == pytest.approx(found.probability, abs=0.05)


def test_on_the_command_line(folder, capsys):
    ask = ["identify", "--library", str(folder / "library"), "--threads", "1", "--json"]
    assert main([*ask, "--library-itself", "--least-probability", "0.5"]) == 0
    assert len(json.loads(capsys.readouterr().out)["queries"]) == 2
    both = [str(folder / name) for name in ("broken.mp3", "old.flac")]
    assert main([*ask, "--reverse", *both, "--least-probability", "0.5"]) == 1
    out, err = capsys.readouterr()
    assert len(json.loads(out)["queries"]) == 3
    assert "broken.mp3: cannot be decoded" in err
    assert main([*ask[:-1], "--reverse", str(folder / "other.wav")]) == 0
    assert capsys.readouterr().out == "no sample found\n"
    for wrong in (
        ["--library-itself", both[1]],
        ["--library-itself", "--reverse"],
        ["--reverse"],
        ["--library-itself", "--tracklist", "mix.cue"],
    ):
        with pytest.raises(SystemExit) as stopped:
            main([*ask, *wrong])
        assert stopped.value.code == 2


def test_without_landmarks_uses_are_not_found(folder, tmp_path):
    few = tmp_path / "music"
    put(few / "0.wav", tune(0, 4))
    library = Library.create(tmp_path / "library", few, weights="shipped", threads=1)
    with pytest.raises(UserError, match="holds no landmarks"):
        library.find_uses([folder / "other.wav"])
    assert library.identify_itself().queries == []
