"""Exports of ``nsid identify``, read by programs that are not ours."""

import csv
import json
from dataclasses import replace
from importlib import resources

import cueparser
import jams
import jsonschema
import mir_eval
import numpy as np
import pytest

from helpers.findings import LOOP, findings
from helpers.tunes import TUNE_RATE, put
from helpers.vlc import VLC, played
from neuralsampleid.audio.tags import Tags
from neuralsampleid.exports.csv_table import as_csv
from neuralsampleid.exports.cue import as_cue
from neuralsampleid.exports.jams import NAMESPACE, as_jams
from neuralsampleid.exports.json_document import as_json
from neuralsampleid.exports.labels import as_labels
from neuralsampleid.exports.m3u import as_m3u
from neuralsampleid.exports.names import named
from neuralsampleid.exports.tracklist import Entry
from neuralsampleid.library.answer import Findings, QueryAnswers

FILES = resources.files("neuralsampleid.exports")


def test_json_keeps_to_its_schema():
    schema = json.loads((FILES / "answers.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    document = json.loads(as_json(findings()))
    jsonschema.validate(document, schema)
    first, second, third = document["queries"]
    assert [len(answer["matches"]) for answer in first["answers"]] == [12, 1]
    assert first["answers"][1]["matches"][0]["query_end_s"] == 4.12346
    assert (second["problem"], third["problem"]) == ("", "bad.mp3: cannot be decoded")
    del first["answers"][0]["found_by"]
    with pytest.raises(jsonschema.ValidationError, match="found_by"):
        jsonschema.validate(document, schema)


def test_csv_has_a_row_for_every_match():
    rows = list(csv.DictReader(as_csv(findings()).splitlines()))
    assert len(rows) == 12 + 1
    assert {row["query"] for row in rows} == {"new/one.flac"}
    assert [row["rank"] for row in rows] == ["1"] * 12 + ["2"]
    assert rows[1] == {
        "query": "new/one.flac", "rank": "1", "reference": "soul/old.ogg",
        "found_by": "landmarks", "score": "151.64", "probability": "0.98", "false_alarms": "",
        "query_start_s": "12.0", "query_end_s": "14.0", "reference_start_s": "64.0",
        "reference_end_s": "66.2", "tempo_ratio": "1.1", "range_score": "9.0",
        "pitch_semitones": "1.0", "same_recording": "False",
        "query_artist": "", "query_title": "One",
        "reference_artist": "The Olds", "reference_title": "So Old",
    }  # fmt: skip


def test_mir_eval_reads_labels(tmp_path):
    first, second = findings().answered
    path = tmp_path / "one.txt"
    path.write_text(as_labels(first), encoding="utf-8")
    intervals, labels = mir_eval.io.load_labeled_intervals(str(path), delimiter="\t")
    expected = [[0.25, 4.123457], *([match.query_start_s, match.query_end_s] for match in LOOP)]
    np.testing.assert_allclose(intervals, expected, atol=1e-9)
    assert labels == ["jazz.wav 0:30–0:34", *["The Olds – So Old (soul/old.ogg) 1:04–1:06"] * 12]
    assert as_labels(second) == ""
    evil = replace(first.answers[1], paths=["a\tb\n1\t2\tc"])
    assert as_labels(replace(first, answers=[evil])).count("\t") == 2


def test_files_of_queries_have_names_of_their_own():
    queries = [QueryAnswers(path, 1.0, []) for path in ("a/mix.mp3", "b/Mix.flac", "c.wav")]
    assert [name for name, _ in named(queries, ".txt")] == ["mix.txt", "Mix 2.txt", "c.txt"]


def test_jams_reads_and_validates_jams(tmp_path):
    with resources.as_file(FILES / f"{NAMESPACE}.json") as schema:
        jams.schema.add_namespace(str(schema))
    first, second = findings().answered
    (tmp_path / "one.jams").write_text(as_jams(first), encoding="utf-8")
    read = jams.load(str(tmp_path / "one.jams"), strict=True)
    assert read.validate(strict=True)
    assert (read.file_metadata.duration, read.file_metadata.title) == (60.0, "One")
    (annotation,) = read.annotations
    assert (annotation.namespace, annotation.duration) == (NAMESPACE, 60.0)
    assert len(annotation.data) == 13
    assert annotation.data[0].value["reference"] == "jazz.wav"
    assert (annotation.data[0].confidence, annotation.data[0].value["tempo_ratio"]) == (None, None)
    loop = annotation.data[1]
    assert (loop.time, loop.duration, loop.confidence) == (10.0, 2.0, 0.98)
    assert loop.value["reference_time"] == 64.0
    assert loop.value["reference_duration"] == pytest.approx(2.2)
    assert loop.value["pitch_semitones"] == 1.0
    assert (loop.value["artist"], loop.value["title"]) == ("The Olds", "So Old")
    (tmp_path / "two.jams").write_text(as_jams(second), encoding="utf-8")
    assert jams.load(str(tmp_path / "two.jams"), strict=True).annotations[0].data == []
    wrong = as_jams(first).replace('"reference": "jazz.wav",', "")
    (tmp_path / "wrong.jams").write_text(wrong, encoding="utf-8")
    with pytest.raises(jams.SchemaError):
        jams.load(str(tmp_path / "wrong.jams"), strict=True)


def test_cueparser_reads_cue_sheets(tmp_path):
    entries = [
        Entry(12.34, 100, "a/say.mp3", 1.0, 0.9, Tags("Sayers", "Say")),
        Entry(6001.996, 6100, "é", None, None),
    ]
    (tmp_path / "mix.cue").write_text(as_cue("mix.mp3", entries), encoding="utf-8")
    sheet = cueparser.CueSheet()
    sheet.setOutputFormat("%title%", "%title%")
    sheet.setData((tmp_path / "mix.cue").read_text(encoding="utf-8"))
    sheet.parse()
    assert (sheet.file, sheet.aformat) == ("mix.mp3", "MP3")
    assert [(track.number, track.title) for track in sheet.tracks] == [(1, "Say"), (2, "é")]
    assert [track.performer for track in sheet.tracks] == ["Sayers", None]
    assert [track.offset for track in sheet.tracks] == ["00:12:26", "100:02:00"]


def tone(seconds, hertz):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * TUNE_RATE)) / TUNE_RATE)


@pytest.mark.skipif(VLC is None, reason="no VLC (Debian: vlc-bin and vlc-plugin-base)")
def test_vlc_plays_the_matches_of_a_playlist(tmp_path):
    """Six seconds of each file at another pitch: the parts that are played tell where they lie."""
    put(tmp_path / "mine, #1 ü.wav", np.concatenate([tone(6, 300), tone(6, 500)]))
    put(tmp_path / "music/old 100%.wav", np.concatenate([tone(6, 800), tone(6, 1200)]))
    (loop, _), match = findings().queries[0].answers, replace(LOOP[0], query_start_s=7.5)
    match = replace(match, query_end_s=9.5, reference_start_s=2.0, reference_end_s=5.0)
    answer = replace(loop, paths=["old 100%.wav"], matches=[match])
    query = QueryAnswers(str(tmp_path / "mine, #1 ü.wav"), 12.0, [answer])
    playlist = as_m3u(Findings([], str(tmp_path / "music"), [query]))
    (tmp_path / "list.m3u").write_text(playlist, encoding="utf-8")
    sound, rate = played(tmp_path / "list.m3u")
    assert len(sound) / rate == pytest.approx(2.0 + 3.0, abs=0.3)
    for start_s, hertz in ((0.5, 500), (1.5, 500), (2.5, 800), (4.5, 800)):
        part = sound[int((start_s - 0.1) * rate) : int((start_s + 0.1) * rate)]
        loudest = np.argmax(np.abs(np.fft.rfft(part * np.hanning(len(part)))))
        assert loudest * rate / len(part) == pytest.approx(hertz, abs=10)
