"""Music theory, rhythm and the table of styles."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralsampleid.composer.accompaniment import BASS_RANGE, write_bass, write_chords
from neuralsampleid.composer.compose import STEMS, compose
from neuralsampleid.composer.drums import DRUM_KEYS
from neuralsampleid.composer.form import MAX_TEMPO, MIN_TEMPO, Bar, draw_form, draw_sketch
from neuralsampleid.composer.melody import write_melody
from neuralsampleid.composer.rhythm import swung
from neuralsampleid.composer.styles import STYLES, styles_at
from neuralsampleid.composer.theory import (
    SCALES,
    Chord,
    nearest_pitch,
    parse_chord,
    parse_progression,
    scale_pitches,
    voice_chord,
)

chords = st.builds(
    parse_chord,
    st.sampled_from(
        ["I", "ii7", "iii7", "IVmaj9", "V13", "vi7b5", "bVII7", "#ivdim", "V7b9", "I5"]
    ),
    st.integers(0, 11),
)
seeds = st.integers(0, 2**16)


@pytest.mark.parametrize(
    ("symbol", "tonic", "classes"),
    [
        ("I", 0, (0, 4, 7)),
        ("ii7", 0, (2, 5, 9, 0)),
        ("V7", 7, (2, 6, 9, 0)),
        ("bVII", 0, (10, 2, 5)),
        ("i9", 9, (9, 0, 4, 7, 11)),
    ],
)
def test_numerals_mean_chords(symbol, tonic, classes):
    assert parse_chord(symbol, tonic).pitch_classes == classes


def test_nonsense_is_no_chord():
    with pytest.raises(ValueError, match="Roman numeral"):
        parse_chord("H7", 0)


def test_a_comma_splits_a_bar():
    bars = parse_progression("I ii7,V7", 0)
    assert [(first.root, second.root) for first, second in bars] == [(0, 0), (2, 7)]


@given(st.integers(0, 11), st.floats(20, 100))
def test_nearest_pitch_is_at_most_half_an_octave_away(pitch_class, target):
    pitch = nearest_pitch(pitch_class, target)
    assert pitch % 12 == pitch_class
    assert abs(pitch - target) <= 6


@given(chords, chords, st.floats(56, 70), st.integers(3, 4))
def test_voicings_hold_the_chord_and_move_little(first, second, centre, notes):
    before = voice_chord(first, (), centre, notes)
    after = voice_chord(second, before, centre, notes)
    assert {pitch % 12 for pitch in after} == set(second.pitch_classes[-notes:])
    assert list(after) == sorted(set(after))
    assert after[-1] - after[0] < 24
    assert all(min(abs(pitch - other) for other in before) <= 7 for pitch in after)


@given(chords, st.integers(-12, 12))
def test_transposing_back_restores_a_chord(chord, semitones):
    assert chord.transposed(semitones).transposed(-semitones) == chord


@given(st.integers(0, 11), st.sampled_from(sorted(SCALES)))
def test_scales_repeat_in_octaves(tonic, mode):
    pitches = scale_pitches(tonic, SCALES[mode], 36, 59)
    assert {pitch + 12 for pitch in pitches if pitch < 48} == {p for p in pitches if p >= 48}


@given(st.floats(0, 1), st.sampled_from([1, 2]), st.integers(0, 400))
def test_swing_keeps_order_and_beats(swing, steps, start):
    beats = start + np.arange(0, 8, 0.25)
    moved = swung(beats, swing, steps)
    assert (np.diff(moved) > 0).all()
    np.testing.assert_allclose(moved[::4], beats[::4])
    assert (moved >= beats - 1e-9).all()


@given(seeds)
def test_bass_plays_the_root_when_the_harmony_comes(seed):
    rng = np.random.default_rng(seed)
    style = STYLES[seed % len(STYLES)]
    bars = [
        Bar("verse", (Chord(int(root), (0, 4, 7)),) * 2, frozenset({"bass"}), 1.0)
        for root in rng.integers(12, size=8)
    ]
    events = write_bass(rng, style, bars)
    assert all(BASS_RANGE[0] <= event.pitch <= BASS_RANGE[1] for event in events)
    downbeats = [event for event in events if event.beat % 4 == 0]
    assert all(event.pitch % 12 == bars[int(event.beat // 4)].chords[0].root for event in downbeats)


@given(seeds)
def test_comping_plays_only_notes_of_the_chord(seed):
    rng = np.random.default_rng(seed)
    sketch = draw_sketch(rng)
    bars = draw_form(rng, sketch, 12)
    for event in write_chords(rng, bars, "comp", sketch.style.comping[0].patterns):
        half = int(event.beat // 2)
        assert event.pitch % 12 in bars[half // 2].chords[half % 2].pitch_classes


@given(seeds)
def test_melodies_keep_to_the_key_or_the_chord(seed):
    rng = np.random.default_rng(seed)
    sketch = draw_sketch(rng)
    bars = draw_form(rng, sketch, 12)
    scale = {(sketch.tonic + step) % 12 for step in SCALES[sketch.mode]}
    for event in write_melody(rng, sketch, bars):
        half = int(event.beat // 2)
        allowed = scale | set(bars[half // 2].chords[half % 2].pitch_classes)
        assert event.pitch % 12 in allowed
        assert 48 <= event.pitch <= 88


def test_styles_are_distinct_and_cover_all_tempi():
    assert len(STYLES) >= 8
    assert len({style.name for style in STYLES}) == len(STYLES)
    for one in STYLES:
        for other in STYLES:
            if one is not other:
                assert one.grooves != other.grooves
                assert one.bass != other.bass
                assert one.comping != other.comping
    for tempo in np.linspace(MIN_TEMPO, MAX_TEMPO, 81):
        assert styles_at(float(tempo))


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_a_style_is_written_as_the_grammar_says(style):
    for groove in style.grooves:
        assert set(groove) <= set(DRUM_KEYS)
        assert all(re.fullmatch(r"([Xxo.]{16}){1,2}", pattern) for pattern in groove.values())
    assert all(re.fullmatch(r"[Rr83567aw.-]{16}", pattern) for pattern in style.bass)
    for comping in style.comping:
        assert all(re.fullmatch(r"[Xxo1-4.-]{16}", pattern) for pattern in comping.patterns)
    for mode, texts in style.progressions.items():
        assert mode in SCALES
        assert all(parse_progression(text, 0) for text in texts)
    assert MIN_TEMPO <= style.tempo[0] < style.tempo[1] <= MAX_TEMPO


@given(seeds)
def test_songs_have_parts_for_all_stems_and_changing_sections(seed):
    song = compose(np.random.default_rng(seed), 60.0)
    assert {part.stem for part in song.parts if len(part.notes)} == set(STEMS)
    assert len({bar.section for bar in song.bars}) >= 3
    for part in song.parts:
        assert (part.notes[:, 0] >= 0).all()
        assert (part.notes[:, 1] > 0).all()
        assert ((part.notes[:, 3] > 0) & (part.notes[:, 3] <= 1)).all()


def test_the_same_seed_composes_the_same_song():
    one, two, other = (compose(np.random.default_rng(seed), 40.0) for seed in (5, 5, 6))
    assert one.sketch == two.sketch
    for part, same in zip(one.parts, two.parts, strict=True):
        np.testing.assert_array_equal(part.notes, same.notes)
    assert one.sketch != other.sketch
