"""Tracklists and cue sheets, by hand and as ``nsid identify`` writes them."""

import json
import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.tunes import put, tune
from neuralsampleid.audio.tags import Tags
from neuralsampleid.cli import main
from neuralsampleid.exports import cue
from neuralsampleid.exports.cue import as_cue
from neuralsampleid.exports.tracklist import Entry, as_markdown, entries_of
from neuralsampleid.library.answer import Answer
from neuralsampleid.library.update import index_music
from neuralsampleid.line import Line
from neuralsampleid.report.text import clock


def answer(path, probability, *times, tempo=1.0):
    matches = [Line(start, end, 0, end - start, tempo, 9.0) for start, end in times]
    return Answer([path], 9.0, probability, None, matches, 300.0)


def told(*answers):
    return [(entry.title, entry.start_s, entry.end_s) for entry in entries_of(answers)]


def test_the_likeliest_sounds():
    first, second = answer("b/1.mp3", 0.9, (0, 130)), answer("2.x.flac", 0.8, (120, 250))
    assert told(first, second) == [("b/1", 0, 130), ("2.x", 130, 250)]
    assert told(second, first) == [("b/1", 0, 120), ("2.x", 120, 250)]
    # What sounds within another track leaves that one's rest: once 40 s, once too little.
    inside = answer("i.wav", 0.95, (40, 122))
    assert told(inside, first) == [("b/1", 0, 40), ("i", 40, 122)]


def test_stretches():
    # Gaps of up to 5 s count as sounding; stretches below 15 s do not.
    loops = answer("l.wav", 0.9, (100, 104), (105, 109), (114, 118), (130, 139.5))
    assert told(loops) == [("l", 100, 118)]
    # Two stretches with nothing between are one, else not.
    twice = answer("t.wav", 0.9, (0, 50), (100, 150))
    assert told(twice) == [("t", 0, 150)]
    assert told(twice, answer("b.wav", 0.5, (45, 70))) == [
        ("t", 0, 50), ("b", 50, 70), ("t", 100, 150)
    ]  # fmt: skip
    assert told() == []
    assert told(answer("a\tb\n.wav", 0.9, (0, 15))) == [("a?b?", 0, 15)]
    assert told(answer("s.wav", 0.9, (3, 17.9))) == []


def test_the_longest_match_tells_the_tempo():
    one = answer("1.wav", 0.9, (0, 20), tempo=0.9)
    both = Answer(one.paths, 9.0, 0.9, None, [*one.matches, Line(20, 60, 0, 40, 1.02, 9)], 300.0)
    (entry,) = entries_of([both])
    assert (entry.tempo_ratio, entry.probability) == (1.02, 0.9)


times = st.floats(0, 3600).map(lambda start: (start, start + 40))


@given(st.lists(st.tuples(st.floats(0.2, 1), st.lists(times, min_size=1)), max_size=6))
def test_no_two_tracks_sound_at_once(found):
    """Whatever was found: entries follow each other, and a surer track has its stretches whole."""
    ranked = sorted(found, key=lambda one: -one[0])
    answers = [answer(f"{n}.mp3", p, *sorted(at)) for n, (p, at) in enumerate(ranked)]
    entries = entries_of(answers)
    for before, after in pairwise(entries):
        assert before.start_s < before.end_s <= after.start_s
        assert before.path != after.path
    first = [entry for entry in entries if entry.path == "0.mp3"]
    for match in answers[0].matches if answers else ():
        assert any(e.start_s <= match.query_start_s <= match.query_end_s <= e.end_s for e in first)
    _, _, tracks = read_cue(as_cue("a.wav", entries))
    assert [at[1] for _, _, at in tracks] == sorted(at[1] for _, _, at in tracks)


def test_markdown():
    entries = [
        Entry(0.2, 100, "a|b\\", 1.018, 0.996),
        Entry(100, 200, "c.mp3", 1.0, 0.5, Tags("C & D", "c|d")),
        Entry(3723.5, 3800, "no tab", None, None),
    ]
    assert as_markdown({"my mix.mp3": entries, "other.mp3": []}) == (
        "# my mix.mp3\n"
        "\n"
        "| start | track | tempo | likely |\n"
        "| ---: | --- | ---: | ---: |\n"
        "| 0:00 | a\\|b\\\\ | × 1.02 | over 99 % |\n"
        "| 1:40 | C & D – c\\|d (c.mp3) | × 1.00 | 50 % |\n"
        "| 1:02:04 | no tab |  |  |\n"
        "\n"
        "# other.mp3\n"
        "\n"
        "No track found.\n"
    )


def read_cue(text):
    """A strict reader: the file, its kind, and number, title and indexes in seconds of each."""
    lines = iter(text.splitlines())
    file, kind = re.fullmatch(r'FILE "([^"]+)" (WAVE|MP3|AIFF)', next(lines)).groups()
    tracks = []
    for line in lines:
        if found := re.fullmatch(r"  TRACK (\d\d+) AUDIO", line):
            title = re.fullmatch(r'    TITLE "([^"]+)"', next(lines)).group(1)
            tracks.append((int(found.group(1)), title, {}))
        else:
            found = re.fullmatch(r"    INDEX (0[01]) (\d\d+):([0-5]\d):([0-6]\d|7[0-4])", line)
            number, minutes, seconds, frames = map(int, found.groups())
            tracks[-1][2][number] = 60 * minutes + seconds + frames / 75
    return file, kind, tracks


def test_a_cue_sheet_by_hand():
    entries = [Entry(12.34, 100, 'say "hi"', 1.0, 0.9), Entry(6001.996, 6100, "é\n", None, None)]
    sheet = as_cue("mix.Mp3", entries)
    assert sheet == (
        'FILE "mix.Mp3" MP3\n'
        "  TRACK 01 AUDIO\n"
        "    TITLE \"say 'hi'\"\n"
        "    INDEX 00 00:00:00\n"
        "    INDEX 01 00:12:26\n"  # 0.34 s are 25.5 frames
        "  TRACK 02 AUDIO\n"
        '    TITLE "é?"\n'
        "    INDEX 01 100:02:00\n"  # 0.996 s are 74.7 frames: a second
    )
    many = [Entry(10.0 * number, 10.0 * number + 10, "x", 1.0, 0.9) for number in range(120)]
    file, kind, tracks = read_cue(as_cue("a.flac", many))
    assert (file, kind) == ("a.flac", "WAVE")
    assert [number for number, _, _ in tracks] == list(range(1, 121))
    assert [index for _, _, index in tracks] == [{1: 10.0 * number} for number in range(120)]


@pytest.fixture(scope="module")
def mix(tmp_path_factory):
    """A mix of two tunes of a library of four. Do not change."""
    folder = tmp_path_factory.mktemp("mix")
    for number in range(4):
        put(folder / "music" / f"tune {number}.wav", tune(number, 20))
    index_music(folder / "music", folder / "library", "landmarks")
    put(folder / "mix.flac", np.concatenate([tune(9, 4), tune(2, 20), tune(1, 20)]))
    return folder


def asked(mix, out, *queries):
    names = [str(mix / name) for name in queries]
    library = str(mix / "library")
    return main(["identify", *names, "--library", library, "--tracklist", str(out)])


def test_a_tracklist_is_written(mix, tmp_path, capsys):
    assert asked(mix, tmp_path / "list.md", "mix.flac", "music/tune 3.wav") == 0
    first, second = (tmp_path / "list.md").read_text().split("\n# ")
    rows = [row.split(" | ") for row in first.splitlines()[4:] if row]
    assert [(row[1], row[2]) for row in rows] == [("tune 2", "× 1.00"), ("tune 1", "× 1.00")]
    assert [row[0] for row in rows] == ["| 0:04", "| 0:24"]
    assert second.startswith(f"{mix}/music/tune 3.wav\n")
    assert "tune 2.wav: score" in capsys.readouterr().out  # the answers, too


def test_a_cue_sheet_is_written(mix, tmp_path, capsys, caplog, monkeypatch):
    assert asked(mix, tmp_path / "mix.CUE", "mix.flac") == 0
    file, kind, tracks = read_cue((tmp_path / "mix.CUE").read_text())
    assert (file, kind) == (str(mix / "mix.flac"), "WAVE")
    assert [(number, title) for number, title, _ in tracks] == [(1, "tune 2"), (2, "tune 1")]
    assert tracks[0][2] == {0: 0.0, 1: pytest.approx(4.0, abs=0.3)}
    assert tracks[1][2] == {1: pytest.approx(24.0, abs=0.5)}
    assert asked(mix, mix / "beside.cue", "mix.flac") == 0
    assert read_cue((mix / "beside.cue").read_text())[0] == "mix.flac"
    assert "some programs read" not in caplog.text
    monkeypatch.setattr(cue, "MOST_TRACKS", 1)
    assert asked(mix, tmp_path / "mix.CUE", "mix.flac") == 0
    assert "mix.CUE: 2 tracks, of which some programs read 1" in caplog.text
    with pytest.raises(SystemExit) as stopped:
        asked(mix, tmp_path / "two.cue", "mix.flac", "music/tune 3.wav")
    assert stopped.value.code == 2
    assert "two.cue is of one track, found 2" in capsys.readouterr().err
    assert not (tmp_path / "two.cue").exists()


def test_every_export_is_written_at_once(mix, tmp_path, capsys):
    """What each holds is tested by hand; here, that the command writes all of them."""
    out = {name: tmp_path / name for name in ("labels", "list.m3u", "jams", "page.html")}
    names = [str(mix / "mix.flac"), str(mix / "music/tune 3.wav")]
    options = ("--labels", "--m3u", "--jams", "--html")
    files = [word for pair in zip(options, map(str, out.values()), strict=True) for word in pair]
    assert main(["identify", *names, "--library", str(mix / "library"), *files, "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)["queries"]
    matches = [match for answer in first["answers"] for match in answer["matches"]]
    labels = (out["labels"] / "mix.txt").read_text(encoding="utf-8").splitlines()
    assert len(labels) == len(matches) >= 2
    assert labels[0].endswith(f"\ttune 2.wav 0:00–{clock(matches[0]['reference_end_s'])}")
    assert not second["answers"]
    assert (out["labels"] / "tune 3.txt").read_text() == ""
    playlist = out["list.m3u"].read_text()
    assert playlist.count("#EXTVLCOPT:start-time=") == 2 * len(matches)
    assert (mix / "music/tune 2.wav").as_uri() in playlist
    assert sorted(path.name for path in out["jams"].iterdir()) == ["mix.jams", "tune 3.jams"]
    assert "tune 2.wav" in out["page.html"].read_text(encoding="utf-8")
    one = tmp_path / "one.jams"
    assert main(["identify", names[0], "--library", str(mix / "library"), "--jams", str(one)]) == 0
    assert one.read_bytes() == (out["jams"] / "mix.jams").read_bytes()
