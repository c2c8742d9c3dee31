"""A query is what its recipe says: places, levels, parts, and always the same sound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuralsampleid.composer.bands import band_levels, difference_db
from neuralsampleid.composer.parts import part_of
from neuralsampleid.composer.queries import (
    RATE,
    occurrence_rows,
    render_query,
    sample_rows,
    treated_slices,
)
from neuralsampleid.composer.recipes import (
    Place,
    QueryRecipe,
    SampleRecipe,
    read_recipes,
    write_recipes,
)
from neuralsampleid.composer.soundfont import write_soundfont
from neuralsampleid.composer.treatment import Treatment
from neuralsampleid.errors import UserError

PLAIN = Treatment("untouched", 1.0, 0.0)
LOOP = SampleRecipe("s1", "noise", ((2.0, 3.5),), (1.0, 2.5), "mix", PLAIN, "", 3.0)
CHOPPED = SampleRecipe(
    "s2",
    "tones",
    ((5.0, 6.0), (4.0, 4.5), (6.0, 6.75)),
    (5.0, 7.5),
    "harmonic",
    Treatment("stretch_shift", 1.25, -2.5),
    "bandpass 200 3000;drive 8;reverb 0.5 -12",
    -6.0,
)
QUERY = QueryRecipe(
    "q1", "test", "producer", 10.0, "host", 1.0, "boom_bap 2 92.5 0.6 16", -3.0, (LOOP, CHOPPED)
)


@pytest.fixture(scope="module")
def soundfont(tmp_path_factory):
    return write_soundfont(tmp_path_factory.mktemp("soundfont") / "general_midi.sf2")


@pytest.fixture(scope="module")
def tracks():
    rng = np.random.default_rng(0)
    time = np.arange(15 * RATE) / RATE
    swell = 0.2 + 0.1 * np.sin(2 * np.pi * 0.3 * time)
    return {
        "noise": (swell * rng.standard_normal(len(time))).astype(np.float32),
        "host": (swell[::-1] * rng.standard_normal(len(time))).astype(np.float32),
        "tones": sum(np.sin(2 * np.pi * f * time) for f in (220, 331, 557)).astype(np.float32) / 9,
    }


@pytest.fixture(scope="module")
def rendered(tracks, soundfont):
    return render_query(QUERY, tracks.__getitem__, soundfont)


def test_passes_and_slices_follow_each_other():
    assert LOOP.places() == [Place(1.0, 2.5, 2.0, 3.5), Place(2.5, 4.0, 2.0, 3.5)]
    assert CHOPPED.pass_s == pytest.approx(1.8)  # 2.25 s of the reference, 1.25 times as fast
    found = [tuple(vars(place).values()) for place in CHOPPED.places()]
    expected = [
        (5.0, 5.8, 5.0, 6.0), (5.8, 6.2, 4.0, 4.5), (6.2, 6.8, 6.0, 6.75),
        (7.5, 8.3, 5.0, 6.0), (8.3, 8.7, 4.0, 4.5), (8.7, 9.3, 6.0, 6.75),
    ]  # fmt: skip
    np.testing.assert_allclose(found, expected)


def test_occurrences_and_samples_say_what_the_recipe_says():
    rows = occurrence_rows(QUERY)
    assert [row["sample_id"] for row in rows] == 2 * ["s1"] + 6 * ["s2"]
    assert rows[3] == {
        "sample_id": "s2", "query_id": "q1", "reference_id": "tones",
        "query_start_s": 5.8, "query_end_s": 6.2,
        "reference_start_s": 4.0, "reference_end_s": 4.5,
        "kind": "occurrence", "sample_type": "harmonic", "interpolation": "no",
        "tempo_ratio": 1.25, "pitch_semitones": -2.5,
    }  # fmt: skip
    told = [(row["slices"], row["level_db"]) for row in sample_rows(QUERY)]
    assert told == [(1, 3.0), (3, -6.0)]


def test_an_untouched_sample_is_the_reference_at_its_place(rendered, tracks):
    heard = rendered.layers[0][RATE : round(2.5 * RATE)]
    original = tracks["noise"][2 * RATE : round(3.5 * RATE)]
    middle = slice(200, -200)  # without the fades
    ratio = heard[middle] / original[middle]
    np.testing.assert_allclose(ratio, np.median(ratio), rtol=1e-3)


def test_every_occurrence_has_its_level_over_the_rest(rendered):
    for sample, layer in zip(QUERY.samples, rendered.layers, strict=True):
        for place in sample.places():
            span = slice(round(place.query_start_s * RATE), round(place.query_end_s * RATE))
            over = np.square(layer[span]).mean() / np.square((rendered.audio - layer)[span]).mean()
            assert 10 * np.log10(over) == pytest.approx(sample.level_db, abs=0.05)


def test_samples_keep_silent_elsewhere(rendered):
    for sample, layer in zip(QUERY.samples, rendered.layers, strict=True):
        sounding = np.zeros(len(layer), bool)
        for place in sample.places():
            sounding[
                round(place.query_start_s * RATE) - 1 : round(place.query_end_s * RATE) + 1
            ] = 1
        assert not layer[~sounding].any()
    assert len(rendered.audio) == 10 * RATE
    assert np.abs(rendered.audio).max() == pytest.approx(0.89, abs=1e-3)


def test_drums_have_their_level_over_the_host(tracks, soundfont):
    def rest(**changes):
        recipe = replace(QUERY, samples=(LOOP,), **changes)
        query = render_query(recipe, tracks.__getitem__, soundfont)
        return query.rest / np.abs(query.layers[0]).max()

    host, both = rest(drums=""), rest()
    scale = np.dot(both, host) / np.dot(host, host)  # drums and noise are not alike
    drums = both - scale * host
    over = np.square(drums).mean() / np.square(scale * host).mean()
    assert 10 * np.log10(over) == pytest.approx(-3.0, abs=0.3)


@pytest.mark.parametrize(
    ("process", "ratio", "semitones", "expected"),
    [
        ("untouched", 1.0, 0.0, 220.0),
        ("varispeed", 1.189207, 3.0, 261.63),
        ("stretch", 1.25, 0.0, 220.0),
        ("shift", 1.0, 3.0, 261.63),
        ("stretch_shift", 0.8, -5.0, 164.81),
    ],
)
def test_speed_and_pitch_are_those_of_the_recipe(process, ratio, semitones, expected):
    tone = np.sin(2 * np.pi * 220 * np.arange(10 * RATE) / RATE).astype(np.float32)
    sample = replace(LOOP, treatment=Treatment(process, ratio, semitones))
    (heard,) = treated_slices(sample, tone)
    assert len(heard) == pytest.approx(1.5 / ratio * RATE, abs=1)
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard)), 8 * RATE))
    assert np.argmax(spectrum) / 8 == pytest.approx(expected, abs=1.0)


def test_parts_add_up_and_tell_strokes_from_tones(tracks):
    clicks = np.zeros(5 * RATE, np.float32)
    clicks[RATE // 2 :: RATE // 2] = 20.0
    tones = tracks["tones"][: len(clicks)]
    mix = clicks + tones
    percussive, harmonic = (part_of(mix, RATE, part) for part in ("percussive", "harmonic"))
    np.testing.assert_allclose(percussive + harmonic, mix, atol=1e-4)
    for part, own in ((percussive, clicks), (harmonic, tones)):
        inner = slice(RATE // 4, -RATE // 4)
        error = np.square(part[inner] - own[inner]).mean() / np.square(own[inner]).mean()
        assert 10 * np.log10(error) < -5


def test_a_recipe_gives_the_same_sound_twice(rendered, tracks, soundfont):
    again = render_query(QUERY, tracks.__getitem__, soundfont)
    np.testing.assert_array_equal(again.audio, rendered.audio)


def test_the_checksum_is_the_level_of_each_octave():
    time = np.arange(4 * RATE) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 500 * time)).astype(np.float32)
    levels = band_levels(tone, RATE)
    assert levels == (-70.0, -70.0, -70.0, -9.0, -70.0, -70.0, -70.0, -70.0)
    assert difference_db(band_levels(tone * np.float32(1.1), RATE), levels) == pytest.approx(0.8)


def test_a_table_of_recipes_is_read_as_it_was_written(tmp_path):
    queries = [
        replace(QUERY, band_levels_db=(-20.0, -21.5)),
        replace(QUERY, query_id="q2", drums="", samples=(replace(LOOP, sample_id="s3"),)),
    ]
    write_recipes(tmp_path / "recipe.csv", queries)
    assert read_recipes(tmp_path / "recipe.csv") == queries


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("producer", "expert", "line 2: grade is 'expert', expected one of loops, producer"),
        ("10.0,host", "-1,host", "line 2: seconds is -1, expected a number over 0"),
        ("10.0,host", "9.0,host", "line 2: differs|line 3: differs"),
        ("host,1.0", ",1.0", "line 3: differs from the first line of q1, expected the same query"),
        ("boom_bap 2", "boom_bap 9", "line 2: drums 'boom_bap 9"),
        ("boom_bap 2 92.5", "boom_bap 2 9.5", "expected 40 to 220 beats per minute"),
        ("-3.0,,s1", ",,s1", "line 2: drums_level_db is 'nan', expected a number"),
        ("s2,", "s1,", "line 3: sample_id 's1' stands twice, expected unique ids"),
        ("2.000-3.500", "2.000-1.500", "line 2: cuts are '2.000-1.500', expected such as"),
        ("2.000-3.500", "2.000", "line 2: cuts are '2.000', expected such as"),
        ("2.000-3.500", "two-3.500", "line 2: cuts is 'two-3.500', expected a list of numbers"),
        ("1.000;2.500", "1.000;2.000", "ends at 2.500 s, expected at most 2.000 s"),
        ("7.500", "8.500", "ends at 10.300 s, expected at most 10.000 s"),
        ("1.000;2.500", "4.000;2.000", "ends at 5.500 s, expected at most 5.000 s"),
        ("harmonic", "melodic", "line 3: part is 'melodic', expected one of mix, percussive"),
        ("stretch_shift", "stretched", "line 3: process is 'stretched', expected one of untouched"),
        ("stretch_shift", "varispeed", "process varispeed with tempo_ratio 1.25 and pitch"),
        ("stretch_shift", "stretch", "process stretch with tempo_ratio 1.25 and pitch"),
        ("untouched,1.0", "untouched,1.1", "process untouched with tempo_ratio 1.1"),
        ("drive 8", "overdrive 8", "line 3: effect 'overdrive', expected one of"),
    ],
)
def test_a_wrong_recipe_is_refused_in_one_line(tmp_path, old, new, message):
    path = tmp_path / "recipe.csv"
    write_recipes(path, [QUERY])
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(UserError, match=message) as caught:
        read_recipes(path)
    assert "\n" not in str(caught.value)
