"""Pairs depend on their index alone, share the sampled part, and read windows only."""

import itertools
from typing import Any

import numpy as np
import pytest

from helpers.paper import paper_augmentation, paper_pairs
from helpers.songs import RATE, SMALL_LOG_MEL, packed, packed_songs, small_training, song_stems
from neuralsampleid.audio.front_ends import segment_samples
from neuralsampleid.config import Augmentation, Pairs
from neuralsampleid.training.packs import PackedStems
from neuralsampleid.training.pairs import PairGeometry, PairSource, RawPair, sounding_sources

SEGMENT = segment_samples(SMALL_LOG_MEL)


def source(
    stems: PackedStems | None = None,
    tracks: list[int] | None = None,
    pairs: Pairs | None = None,
    augmentation: Augmentation | None = None,
    seed: int = 1,
) -> PairSource:
    stems = stems or packed_songs(6, 2.0)
    training = small_training(
        pairs=pairs or paper_pairs(jitter_s=0.1), augmentation=augmentation or paper_augmentation()
    )
    tracks = list(range(len(stems.tracks))) if tracks is None else tracks
    return PairSource(stems, tracks, SMALL_LOG_MEL, training, seed, 100)


def same(first: RawPair, second: RawPair) -> bool:
    return all(
        np.array_equal(getattr(first, name), getattr(second, name))
        for name in ("sampled", "rest", "reference")
    ) and str(first.changes) == str(second.changes)


def places_in(audio: np.ndarray, whole: np.ndarray) -> list[int]:
    """Where ``audio`` stands, sample by sample, in ``whole``."""
    probe = audio[:32]
    windows = np.lib.stride_tricks.sliding_window_view(whole, 32)
    found = np.flatnonzero(np.abs(windows - probe).max(axis=1) < 1e-6)
    return [
        int(place)
        for place in found
        if place + len(audio) <= len(whole)
        and np.allclose(whole[place : place + len(audio)], audio, atol=1e-6)
    ]


def test_an_item_depends_on_its_index_and_the_seed_alone():
    ordered, shuffled = source(), source()
    expected = [ordered[index] for index in range(12)]
    for index in np.random.default_rng(0).permutation(12):
        assert same(shuffled[int(index)], expected[index])
    assert not same(expected[0], expected[6])
    assert not same(source(seed=2)[0], expected[0])


def constant_songs(levels: list[int], samples: int = 3 * SEGMENT) -> PackedStems:
    """Track i has the constant sample value levels[i] in all stems."""
    return packed([np.full((samples, 4), level, np.int16) for level in levels])


def test_a_turn_holds_every_track_once():
    levels = [1000, 2000, 3000, 4000, 5000]
    pairs = source(constant_songs(levels), tracks=[0, 1, 3, 4])
    # Vocals and drums are one stem's level, bass and other two: three quarters or half are sampled.
    drawn = [float((pairs[i].sampled + pairs[i].rest).mean() * 32768 / 4) for i in range(12)]
    turns = [sorted(round(level) for level in drawn[first : first + 4]) for first in (0, 4, 8)]
    assert turns == [[1000, 2000, 4000, 5000]] * 3
    assert drawn[:4] != drawn[4:8] or drawn[4:8] != drawn[8:]


@pytest.mark.parametrize("index", range(4))
def test_the_reference_is_the_middle_of_the_sampled_part(index: int):
    pairs = source()
    pair = pairs[index]
    assert pair.reference.shape == (SEGMENT,)
    assert pair.sampled.shape == pair.rest.shape == (pairs.geometry.window,)
    middle = (pairs.geometry.window - SEGMENT) // 2
    places = places_in(pair.reference, pair.sampled)
    assert len(places) == 1
    assert abs(places[0] - middle) <= round(0.1 * RATE)


def test_the_views_lie_apart_by_up_to_the_jitter():
    pairs = source(pairs=paper_pairs(jitter_s=0.1))
    middle = (pairs.geometry.window - SEGMENT) // 2
    shifts = {
        places_in(pairs[index].reference, pairs[index].sampled)[0] - middle for index in range(20)
    }
    assert len(shifts) > 10
    assert max(map(abs, shifts)) > 400
    still = source(pairs=paper_pairs(jitter_s=0.0))
    assert places_in(still[0].reference, still[0].sampled) == [
        (still.geometry.window - SEGMENT) // 2
    ]


def numbered() -> PackedStems:
    """Three tracks; stems of powers of two tell which of them are in a sum."""
    return packed([np.tile(np.array([1, 2, 4, 8], np.int16) * 512, (3 * SEGMENT, 1))] * 3)


def test_all_but_one_source_is_sampled_and_that_one_is_the_rest():
    pairs = source(numbered())
    vocals, drums, tonal = 1, 2, 12
    seen = set()
    for index in range(30):
        pair = pairs[index]
        rest = round(float(pair.rest.mean()) * 64)
        assert round(float(pair.sampled.mean()) * 64) == 15 - rest
        seen.add(rest)
    assert seen == {vocals, drums, tonal}


def test_a_beat_is_drums_alone_and_a_riff_holds_the_accompaniment():
    chosen = paper_pairs(sampled="beat_or_riff", rest="other_song", jitter_s=0.1)
    pairs = source(numbered(), pairs=chosen)
    seen = [round(float(pairs[index].sampled.mean()) * 64) for index in range(100)]
    drums, tonal = 2, 12
    assert set(seen) == {drums, tonal, tonal + 1, tonal + drums, 15}
    assert 35 <= seen.count(drums) <= 65


def test_the_whole_mix_is_sampled_a_third_of_the_time():
    chosen = paper_pairs(sampled="mix_beat_or_riff", rest="other_song", jitter_s=0.1)
    pairs = source(numbered(), pairs=chosen)
    seen = [round(float(pairs[index].sampled.mean()) * 64) for index in range(200)]
    drums, mix = 2, 15
    assert 48 <= seen.count(drums) <= 86  # a third
    assert 63 <= seen.count(mix) <= 104  # a third, and a quarter of the riffs


TONES = (500, 1000, 2000)  # Hz, of vocals, drums, and bass and other


def tones() -> PackedStems:
    """Three tracks in which each source is a tone of its own."""
    time = np.arange(3 * SEGMENT) / RATE
    stems = [np.sin(2 * np.pi * tone * time) for tone in (*TONES, TONES[2])]
    return packed([(2000 * np.stack(stems, axis=1)).astype(np.int16)] * 3)


def sources_in(audio: np.ndarray) -> set[int]:
    """Which sources of ``tones`` sound in a view."""
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) / len(audio)
    bins = [round(tone * len(audio) / RATE) for tone in TONES]
    return {place for place, at in enumerate(bins) if spectrum[at] > 0.002}


def test_new_material_is_what_the_sample_lacks():
    """Drums get no other drums over them, which would drown what is to be recognised."""
    chosen = paper_pairs(sampled="beat_or_riff", rest="other_song", jitter_s=0.1)
    pairs = source(tones(), pairs=chosen)
    for index in range(40):
        sampled = sources_in(pairs[index].sampled)
        rest = sources_in(pairs[index].rest)
        assert rest
        if sampled == {0, 1, 2}:
            assert 2 not in rest  # a full mix gets vocals or drums
        else:
            assert not sampled & rest


def test_new_material_may_be_a_whole_mix():
    """Half of the time, whatever the sample holds."""
    chosen = paper_pairs(sampled="mix_beat_or_riff", rest="other_song_or_mix", jitter_s=0.0)
    pairs = source(tones(), pairs=chosen)
    whole = [sources_in(pairs[index].rest) == {0, 1, 2} for index in range(60)]
    assert 18 <= sum(whole) <= 42


def test_silent_sources_are_left_out():
    block = song_stems(0, 2.0)
    block[:, 0] //= 200  # vocals, which are heard, now lie below −50 dB
    assert 0 < np.abs(block[:, 0]).max() < 100
    pairs = source(
        packed([block] * 3), pairs=paper_pairs(sampled="beat_or_riff", rest="other_song")
    )
    drums, tonal = (block[:, part].sum(axis=1) / 32768 for part in ([1], [2, 3]))
    for index in range(8):
        views = [places_in(pairs[index].reference, part) for part in (drums, tonal, drums + tonal)]
        assert any(views)


def test_levels_that_count_as_sounding():
    sources = np.stack([np.full(100, level, np.float32) for level in (0.1, 0.0031, 0.0033)])
    assert sounding_sources(sources, -50.0) == [0, 2]
    assert sounding_sources(np.zeros((3, 100), np.float32), -50.0) == []


def test_a_silent_song_gives_finite_pairs():
    silent = packed([np.zeros((3 * SEGMENT, 4), np.int16)] * 3)
    for rest in ("same_song", "other_song"):
        pair = source(silent, pairs=paper_pairs(rest=rest))[0]
        assert not pair.sampled.any()
        assert not pair.rest.any()


def test_the_rest_of_another_song_has_the_sampled_level():
    pairs = source(pairs=paper_pairs(sampled="beat_or_riff", rest="other_song", jitter_s=0.1))
    for index in range(10):
        pair = pairs[index]
        assert np.square(pair.rest).mean() == pytest.approx(
            np.square(pair.sampled).mean(), rel=1e-3
        )
    alone = source(tracks=[2], pairs=paper_pairs(rest="other_song"))
    assert alone[0].rest.any()  # one track only: its own other moments


def test_what_the_reference_holds():
    def wholes(holds: str) -> list[bool]:
        pairs = source(numbered(), pairs=paper_pairs(reference=holds, jitter_s=0.1))
        return [round(float(pairs[index].reference.mean()) * 64) == 15 for index in range(40)]

    assert not any(wholes("sampled"))
    assert all(wholes("mix"))
    assert 8 < sum(wholes("either")) < 32


class CountingAudio:
    """Counts the samples that are read."""

    def __init__(self, audio: np.ndarray) -> None:
        self.audio = audio
        self.read = 0

    def __getitem__(self, part: slice) -> Any:
        self.read += part.stop - part.start
        return self.audio[part]


def test_only_windows_are_read():
    stems = packed_songs(3, 60.0)
    counting = CountingAudio(stems.audio[0])
    pairs = source(PackedStems((counting,), stems.tracks, RATE))  # type: ignore[arg-type]
    for index in range(5):
        pairs[index]
    assert counting.read == 5 * pairs.geometry.window
    assert pairs.geometry.window < 2 * RATE


def test_windows_come_from_everywhere_in_a_song():
    ramp = np.arange(8 * SEGMENT) // 8
    pairs = source(packed([np.tile(ramp[:, None], (1, 4)).astype(np.int16)] * 3))
    starts = [
        float((pairs[index].sampled + pairs[index].rest)[0]) * 32768 / 4 * 8 for index in range(60)
    ]
    latest = 8 * SEGMENT - pairs.geometry.window
    assert min(starts) < 0.1 * latest
    assert 0.9 * latest < max(starts) <= latest


@pytest.mark.parametrize("change", ["none", "pitch", "tempo", "varispeed", "both", "frames"])
def test_the_window_holds_what_the_fastest_query_reads(change: str):
    training = small_training(
        augmentation=paper_augmentation(changes=[change]), pairs=paper_pairs(jitter_s=0.0)
    )
    geometry = PairGeometry.of(SMALL_LOG_MEL, training)
    hop = SMALL_LOG_MEL.hop_length
    assert geometry.window % (2 * hop) == 0
    fastest = 1.5 if change in ("tempo", "varispeed", "both") else 1.0
    assert geometry.window >= SEGMENT * fastest + (0.5 * RATE if change == "frames" else 0)
    assert geometry.window <= SEGMENT * fastest + 4 * hop + (RATE if change == "frames" else 0)


def test_a_curriculum_grows():
    augmentation = paper_augmentation(
        changes=["pitch"], curriculum=0.5, gain_db_min=0.0, gain_db_max=0.0
    )
    pairs = source(augmentation=augmentation)
    gains = [pairs[index].changes.gain_db for index in (0, 25, 49, 50, 99)]
    assert all(earlier > later for earlier, later in itertools.pairwise(gains[:4]))
    assert gains[3] == gains[4] == 0.0
