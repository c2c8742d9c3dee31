"""Identification: an exact excerpt of rendered music at its place, chance, blocks, commands."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from helpers.songs import RATE, SMALL_LOG_MEL, small_gnn
from neuralsampleid.audio.io import resample, write_audio
from neuralsampleid.cli import main
from neuralsampleid.composer.soundfont import write_soundfont
from neuralsampleid.config import DemoData
from neuralsampleid.datasets.demo import Studio, record_song
from neuralsampleid.library import segment_finder as module
from neuralsampleid.library.chance import Chance, excesses
from neuralsampleid.library.finding import TrackSegments
from neuralsampleid.library.identify import (
    Answer,
    Thresholds,
    finder_of,
    identify,
    measure_chance,
)
from neuralsampleid.library.probability import FILE, Calibration
from neuralsampleid.library.store import (
    File,
    changing_collection,
    create_collection,
    open_collection,
)
from neuralsampleid.line import Line
from neuralsampleid.models.checkpoint import make_encoder, save_encoder
from neuralsampleid.report.answers import as_text
from neuralsampleid.report.times import clock

HOP, SEGMENT, SIZE = 0.5, 2.0, 16


def unit(rng, rows):
    values = rng.standard_normal((rows, SIZE)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    """Thirty tracks of random fingerprints, 100 segments each."""
    folder = tmp_path_factory.mktemp("catalogue") / "random"
    create_collection(folder, {"embedding_size": SIZE, "hop_s": HOP, "segment_s": SEGMENT})
    rng = np.random.default_rng(0)
    with changing_collection(folder) as writer:
        for number in range(30):
            writer.add_content(str(number), HOP * np.arange(100), unit(rng, 100), 51.5)
            writer.add_file(File(f"{number:02d}.wav", 1, 1), str(number))
        measured = measure_chance(finder_of(open_collection(folder)), 1)
        assert measured is not None
        writer.note("chance", measured.as_json())
    return open_collection(folder)


def track(embeddings):
    numbers = np.arange(len(embeddings))
    return TrackSegments(numbers, HOP * numbers, embeddings, HOP * (len(embeddings) - 1) + SEGMENT)


def asked(query, collection, **options):
    return identify(query, finder_of(collection), **options)


def with_excerpt(collection, number, first, last, seed=1):
    """Forty random segments, some of a track, and forty more."""
    rng = np.random.default_rng(seed)
    start = int(collection.first_row[number])
    excerpt = collection.rows[start + first : start + last + 1, 1:]
    return np.concatenate([unit(rng, 40), excerpt, unit(rng, 40)])


@pytest.mark.parametrize("block", [1 << 26, 7000])
def test_an_excerpt_is_found_and_nothing_else(catalogue, monkeypatch, block):
    monkeypatch.setattr(module, "_BLOCK_BYTES", block)
    (answer,) = asked(track(with_excerpt(catalogue, 7, 30, 59)), catalogue)
    assert answer.paths == ["07.wav"]
    assert answer.false_alarms == pytest.approx(1 / 30)  # the least that thirty tracks can tell
    (found,) = answer.ranges
    assert found.query_start_s == pytest.approx(20.0, abs=2.5)
    assert found.query_end_s == pytest.approx(34.5 + SEGMENT, abs=2.5)
    assert found.reference_start_s - found.query_start_s == pytest.approx(-5.0, abs=0.5)
    assert found.reference_end_s - found.query_end_s == pytest.approx(-5.0, abs=0.5)
    assert found.tempo_ratio == pytest.approx(1.0, abs=0.03)


def test_the_query_itself_is_no_answer(catalogue):
    query = track(with_excerpt(catalogue, 7, 30, 59))
    assert asked(query, catalogue, without={7}) == []


def test_random_tracks_are_rarely_answers(catalogue):
    answered = [
        bool(asked(track(unit(np.random.default_rng(seed), 100)), catalogue)) for seed in range(40)
    ]
    assert sum(answered) <= 10  # 4 expected if the estimate were exact


def test_a_higher_threshold_leaves_less(catalogue):
    query = track(with_excerpt(catalogue, 7, 30, 59))
    (answer,) = asked(query, catalogue)
    assert asked(query, catalogue, thresholds=Thresholds(score=answer.score + 0.01)) == []
    assert len(asked(query, catalogue, thresholds=Thresholds(false_alarms=20.0))) > 1


def test_every_part_of_an_answer_reaches_the_least_score(catalogue):
    embeddings = with_excerpt(catalogue, 7, 30, 59)
    start = int(catalogue.first_row[7])
    embeddings[:18] = catalogue.rows[start + 5 : start + 23, 1:]  # a second, shorter part
    query = track(embeddings)
    (answer,) = asked(query, catalogue)
    shorter, longer = sorted(part.score for part in answer.ranges)
    above = Thresholds(score=(shorter + longer) / 2)
    (strict,) = asked(query, catalogue, thresholds=above)
    assert [part.score for part in strict.ranges] == [longer]
    (shown,) = asked(query, catalogue, thresholds=Thresholds(score=longer + 1, best=1))
    assert shown.ranges == answer.ranges  # shown for all that


def test_a_calibrated_catalogue_tells_how_likely_an_answer_is(catalogue):
    query = track(with_excerpt(catalogue, 7, 30, 59))
    (plain,) = asked(query, catalogue)
    assert plain.probability is None
    evidence = finder_of(catalogue).find(query, frozenset({3}), 1)
    scores, excess = evidence.scores, evidence.excess
    fitted = Calibration(-6.0, 2.0, 2.0)
    known = replace(catalogue, about={**catalogue.about, "calibration": fitted.as_json()})
    best, *others = asked(
        query, known, thresholds=Thresholds(probability=0.0), without=frozenset({3})
    )
    assert best.paths == ["07.wav"]
    # By hand, among 29 tracks.
    logit = -6 + 2 * np.log1p(excess[7]) + 2 * np.log1p(scores[7]) - np.log(29)
    assert best.probability == pytest.approx(1 / (1 + np.exp(-logit)))
    assert "% likely" in as_text({"q": [best]})
    assert [one.probability for one in others] == sorted(
        (one.probability for one in others), reverse=True
    )
    # Any number of false alarms is let pass where a probability is known, unless asked otherwise.
    assert others[0].false_alarms > 0.1
    strict = Thresholds(probability=0.0, false_alarms=0.1)
    assert [answer.paths for answer in asked(query, known, thresholds=strict)] == [["07.wav"]]
    just = Thresholds(probability=best.probability - 1e-9)
    sure = asked(query, known, thresholds=just, without=frozenset({3}))
    assert [answer.paths for answer in sure] == [["07.wav"]]
    assert asked(query, known, thresholds=Thresholds(probability=1.0)) == []
    two = asked(query, known, thresholds=Thresholds(probability=1.0, best=2))
    assert two[0].paths == ["07.wav"]
    assert len(two) == 2


def test_silent_and_empty(catalogue, tmp_path):
    nothing = TrackSegments(np.zeros(0, int), np.zeros(0), np.zeros((0, SIZE), np.float32), 3.0)
    assert asked(nothing, catalogue) == []
    create_collection(tmp_path / "c", {"embedding_size": SIZE, "hop_s": HOP, "segment_s": SEGMENT})
    empty = open_collection(tmp_path / "c")
    assert asked(track(unit(np.random.default_rng(0), 5)), empty) == []


def test_excesses_and_chance_by_hand():
    forwards, backwards = np.array([0.0, 1, 2, 3, 40]), np.array([0.0, 1, 2, 3, 4])
    np.testing.assert_allclose(excesses(forwards, backwards), [-2, -1, 0, 1, 38])  # 2, quartile 3
    np.testing.assert_allclose(excesses(np.array([1.0, 2]), np.array([1.0, 1])), [0, 4])  # spread 0
    chance = Chance.of([np.array([1.0, 5]), np.array([3.0, 0]), np.arange(-40.0, 2)])
    assert chance.asked == 3
    assert len(chance.found) == 4 + 20
    assert [chance.false_alarms(value) for value in (6, 5, 3, 2)] == [1 / 3, 2 / 3, 1, 1]
    assert Chance.from_json(json.loads(json.dumps(chance.as_json()))).false_alarms(3) == 1


def test_text():
    found = [Line(59.6, 75, 3, 18, 1.02, 12)]
    answer = Answer(["a\x1b[2J.wav", "b.wav"], 12.34, None, 0.00123, found, 60.0)
    lines = as_text({"mine.mp3": [answer], "other.mp3": []}).splitlines()
    assert lines == [
        "mine.mp3",
        "  a?[2J.wav (and 1 more of this content): score 12.3, by fingerprints, "
        "0.0012 expected by chance",
        "    1:00–1:15 ← 0:03–0:18, tempo × 1.02",
        "other.mp3",
        "  no sample found",
    ]
    assert [clock(seconds) for seconds in (0, 59.4, 59.5, 600)] == ["0:00", "0:59", "1:00", "10:00"]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """Twelve rendered songs, a query with an excerpt of the third, untrained weights."""
    folder = tmp_path_factory.mktemp("rendered")
    soundfont = write_soundfont(folder / "general_midi.sf2")
    demo = DemoData(min_seconds=30.0, max_seconds=30.0)
    studio = Studio(demo, 5, soundfont)
    songs = [
        resample(record_song(studio, "noise", number).mix, demo.sample_rate, RATE)
        for number in range(14)
    ]
    for number, song in enumerate(songs[:12]):
        write_audio(folder / "music" / f"song {number}.wav", song, RATE)
    hop = 8 * SMALL_LOG_MEL.hop_length
    start = 94 * hop  # 12.03 s
    excerpt = songs[2][start : start + 8 * RATE]
    query = np.concatenate([songs[12][: 78 * hop], excerpt, songs[13][: 6 * RATE]])
    write_audio(folder / "query.wav", query, RATE)
    write_audio(folder / "unrelated.wav", songs[13], RATE)
    settings = small_gnn(embedding_size=64)
    save_encoder(folder / "weights.pt", make_encoder(settings, seed=0), settings)
    return folder


def test_commands_end_to_end(rendered, capsys, caplog):
    out = rendered / "catalogue"
    arguments = ["index", str(rendered / "music"), "--out", str(out), "--threads", "1"]
    assert main([*arguments, "--weights", "none.pt"]) == 1
    assert "none.pt: no such weights, expected 'shipped'" in capsys.readouterr().err
    assert main([*arguments, "--weights", str(rendered / "weights.pt")]) == 0
    assert "12 added (0 of known content), 0 unchanged, 0 forgotten, 0 skipped" in caplog.messages
    assert main([*arguments, "--weights", "landmarks"]) == 1
    assert "found 'landmarks', expected the same" in capsys.readouterr().err
    capsys.readouterr()

    queries = [str(rendered / "query.wav"), str(rendered / "unrelated.wav")]
    ask = ["identify", *queries, "--library", str(out), "--threads", "1"]
    assert main([*ask, "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first["query"] == queries[0]
    best = first["answers"][0]
    assert best["paths"] == ["song 2.wav"]
    assert best["false_alarms"] == pytest.approx(1 / 12, rel=1e-5)
    part = max(best["ranges"], key=lambda part: part["score"])
    assert part["query_start_s"] == pytest.approx(9.98, abs=1.0)
    assert part["query_end_s"] == pytest.approx(17.98, abs=1.0)
    assert part["reference_start_s"] == pytest.approx(12.03, abs=1.0)
    assert part["reference_end_s"] == pytest.approx(20.03, abs=1.0)
    assert part["tempo_ratio"] == pytest.approx(1.0, abs=0.03)
    assert "song 2.wav" not in [path for answer in second["answers"] for path in answer["paths"]]

    assert main([*ask, "--csv"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert rows[0]["reference"] == "song 2.wav"
    assert float(rows[0]["score"]) == best["score"]
    assert main([*ask, "--least-score", "1e9"]) == 0
    assert capsys.readouterr().out.count("no sample found") == 2

    (rendered / "weights.pt").rename(rendered / "away.pt")
    assert main(ask) == 1
    assert "say with --weights where they are" in capsys.readouterr().err
    settings = small_gnn(embedding_size=64)
    save_encoder(rendered / "weights.pt", make_encoder(settings, seed=1), settings)
    assert main(ask) == 1
    assert "other weights" in capsys.readouterr().err
    assert main([*ask, "--weights", str(rendered / "away.pt")]) == 0


def found(path, probability, by, score=9.0):
    return Answer([path], score, probability, None, [], 60.0, by)


def test_answers_of_two_systems_are_one_list():
    by_fingerprints = [found("a", 0.3, "fingerprints"), found("b", 0.1, "fingerprints")]
    by_landmarks = [found("c", 0.9, "landmarks"), found("b", 0.6, "landmarks")]
    both = [*by_fingerprints, *by_landmarks]
    told = [(one.paths[0], one.found_by) for one in Thresholds().chosen(both)]
    assert told == [("c", "landmarks"), ("b", "landmarks"), ("a", "fingerprints")]
    strict = Thresholds(probability=0.5)
    assert [one.paths for one in strict.chosen(both)] == [["c"], ["b"]]
    assert [one.paths for one in strict.chosen([*both, found("d", None, "fingerprints")])] == [
        ["c"], ["b"], ["d"],
    ]  # fmt: skip
    assert len(Thresholds(probability=1.0).chosen(both)) == 0
    assert [one.paths for one in Thresholds(probability=1.0, best=1).chosen(both)] == [["c"]]
    assert len(Thresholds(probability=1.0, best=9).chosen(both)) == 3


def test_a_new_catalogue_holds_both_systems(rendered, capsys):
    """By default, as a new user calls it: the default model and landmarks."""
    music, out = rendered / "few", rendered / "both"
    music.mkdir()
    for name in ("song 2.wav", "song 3.wav"):
        (music / name).hardlink_to(rendered / "music" / name)
    index = ["index", str(music), "--out", str(out), "--threads", "1"]
    assert main(index) == 0
    ask = ["identify", str(rendered / "query.wav"), "--library", str(out), "--json"]
    assert main([*ask, "--best", "2", "--threads", "1"]) == 0
    (asked_about,) = json.loads(capsys.readouterr().out)
    first, second = asked_about["answers"]
    assert (first["paths"], first["found_by"]) == (["song 2.wav"], "landmarks")
    assert first["probability"] > second["probability"]
    (music / "song 2.wav").unlink()
    shutil.rmtree(out / "landmarks")  # as if the first run had been stopped before it
    assert main(index) == 0
    assert [open_collection(part).paths for part in (out, out / "landmarks")] == [
        [["song 3.wav"]], [["song 3.wav"]],
    ]  # fmt: skip
    capsys.readouterr()


def test_landmarks_need_no_weights(rendered, capsys):
    out = rendered / "by_landmarks"
    index = ["index", str(rendered / "music"), "--out", str(out), "--threads", "1"]
    assert main([*index, "--weights", "landmarks"]) == 0
    assert main(index) == 0  # again: what made the catalogue is known
    capsys.readouterr()
    queries = [str(rendered / "query.wav"), str(rendered / "unrelated.wav")]
    ask = ["identify", *queries, "--library", str(out), "--threads", "2", "--json"]
    assert main([*ask, "--least-score", "20"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    (best,) = first["answers"]
    assert best["paths"] == ["song 2.wav"]
    assert best["probability"] > 0.5
    assert best["false_alarms"] is None  # not measured for landmarks
    (part,) = best["ranges"]
    assert part["query_start_s"] == pytest.approx(9.98, abs=0.5)
    assert part["query_end_s"] == pytest.approx(17.98, abs=0.5)
    assert part["reference_start_s"] == pytest.approx(12.03, abs=0.5)
    assert part["reference_end_s"] == pytest.approx(20.03, abs=0.5)
    assert part["tempo_ratio"] == 1.0
    assert second["answers"] == []
    # Of what hardly stands out, chance brings many parts: the best is shown.
    assert main([*ask, "--best", "4"]) == 0
    shown = [answer for query in json.loads(capsys.readouterr().out) for answer in query["answers"]]
    assert len(shown) == 2 * 4
    for answer in shown:
        assert len(answer["ranges"]) == 1 or min(p["score"] for p in answer["ranges"]) >= 8
    assert min(answer["score"] for answer in shown) < 8
    # A track of the catalogue does not find itself.
    assert main(["identify", str(rendered / "music/song 2.wav"), *ask[3:]]) == 0
    (own,) = json.loads(capsys.readouterr().out)
    assert "song 2.wav" not in [path for answer in own["answers"] for path in answer["paths"]]
    for given in (["--weights", "shipped"], ["--encoder", "gnn"]):
        assert main([*index, *given]) == 1
        assert f"{out}: made with " in capsys.readouterr().err


@pytest.fixture
def indexed(rendered, capsys):
    """Command lines that index and ask, and what the answer to the first query is."""
    out = rendered / "other"
    index = ["index", str(rendered / "music"), "--out", str(out), "--threads", "1"]
    weights = rendered / "away.pt" if (rendered / "away.pt").exists() else rendered / "weights.pt"
    assert main([*index, "--weights", str(weights)]) == 0
    queries = [str(rendered / "query.wav"), str(rendered / "unrelated.wav")]
    ask = ["identify", *queries, "--library", str(out), "--threads", "1"]
    assert main([*ask, "--json"]) == 0
    return index, ask, json.loads(capsys.readouterr().out)


def test_index_takes_over_a_calibration(rendered, indexed, capsys):
    index, ask, (plain, _) = indexed
    best = plain["answers"][0]
    sidecar = rendered / FILE
    sidecar.write_text(json.dumps(Calibration(0.0, 1.0, 1.0).as_json()).replace("NaN", "0.0"))
    assert main(index) == 0
    capsys.readouterr()
    assert main([*ask, "--json", "--least-probability", "0.1"]) == 0
    calibrated = json.loads(capsys.readouterr().out)[0]["answers"][0]
    assert (calibrated["paths"], calibrated["score"]) == (best["paths"], best["score"])
    assert 0.1 < calibrated["probability"] < 1
    with pytest.raises(SystemExit):
        main([*ask, "--least-probability", "1.5"])
    assert "'1.5', expected a number from 0 to 1" in capsys.readouterr().err
    sidecar.write_text("{}")
    assert main(index) == 1
    assert "no calibration" in capsys.readouterr().err
    sidecar.unlink()
    assert main(index) == 0
    capsys.readouterr()


def test_a_page_of_answers(rendered, indexed, capsys):
    _, ask, (first, second) = indexed
    part = max(first["answers"][0]["ranges"], key=lambda part: part["score"])
    html = rendered / "out.html"
    assert main([*ask, "--json", "--html", str(html)]) == 0
    assert json.loads(capsys.readouterr().out) == [first, second]
    text = html.read_text(encoding="utf-8")
    assert '<h3>1. <span class="title">song 2.wav</span></h3>' in text
    assert f"{clock(part['query_start_s'])}–{clock(part['query_end_s'])} ← " in text
    # The best part of each answer in both tracks; the unrelated track may have none.
    answers = len(first["answers"]) + len(second["answers"])
    assert 2 <= text.count("<audio ") <= 2 * answers
    assert main([*ask, "--html", str(html), "--no-audio"]) == 0
    assert "<audio " not in html.read_text(encoding="utf-8")
    capsys.readouterr()
