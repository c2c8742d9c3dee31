"""Plans deal evenly, drawn recipes stay within their grade and sound, and the committed ones do."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neuralsampleid.composer.bands import OCTAVES_HZ
from neuralsampleid.composer.drawing import (
    GAIN_SPREAD_DB,
    QUERY_S,
    Studio,
    chop,
    draw_query,
    sounding_start,
)
from neuralsampleid.composer.grades import GRADES
from neuralsampleid.composer.plans import QueryPlan, SamplePlan, deal_queries, deal_references
from neuralsampleid.composer.queries import RATE, render_query
from neuralsampleid.composer.recipes import read_recipes, write_recipes
from neuralsampleid.composer.soundfont import write_soundfont

CONFIG = Path(__file__).parents[2] / "config"
TRACKS = [f"t{number:02d}" for number in range(40)]
HOSTS = [f"h{number}" for number in range(7)]


@pytest.fixture(scope="module")
def committed():
    return read_recipes(CONFIG / "free_music_recipe.csv")


def check_grade(recipes):
    """Every value of the recipes is within the ranges of their grades."""
    for recipe in recipes:
        grade = GRADES[recipe.grade]
        assert QUERY_S[0] <= recipe.seconds <= QUERY_S[1]
        for sample in recipe.samples:
            change = sample.treatment
            starts, ends = zip(*sample.cuts, strict=True)
            excerpt_s = max(ends) - min(starts)
            assert grade.level_db[0] <= sample.level_db <= grade.level_db[1]
            assert grade.passes[0] <= len(sample.starts) <= grade.passes[1]
            assert grade.tempo[0] <= change.tempo_ratio <= grade.tempo[1]
            assert abs(change.semitones) <= grade.semitones
            assert grade.excerpt_s[0] - 0.01 <= excerpt_s <= grade.excerpt_s[1] + 0.01
            if grade.whole:
                assert change.semitones == round(change.semitones)
            if len(sample.cuts) > 1:
                assert grade.slices[0] <= len(sample.cuts) <= grade.slices[1]
                assert starts != tuple(sorted(starts))
                for start, end in sample.cuts:
                    assert min(end - start, (end - start) / change.tempo_ratio) >= grade.slice_s


def test_each_grade_samples_another_half_and_none_a_quarter():
    halves = deal_references(np.random.default_rng(0), TRACKS)
    assert {grade: len(set(half)) for grade, half in halves.items()} == dict.fromkeys(GRADES, 20)
    times = Counter(Counter(track for half in halves.values() for track in half).values())
    assert times == {2: 30}


@pytest.mark.parametrize("grade", GRADES)
def test_what_must_be_even_is_dealt_evenly(grade):
    plans = deal_queries(np.random.default_rng(0), "test", grade, 60, TRACKS[:20], HOSTS)
    samples = [sample for plan in plans for sample in plan.samples]
    assert Counter(len(plan.samples) for plan in plans) == {1: 45, 2: 15}
    assert Counter((bool(plan.host), plan.with_drums) for plan in plans) == {
        (True, False): 30, (True, True): 18, (False, True): 12
    }  # fmt: skip
    for names in ([s.reference_id for s in samples], [p.host for p in plans if p.host]):
        times = Counter(names).values()
        assert max(times) - min(times) <= 1
    for plan in plans:
        assert len({sample.reference_id for sample in plan.samples}) == len(plan.samples)
    parts, third = Counter(sample.part for sample in samples), sum(s.chopped for s in samples)
    expected = (75, 0) if grade == "loops" else (45, 25)
    assert (parts["mix"], third) == expected
    assert parts["percussive"] == parts["harmonic"]
    assert len({sample.sample_id for sample in samples}) == 75


@pytest.mark.parametrize("grade", GRADES)
def test_drawn_queries_keep_to_their_grade_and_sound(grade, tmp_path):
    rng = np.random.default_rng(1)
    pulse = np.tile(np.exp(-np.arange(RATE // 4) / 2000), 4 * 90)
    tracks = {
        name: (0.1 * pulse * rng.standard_normal(len(pulse))
               + 0.05 * np.sin(2 * np.pi * hertz / RATE * np.arange(len(pulse)))).astype(np.float32)
        for name, hertz in (("a", 220), ("b", 330), ("h", 110))
    }  # fmt: skip
    studio = Studio(tracks.__getitem__, write_soundfont(tmp_path / "general_midi.sf2"))
    samples = (
        SamplePlan("s1", "a", "mix", False),
        SamplePlan("s2", "b", "percussive", grade != "loops"),
    )
    plan = QueryPlan("q", "test", grade, "h", True, samples)
    recipe, again = (draw_query(np.random.default_rng(2), plan, studio) for _ in range(2))
    assert recipe == again
    assert recipe is not None
    check_grade([recipe])
    write_recipes(tmp_path / "recipe.csv", [recipe])
    assert read_recipes(tmp_path / "recipe.csv") == [recipe]
    for gains in render_query(recipe, tracks.__getitem__, studio.soundfont).gains:
        spread = 20 * np.log10(np.array(gains) / np.median(gains))
        assert np.abs(spread).max() <= GAIN_SPREAD_DB


def test_silence_is_not_sampled():
    audio = np.zeros(30 * RATE, np.float32)
    audio[10 * RATE : 20 * RATE] = 0.1
    starts = [sounding_start(np.random.default_rng(n), audio, 5.0) for n in range(50)]
    assert min(starts) >= 9.3  # at most a tenth may be silent
    assert max(starts) <= 15.7
    assert sounding_start(np.random.default_rng(0), audio, 12.0) is None
    assert sounding_start(np.random.default_rng(0), audio, 40.0) is None


@pytest.mark.parametrize("ratio", [0.7, 1.0, 1.45])
def test_slices_are_those_of_the_excerpt_in_another_order(ratio):
    for seed in range(30):
        cuts = chop(np.random.default_rng(seed), GRADES["producer"], 10.0, 1.5, ratio)
        ordered = sorted(cuts)
        assert [end for _, end in ordered[:-1]] == [start for start, _ in ordered[1:]]
        assert (ordered[0][0], ordered[-1][1]) == (10.0, 11.5)
        assert all(one[1] != other[0] for one, other in pairwise(cuts))
        assert min(end - start for start, end in cuts) >= 0.25 * max(1, ratio)


def test_the_committed_recipes_keep_to_their_grades(committed):
    check_grade(committed)
    assert all(len(recipe.band_levels_db) == len(OCTAVES_HZ) for recipe in committed)


@pytest.mark.parametrize("grade", GRADES)
@pytest.mark.parametrize(("split", "fewest"), [("test", 100), ("validation", 50), ("fitting", 50)])
def test_the_committed_recipes_are_as_many_as_they_should_be(committed, split, grade, fewest):
    own = [recipe for recipe in committed if (recipe.split, recipe.grade) == (split, grade)]
    samples = [sample for recipe in own for sample in recipe.samples]
    assert len(own) >= fewest
    assert len(samples) / len(own) == pytest.approx(1.25, abs=0.05)
    kinds = Counter((bool(recipe.host), bool(recipe.drums)) for recipe in own)
    assert all(kinds[kind] >= 0.1 * len(own) for kind in [(1, 0), (0, 1), (1, 1)])
    separated, chopped = GRADES[grade].separated, GRADES[grade].chopped
    assert sum(len(sample.cuts) > 1 for sample in samples) / len(samples) == pytest.approx(
        chopped, abs=0.05
    )
    for part in ("percussive", "harmonic"):
        share = sum(sample.part == part for sample in samples) / len(samples)
        assert share == pytest.approx(separated, abs=0.06)


def test_the_committed_recipes_use_tracks_of_their_split_and_part(committed):
    tracks = pd.read_csv(CONFIG / "free_music.csv", index_col="track_id")
    places = {name: (row.split, row.part) for name, row in tracks.iterrows()}
    lengths = tracks["duration_s"]
    for recipe in committed:
        for sample in recipe.samples:
            assert places[sample.reference_id] == (recipe.split, "catalogue")
            assert max(end for _, end in sample.cuts) <= lengths[sample.reference_id]
        if recipe.host:
            assert places[recipe.host] == (recipe.split, "host")
            assert recipe.host_start_s + recipe.seconds <= lengths[recipe.host]


@pytest.mark.parametrize("grade", GRADES)
def test_about_half_of_the_test_catalogue_is_never_sampled_in_a_grade(committed, grade):
    tracks = pd.read_csv(CONFIG / "free_music.csv")
    catalogue = tracks[(tracks["split"] == "test") & (tracks["part"] == "catalogue")]
    used = {
        sample.reference_id
        for recipe in committed
        if (recipe.split, recipe.grade) == ("test", grade)
        for sample in recipe.samples
    }
    assert len(used) / len(catalogue) == pytest.approx(0.5, abs=0.08)
