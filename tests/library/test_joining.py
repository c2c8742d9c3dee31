"""Libraries in shards and several libraries: the same answers as of one; each error in one line."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers.songs import small_gnn
from helpers.tunes import TUNE_RATE, put, tune
from neuralsampleid.cli import main
from neuralsampleid.errors import UserError
from neuralsampleid.exports.json_document import as_json
from neuralsampleid.library.answer import Findings
from neuralsampleid.library.chance import Chance
from neuralsampleid.library.identify import Identifier, Thresholds
from neuralsampleid.library.joining import contents_of, open_libraries
from neuralsampleid.library.shards import Shard, folders_of
from neuralsampleid.library.store import changing_library
from neuralsampleid.library.update import Summary, index_music
from neuralsampleid.models.checkpoint import make_encoder, save_encoder

TRACKS, SECONDS = 9, 8.0  # fewer than ten: chance is not measured
SHOWN = Thresholds(best=TRACKS)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Nine tunes, two of which are equal, queries beside them, a library of landmarks."""
    folder = tmp_path_factory.mktemp("made")
    for number in range(TRACKS - 1):
        put(folder / "music" / f"{'deep/' * (number % 2)}{number}.wav", tune(number, SECONDS))
    shutil.copy(folder / "music/2.wav", folder / "music/a copy.wav")
    middle = slice(2 * TUNE_RATE, 6 * TUNE_RATE)
    put(folder / "loop.wav", np.concatenate([tune(1, SECONDS)[middle], tune(2, SECONDS)[middle]]))
    put(folder / "other.wav", tune(77, SECONDS))
    index(folder, folder / "halves", "landmarks", 2)
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("weights") / "small.pt"
    settings = small_gnn(embedding_size=64)
    save_encoder(path, make_encoder(settings, seed=4), settings)
    return str(path)


def index(made: Path, out: Path, weights: str | None, shards: int) -> list[Summary]:
    every = [Shard(number, shards) for number in range(1, shards + 1)]
    return [index_music(made / "music", out, weights, shard=shard) for shard in every]


def answers(made: Path, *libraries: Path) -> str:
    """Of an excerpt, of something else, and of a track of the library, as JSON."""
    asked = Identifier.open(*libraries)
    queries = [made / "loop.wav", made / "other.wav", made / "music/a copy.wav"]
    found = [asked.identify_file(query, thresholds=SHOWN) for query in queries]
    return as_json(Findings([], "", found))


@pytest.mark.parametrize("systems", ["landmarks", None])
def test_shards_answer_as_one_library(systems, made, tmp_path):
    """Of four shards one has no track, of two and more one content is in two shards."""
    index_music(made / "music", tmp_path / "one", systems)
    expected, one = answers(made, tmp_path / "one"), open_libraries([tmp_path / "one"])
    best = json.loads(expected)["queries"][0]["answers"]
    assert sorted(answer["paths"] for answer in best[:2]) == [
        ["2.wav", "a copy.wav"],
        ["deep/1.wav"],
    ]
    for shards in (1, 2, 4, 5):
        out = tmp_path / str(shards)
        index(made, out, systems, shards)
        joined = open_libraries([out])
        assert (joined.paths, joined.sha256) == (one.paths, one.sha256)
        assert answers(made, out) == expected


def test_a_shard_is_a_library_of_its_own(made, tmp_path):
    music, out = tmp_path / "music", tmp_path / "out"
    shutil.copytree(made / "music", music)
    summaries = index(tmp_path, out, "landmarks", 4)
    assert [summary.added for summary in summaries] == [4, 4, 0, 1]
    assert summaries[2].notes == ["no file of the music falls to shard 3/4"]
    assert sorted(path.name for path in out.iterdir()) == [f"shard-{n}-of-4" for n in (1, 2, 3, 4)]
    before = (out / "shard-1-of-4/library.sqlite").read_bytes()
    (music / "deep/1.wav").unlink()
    with changing_library(out / "shard-1-of-4"):  # shards have no lock in common
        assert index_music(music, out, shard=Shard(2, 4)).forgotten == 1
    assert (out / "shard-1-of-4/library.sqlite").read_bytes() == before
    music.rename(tmp_path / "elsewhere")  # where an empty shard follows, too
    for number in (1, 2, 3, 4):
        assert index_music(tmp_path / "elsewhere", out, shard=Shard(number, 4)).added == 0
    (tmp_path / "none").mkdir()
    with pytest.raises(UserError, match="holds no audio"):
        index_music(tmp_path / "none", out, shard=Shard(3, 4))


def test_files_of_a_list_alone_are_taken(made, tmp_path):
    files = [made / "music/0.wav", made / "music/deep/3.wav"]
    index_music(made / "music", tmp_path / "out", "landmarks", files=files)
    assert open_libraries([tmp_path / "out"]).paths == [["0.wav"], ["deep/3.wav"]]


def test_every_file_falls_to_one_shard():
    assert Shard.parse("3/10").holds(Path("123456789"))  # of which CRC-32 is 3421780262
    paths = [Path("deep", f"{number} ü.wav") for number in range(40)]
    for total in (1, 2, 7):
        every = [Shard(number, total) for number in range(1, total + 1)]
        assert [sum(shard.holds(path) for shard in every) for path in paths] == [1] * 40


def test_libraries_of_several_folders_have_absolute_paths(made, tmp_path, capsys):
    other = put(tmp_path / "disk/x.wav", tune(77, SECONDS))
    shutil.copy(made / "music/0.wav", tmp_path / "disk/0.wav")
    index_music(tmp_path / "disk", tmp_path / "library", "landmarks")
    libraries = [made / "halves", tmp_path / "library"]
    joined = open_libraries(libraries)
    assert len(joined.paths) == TRACKS - 1 + 1
    assert sorted([str(made / "music/0.wav"), str(tmp_path / "disk/0.wav")]) in joined.paths
    assert joined.paths == sorted(joined.paths)
    assert open_libraries([made / "halves"] * 2).paths == open_libraries([made / "halves"]).paths
    page = tmp_path / "page.html"
    ask = ["identify", str(made / "loop.wav"), str(made / "other.wav"), "--html", str(page)]
    ask += [part for library in libraries for part in ("--library", str(library))]
    assert main([*ask, "--threads", "1", "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)["queries"]
    assert first["answers"][0]["paths"][0].startswith(str(made / "music"))
    assert second["answers"] == []  # x.wav has its very content
    text = page.read_text(encoding="utf-8")
    assert text.count("<audio ") >= 2
    assert f"{made}/halves, {tmp_path}/library" in text
    assert str(other) not in text


def test_what_shards_hold_is_told_together(made, tmp_path, capsys):
    assert main(["info", str(made / "halves")]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1:3] == [f"tracks: {TRACKS} in {TRACKS} files, 0.0 hours", "shards: 2"]
    assert contents_of(made / "halves/shard-1-of-2").shards == 0


def test_chance_of_several_libraries(made, weights, tmp_path):
    """By hand, and beside what one library measures; else answers are equal."""
    few, more = Chance(10, (1.0, 4.0)), Chance(50, (2.0, 4.0, 9.0))
    assert Chance.together([(None, 5)]) is None
    assert Chance.together([(few, 10)]) == few
    both = Chance.together([(few, 10), (more, 90), (None, 20)])
    assert both == Chance(4600 / 120, (1.0, 2.0, 4.0, 4.0, 9.0))
    assert both.false_alarms(4.0) == pytest.approx(4 * 120 / 4600)
    for number in range(24):
        put(tmp_path / "music" / f"{number}.wav", tune(number, 3.0))
    index_music(tmp_path / "music", tmp_path / "one", weights)
    index(tmp_path, tmp_path / "two", weights, 2)
    query, alarms, rest = made / "loop.wav", [], []
    for out in ("one", "two"):
        asked = Identifier.open(tmp_path / out)
        found = asked.identify_file(query, thresholds=Thresholds(best=24)).answers
        alarms.append(np.array([answer.false_alarms for answer in found]))
        rest.append([replace(answer, false_alarms=None) for answer in found])
    assert rest[0] == rest[1]
    assert (alarms[0] > 0).all()
    assert 0.5 < np.median(alarms[1] / alarms[0]) < 2


def test_refusals(made, tmp_path, capsys):
    music, halves, plain = made / "music", made / "halves", tmp_path / "plain"
    index_music(music, plain, "landmarks")
    for out, shard, said in (
        (plain, Shard(1, 2), f"{plain}: a library without shards, expected another --out"),
        (halves, None, f"{halves}: a library of 2 shards, expected --shard 1/2 and so on, or"),
        (
            halves,
            Shard(1, 3),
            f"{halves}: holds shard 1/2, found --shard 1/3, expected one of 2",
        ),
        (music, Shard(1, 2), f"{music}: exists and is no library, expected a new folder"),
        (music / "0.wav", Shard(1, 2), "0.wav: exists and is no library, expected a new folder"),
    ):
        with pytest.raises(UserError, match=re.escape(said)):
            index_music(music, out, "landmarks", shard=shard)
    for text in ("0/8", "9/8", "2", "a/b", "1/2/3", "/"):
        with pytest.raises(SystemExit) as ended:
            main(["index", str(music), "--out", str(tmp_path / "new"), "--shard", text])
        assert ended.value.code == 2
        said = capsys.readouterr().err.splitlines()[-1]
        assert said.endswith(f"--shard: '{text}', expected I/N with I from 1 to N, such as 2/8")
    lost = tmp_path / "lost"
    shutil.copytree(halves / "shard-2-of-2", lost / "shard-2-of-3")
    for ask in (Identifier.open, contents_of):
        with pytest.raises(UserError, match=r"lost: shard 1/3, 3/3 is missing, expected all 3"):
            ask(lost)
    shutil.copytree(halves / "shard-1-of-2", lost / "shard-1-of-2")
    with pytest.raises(UserError, match="holds shards of 2 and of 3, expected those of one"):
        folders_of(lost)


def test_libraries_that_were_made_in_different_ways_are_refused(made, weights, tmp_path):
    few, halves = tmp_path / "music", made / "halves"
    shutil.copytree(made / "music/deep", few)
    index_music(few, tmp_path / "a", weights)
    with pytest.raises(UserError) as error:
        Identifier.open(tmp_path / "a", halves)
    assert str(error.value) == (
        f"{halves}/shard-1-of-2: systems is landmarks, but fingerprints in {tmp_path}/a; expected "
        "libraries that were made alike: make one of them anew"
    )
    other = tmp_path / "other.pt"
    settings = small_gnn(embedding_size=64)
    save_encoder(other, make_encoder(settings, seed=5), settings)
    index_music(few, tmp_path / "b", str(other))
    with pytest.raises(UserError, match=r"/b: encoder\.weights_sha256 is \w+, but \w+ in .*/a;"):
        Identifier.open(tmp_path / "a", tmp_path / "b")
    moved = shutil.copy(weights, tmp_path / "moved.pt")
    index_music(few, tmp_path / "c", str(moved))
    assert Identifier.open(tmp_path / "a", tmp_path / "c").finders  # the same weights elsewhere
