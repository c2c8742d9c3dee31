"""``nsid index`` and ``nsid identify`` on rendered music, as a person calls them."""

import csv
import json
import shutil

import numpy as np
import pytest

from helpers.songs import RATE, SMALL_LOG_MEL, small_gnn, small_reading_cnn
from neuralsampleid.audio.io import write_audio
from neuralsampleid.audio.sound import resample
from neuralsampleid.cli import main
from neuralsampleid.composer.soundfont import write_soundfont
from neuralsampleid.composer.studio import Studio, record_song
from neuralsampleid.config import DemoData
from neuralsampleid.library.probability import FILE, Calibration
from neuralsampleid.library.store import open_library
from neuralsampleid.models.checkpoint import make_encoder, save_encoder
from neuralsampleid.report.text import clock


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """Twelve songs, a query with an excerpt of the third, untrained weights. Do not change."""
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
    # Untrained encoders tell segments apart more or less well; this one well.
    save_encoder(folder / "weights.pt", make_encoder(settings, seed=4), settings)
    return folder


@pytest.fixture(scope="module")
def indexed(rendered, tmp_path_factory):
    """A library of the rendered songs, and the command that asks it. Do not change."""
    out = tmp_path_factory.mktemp("indexed") / "library"
    weights = str(rendered / "weights.pt")
    assert main(["index", str(rendered / "music"), *to(out), "--weights", weights]) == 0
    queries = [str(rendered / "query.wav"), str(rendered / "unrelated.wav")]
    return ["identify", *queries, "--library", str(out), "--threads", "1"]


@pytest.fixture
def few(rendered, tmp_path):
    """Two of the songs, one of which the query samples."""
    music = tmp_path / "music"
    music.mkdir()
    for name in ("song 2.wav", "song 3.wav"):
        (music / name).hardlink_to(rendered / "music" / name)
    return music


def to(out):
    return ["--out", str(out), "--threads", "1"]


def asked(command, capsys):
    """The answers as JSON."""
    capsys.readouterr()
    assert main([*command, "--json"]) == 0
    return json.loads(capsys.readouterr().out)["queries"]


def test_an_excerpt_is_found_at_its_place(rendered, indexed, capsys):
    first, second = asked(indexed, capsys)
    assert first["path"] == str(rendered / "query.wav")
    best = first["answers"][0]
    assert best["paths"] == ["song 2.wav"]
    assert best["false_alarms"] == pytest.approx(1 / 12, rel=1e-5)
    part = max(best["matches"], key=lambda part: part["score"])
    assert part["query_start_s"] == pytest.approx(9.98, abs=1.0)
    assert part["query_end_s"] == pytest.approx(17.98, abs=1.0)
    assert part["reference_start_s"] == pytest.approx(12.03, abs=1.0)
    assert part["reference_end_s"] == pytest.approx(20.03, abs=1.0)
    assert part["tempo_ratio"] == pytest.approx(1.0, abs=0.03)
    assert "song 2.wav" not in [path for answer in second["answers"] for path in answer["paths"]]

    assert main([*indexed, "--csv"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert rows[0]["reference"] == "song 2.wav"
    assert float(rows[0]["score"]) == best["score"]
    assert float(rows[0]["range_score"]) == best["matches"][0]["score"]
    assert main([*indexed, "--least-score", "1e9"]) == 0
    assert capsys.readouterr().out.count("no sample found") == 2


def test_a_library_keeps_to_its_weights(rendered, few, tmp_path, capsys, caplog):
    weights, out = tmp_path / "weights.pt", tmp_path / "library"
    index = ["index", str(few), *to(out)]
    assert main([*index, "--weights", "none.pt"]) == 1
    assert "none.pt: no such weights, expected 'shipped'" in capsys.readouterr().err
    shutil.copy(rendered / "weights.pt", weights)
    assert main([*index, "--weights", str(weights)]) == 0
    assert "2 added (0 of known content), 0 unchanged, 0 forgotten, 0 skipped" in caplog.messages
    assert main([*index, "--weights", "landmarks"]) == 1
    assert "found 'landmarks', expected the same" in capsys.readouterr().err
    ask = ["identify", str(rendered / "query.wav"), "--library", str(out), "--threads", "1"]
    weights.unlink()
    assert main(ask) == 1
    assert "say with --weights where they are" in capsys.readouterr().err
    settings = small_gnn(embedding_size=64)
    save_encoder(weights, make_encoder(settings, seed=1), settings)
    assert main(ask) == 1
    assert "other weights" in capsys.readouterr().err
    assert main([*ask, "--weights", str(rendered / "weights.pt")]) == 0


def test_weights_that_only_the_benchmark_asks_are_refused(few, tmp_path, capsys):
    weights, settings = tmp_path / "weights.pt", small_reading_cnn()
    save_encoder(weights, make_encoder(settings, seed=1), settings)
    assert main(["index", str(few), *to(tmp_path / "library"), "--weights", str(weights)]) == 1
    said = capsys.readouterr().err
    assert f"{weights}: weights of a reading_cnn, which only the benchmark asks so far" in said


def test_a_new_library_holds_both_systems(rendered, few, tmp_path, capsys):
    """By default, as a new user calls it: the shipped model and landmarks."""
    out = tmp_path / "library"
    index = ["index", str(few), *to(out)]
    assert main(index) == 0
    ask = ["identify", str(rendered / "query.wav"), "--library", str(out), "--threads", "1"]
    (found,) = asked([*ask, "--best", "2"], capsys)
    first, second = found["answers"]
    assert (first["paths"], first["found_by"]) == (["song 2.wav"], "landmarks")
    assert first["probability"] > second["probability"]
    (few / "song 2.wav").unlink()
    assert main(index) == 0
    library = open_library(out)
    assert library.paths == [["song 3.wav"]]
    assert library.fingerprints is not None
    assert len(library.landmarks) == 1
    assert main([*index, "--weights", "shipped"]) == 0
    assert main([*index, "--weights", "landmarks"]) == 1
    capsys.readouterr()
    assert main(["info", str(out)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == [f"music: {few}", "tracks: 1 in 1 files, 0.0 hours"]
    assert [line.split(",")[0] for line in said[2:4]] == [
        "system: fingerprints of resnet_ibn", "system: landmarks"
    ]  # fmt: skip


def test_landmarks_need_no_weights(rendered, tmp_path, capsys):
    out = tmp_path / "library"
    index = ["index", str(rendered / "music"), *to(out)]
    assert main([*index, "--weights", "landmarks"]) == 0
    assert main(index) == 0  # again: what made the library is known
    queries = [str(rendered / "query.wav"), str(rendered / "unrelated.wav")]
    ask = ["identify", *queries, "--library", str(out), "--threads", "2"]
    first, second = asked([*ask, "--least-score", "20"], capsys)
    (best,) = first["answers"]
    assert best["paths"] == ["song 2.wav"]
    assert best["probability"] > 0.5
    assert best["false_alarms"] is None  # not measured for landmarks
    (part,) = best["matches"]
    assert part["query_start_s"] == pytest.approx(9.98, abs=0.5)
    assert part["query_end_s"] == pytest.approx(17.98, abs=0.5)
    assert part["reference_start_s"] == pytest.approx(12.03, abs=0.5)
    assert part["reference_end_s"] == pytest.approx(20.03, abs=0.5)
    assert part["tempo_ratio"] == pytest.approx(1.0, abs=0.003)
    assert second["answers"] == []
    # What hardly stands out is shown if asked for, where anything lines up.
    shown = [
        answer for query in asked([*ask, "--best", "4"], capsys) for answer in query["answers"]
    ]
    assert 2 < len(shown) <= 2 * 4
    for answer in shown:
        assert len(answer["matches"]) == 1 or min(p["score"] for p in answer["matches"]) >= 8
        assert answer["matches"]
    assert min(answer["score"] for answer in shown) < 8
    # A track of the library does not find itself.
    (own,) = asked(["identify", str(rendered / "music/song 2.wav"), *ask[3:]], capsys)
    assert "song 2.wav" not in [path for answer in own["answers"] for path in answer["paths"]]
    for given in (["--weights", "shipped"], ["--encoder", "gnn"]):
        assert main([*index, *given]) == 1
        assert f"{out}: made with " in capsys.readouterr().err


def test_index_takes_over_a_calibration(rendered, few, tmp_path, capsys):
    weights, out = tmp_path / "weights.pt", tmp_path / "library"
    shutil.copy(rendered / "weights.pt", weights)
    index = ["index", str(few), *to(out)]
    assert main([*index, "--weights", str(weights)]) == 0
    ask = ["identify", str(rendered / "query.wav"), "--library", str(out), "--threads", "1"]
    (plain,) = asked(ask, capsys)
    best = plain["answers"][0]
    assert best["probability"] is None
    sidecar = tmp_path / FILE
    sidecar.write_text(json.dumps(Calibration(0.0, 1.0, 1.0).as_json()).replace("NaN", "0.0"))
    assert main(index) == 0
    (found,) = asked([*ask, "--least-probability", "0.1"], capsys)
    calibrated = found["answers"][0]
    assert (calibrated["paths"], calibrated["score"]) == (best["paths"], best["score"])
    assert 0.1 < calibrated["probability"] < 1
    with pytest.raises(SystemExit):
        main([*ask, "--least-probability", "1.5"])
    assert "'1.5', expected a number from 0 to 1" in capsys.readouterr().err
    sidecar.write_text("{}")
    assert main(index) == 1
    assert "no calibration" in capsys.readouterr().err


def test_a_page_of_answers(indexed, tmp_path, capsys):
    first, second = asked(indexed, capsys)
    part = max(first["answers"][0]["matches"], key=lambda part: part["score"])
    html = tmp_path / "out.html"
    assert asked([*indexed, "--html", str(html)], capsys) == [first, second]
    text = html.read_text(encoding="utf-8")
    assert '<h3>1. <span class="title">song 2.wav</span></h3>' in text
    assert f"{clock(part['query_start_s'])}–{clock(part['query_end_s'])} ← " in text
    # The best part of each answer in both tracks; the unrelated track may have none.
    answers = len(first["answers"]) + len(second["answers"])
    assert 2 <= text.count("<audio ") <= 2 * answers
    assert main([*indexed, "--html", str(html), "--no-audio"]) == 0
    assert "<audio " not in html.read_text(encoding="utf-8")
