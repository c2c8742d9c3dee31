"""The demo data set as a whole, on a small one, and single queries."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralsampleid.audio.io import audio_info, read_audio
from neuralsampleid.catalogue.formats import SAMPLES, read_table
from neuralsampleid.catalogue.tables import read_catalogue
from neuralsampleid.composer.compose import STEMS, compose
from neuralsampleid.composer.excerpt import MAX_EXCERPT_S, MIN_EXCERPT_S
from neuralsampleid.composer.grades import GRADES
from neuralsampleid.composer.produce import (
    MAX_PASSAGE_S,
    excerpt_audio,
    lay_passages,
    occurrence_rows,
)
from neuralsampleid.composer.soundfont import write_soundfont
from neuralsampleid.composer.studio import (
    Assignment,
    Studio,
    Task,
    assign_samples,
    produce_query,
)
from neuralsampleid.composer.treatment import MAX_RATIO, MAX_SEMITONES, MIN_RATIO, Treatment
from neuralsampleid.config import DemoData
from neuralsampleid.datasets.demo import make_demo

SMALL = DemoData(
    training_songs=2,
    training_seconds=12.0,
    references=4,
    noise_songs=1,
    queries=4,
    min_seconds=30.0,
    max_seconds=36.0,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("demo")
    make_demo(SMALL, seed=3, folder=path, workers=1)
    return path


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    path = tmp_path_factory.mktemp("soundfont") / "general_midi.sf2"
    return Studio(SMALL, 3, write_soundfont(path))


@pytest.fixture(scope="module")
def productions(studio):
    assigned = assign_samples(studio)
    return [produce_query(studio, Task("query", i, a)) for i, a in enumerate(assigned)]


def digests(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def test_ids_roles_and_files(folder):
    catalogue = read_catalogue(folder)
    counts = catalogue.tracks["role"].value_counts().to_dict()
    assert counts == {"train": 2, "reference": 4, "noise": 1, "query": 4}
    assert catalogue.tracks["track_id"].tolist()[:3] == ["train_000", "train_001", "reference_000"]
    assert (catalogue.tracks["title"] != "").all()
    for track in catalogue.tracks.itertuples():
        info = audio_info(Path(track.path))
        assert (info.sample_rate, info.channels) == (22050, 1)
        assert info.seconds == pytest.approx(track.duration_s, abs=1e-5)
        assert track.duration_s == 12.0 if track.role == "train" else 30 <= track.duration_s <= 36


def test_stems_sum_to_the_mix(folder):
    for track_id in ("train_000", "train_001"):
        stems = folder / "true_stems" / track_id
        assert {path.stem for path in stems.iterdir()} == set(STEMS)
        total = sum(read_audio(stems / f"{stem}.flac", 22050) for stem in STEMS)
        mix = read_audio(folder / "audio" / f"{track_id}.flac", 22050)
        assert np.abs(total - mix).max() < 4 / 2**15


def test_a_seed_fixes_every_byte_for_any_number_of_workers(folder, tmp_path):
    make_demo(SMALL, seed=3, folder=tmp_path / "again", workers=2)
    assert digests(folder) == digests(tmp_path / "again")


def test_another_seed_gives_other_songs(folder, tmp_path):
    other = SMALL.model_copy(update={"noise_songs": 1, "queries": 1, "references": 1})
    make_demo(other, seed=4, folder=tmp_path, workers=1)
    shared = {name for name in digests(tmp_path) if name.endswith(".flac")}
    assert all(digests(folder)[name] != digests(tmp_path)[name] for name in shared)


def test_an_interrupted_run_leaves_no_catalogue(folder, tmp_path, monkeypatch):
    (tmp_path / "tracks.csv").write_text("of an earlier run")

    def fail(*_):
        raise RuntimeError("out of tape")

    monkeypatch.setattr("neuralsampleid.composer.studio.record_song", fail)
    with pytest.raises(RuntimeError, match="out of tape"):
        make_demo(SMALL, seed=3, folder=tmp_path, workers=1)
    assert not (tmp_path / "tracks.csv").exists()


def test_no_track_is_silent_or_clipped(folder):
    for path in sorted((folder / "audio").iterdir()):
        audio = read_audio(path, 22050)
        assert 0.5 < np.abs(audio).max() < 0.9
        blocks = np.abs(audio[: -2 * 22050]).reshape(-1)[: 22050 * (len(audio) // 22050 - 2)]
        assert (blocks.reshape(-1, 22050).max(axis=1) > 1e-3).all()


def test_occurrences_lie_inside_and_keep_the_ranges(folder):
    catalogue = read_catalogue(folder)
    seconds = catalogue.tracks.set_index("track_id")["duration_s"]
    rows = catalogue.occurrences
    assert (rows["query_end_s"] <= rows["query_id"].map(seconds)).all()
    assert (rows["reference_start_s"] >= 0).all()
    assert (rows["reference_end_s"] <= rows["reference_id"].map(seconds)).all()
    old = rows["reference_end_s"] - rows["reference_start_s"]
    new = rows["query_end_s"] - rows["query_start_s"]
    np.testing.assert_allclose(rows["tempo_ratio"], old / new, atol=5e-6)
    assert rows["tempo_ratio"].between(MIN_RATIO, MAX_RATIO).all()
    assert rows["pitch_semitones"].abs().max() <= MAX_SEMITONES
    assert (old <= MAX_EXCERPT_S).all()
    assert (old.groupby(rows["sample_id"]).max() >= MIN_EXCERPT_S).all()
    assert set(rows["kind"]) == {"occurrence"}
    assert set(rows["interpolation"]) == {"no"}
    assert set(rows["sample_type"]) == {"beat", "riff"}
    in_time = rows.sort_values(["query_id", "query_start_s"])
    following = in_time.groupby("query_id")["query_start_s"].shift(-1)
    assert (in_time["query_end_s"] <= following.fillna(np.inf) + 1e-6).all()


def test_production_notes_tell_levels_and_stems(folder):
    notes = json.loads((folder / "production.json").read_text())
    catalogue = read_catalogue(folder)
    assert {n["sample_id"] for n in notes["samples"]} == set(catalogue.occurrences["sample_id"])
    assert {song["track_id"] for song in notes["songs"]} == set(catalogue.tracks["track_id"])
    lowest, highest = GRADES["loops"].level_db
    for sample in notes["samples"]:
        assert lowest <= sample["level_db"] <= highest
        assert (sample["stems"] == ["drums"]) == (sample["sample_type"] == "beat")


def test_levels_are_those_of_the_samples_over_everything_else(folder):
    notes = json.loads((folder / "production.json").read_text())
    levels = read_table(folder / "samples.csv", SAMPLES)
    expected = [(row["query_id"], row["sample_id"], row["level_db"]) for row in notes["samples"]]
    assert list(levels.itertuples(index=False, name=None)) == expected
    assert len(levels) > 0


def test_layers_have_the_level_they_are_said_to_have(productions):
    for production in productions:
        for number, sample in enumerate(production.samples):
            half = production.sketch.half_bar_s * 22050
            sounding = np.zeros(len(production.own), bool)
            for place in production.repetitions:
                if place.sample == number:
                    end = round((place.start + place.length) * half)
                    sounding[round(place.start * half) : end] = True
            own, layer = (
                np.sqrt(np.square(x[sounding]).mean())
                for x in (production.own, production.layers[number])
            )
            assert 20 * np.log10(layer / own) == pytest.approx(sample.level_db, abs=0.1)
            assert not production.layers[number][~sounding].any()


def test_the_sample_really_sounds_where_the_catalogue_says(productions):
    """At each stated time the layer equals the treated excerpt, up to its level and the fades."""
    checked = 0
    for production in productions:
        for row in occurrence_rows(production, "query_000"):
            ids = [sample.source.sample_id for sample in production.samples]
            number = ids.index(row["sample_id"])
            loop = excerpt_audio(production.samples[number], 22050)
            begin = round(row["query_start_s"] * 22050)
            heard = production.layers[number][begin : round(row["query_end_s"] * 22050)]
            length = min(len(heard), len(loop))
            assert similarity(heard[:length], loop[:length]) > 0.98
            checked += 1
    assert checked >= 8


@pytest.mark.parametrize("kind", ["beat", "riff"])
def test_an_untouched_sample_correlates_with_the_reference_at_zero_lag(studio, kind, monkeypatch):
    """Independently of the code that cuts: the layer against the reference's own stems."""
    plain = Treatment("untouched", 1.0, 0.0, "none", None, None, False)
    monkeypatch.setattr("neuralsampleid.composer.produce.draw_treatment", lambda *_: plain)
    production = produce_query(studio, Task("query", 0, (Assignment("D001", 2, kind),)))
    (sample,) = production.samples
    source = sample.source.recording.layer(sample.excerpt.stems)
    rows = occurrence_rows(production, "query_000")
    assert len(rows) >= 2
    for row in rows:
        old = source[
            round(row["reference_start_s"] * 22050) : round(row["reference_end_s"] * 22050)
        ]
        heard = production.layers[0][round(row["query_start_s"] * 22050) :][: len(old)]
        size = 2 * len(old)
        spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(old, size))
        lag = int(np.fft.irfft(spectrum, size).argmax())
        assert min(lag, size - lag) <= 1
        assert similarity(heard, old) > 0.98


def similarity(one, two):
    return float(np.dot(one, two) / np.sqrt(np.dot(one, one) * np.dot(two, two)))


def test_a_very_short_query_takes_only_what_has_room(studio):
    both = (Assignment("D001", 0, "riff"), Assignment("D002", 1, "beat"))
    short = Studio(
        SMALL.model_copy(update={"min_seconds": 14.0, "max_seconds": 14.0}), 3, studio.soundfont
    )
    production = produce_query(short, Task("query", 0, both))
    rows = occurrence_rows(production, "query_000")
    assert {row["sample_id"] for row in rows} == {s.source.sample_id for s in production.samples}
    assert max(row["query_end_s"] for row in rows) <= 14.0


def test_assignments_of_the_default_set():
    studio = Studio(DemoData(), 1, None)
    assigned = assign_samples(studio)
    assert assigned == assign_samples(studio)
    flat = [a for query in assigned for a in query]
    assert len(assigned) == 80
    assert 16 <= sum(len(query) == 2 for query in assigned) <= 20
    uses = np.bincount([a.reference for a in flat], minlength=40)
    assert uses.max() == 3
    assert (uses > 0).sum() == 36
    assert 40 <= sum(a.sample_type == "beat" for a in flat) <= 60
    for query in assigned:
        assert len({a.reference for a in query}) == len(query)
    assert [a.sample_id for a in flat] == [f"D{i + 1:03d}" for i in range(len(flat))]


def test_the_default_set_is_varied():
    sketches = [compose(np.random.default_rng([1, 0, i]), 30.0).sketch for i in range(64)]
    assert len({sketch.style.name for sketch in sketches}) >= 8
    assert len({sketch.tonic for sketch in sketches}) >= 10
    assert len({sketch.tempo for sketch in sketches}) >= 60
    assert all(70 <= sketch.tempo <= 150 for sketch in sketches)


@given(st.integers(0, 2**16), st.floats(60, 90), st.floats(70, 150), st.integers(1, 2))
def test_passages_leave_room_for_the_query_itself(seed, seconds, tempo, samples):
    half = 120 / tempo
    bars = int(seconds / (2 * half))
    passages = lay_passages(np.random.default_rng(seed), bars, half, samples)
    assert 2 <= len(passages) <= 4
    assert {passage.sample for passage in passages} == set(range(samples))
    assert all(10 <= (p.end - p.start) * half <= MAX_PASSAGE_S for p in passages)
    assert all(p.start % 2 == 0 for p in passages)
    assert passages[0].start >= 2
    assert passages[-1].end <= 2 * bars
    for before, after in pairwise(passages):
        assert after.start - before.end >= 4
