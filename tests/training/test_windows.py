"""Pairs of windows depend on their index alone and hold what was drawn; batches mix them."""

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.changes import only
from helpers.songs import SMALL_CONSTANT_Q, packed_levels, small_window_training
from neuralsampleid.config import WindowChanges
from neuralsampleid.training.level_packs import Levels, PackedLevels, powers
from neuralsampleid.training.windows import WindowBatch, WindowCollator, WindowPair, WindowSource

BINS, FRAMES = SMALL_CONSTANT_Q.bins, 32
RATE = SMALL_CONSTANT_Q.sample_rate / SMALL_CONSTANT_Q.hop_length  # frames per second


def levels_of(tracks: list[np.ndarray]) -> PackedLevels:
    """Codes (frames, sources, bins) of each track."""
    frames = [len(track) for track in tracks]
    table = pd.DataFrame(
        {
            "track_id": [f"song_{place}" for place in range(len(tracks))],
            "first": np.concatenate([[0], np.cumsum(frames)[:-1]]),
            "frames": frames,
            "shard": 0,
            "sha256": "",
        }
    )
    return PackedLevels((np.concatenate(tracks).astype(np.uint8),), table)


def source(
    packed: PackedLevels | None = None,
    changes: WindowChanges | None = None,
    tracks: list[int] | None = None,
    seed: int = 1,
) -> WindowSource:
    packed = packed or packed_levels(4, 3.0)
    tracks = list(range(len(packed.tracks))) if tracks is None else tracks
    training = small_window_training(changes=changes or WindowChanges())
    return WindowSource(packed, tracks, SMALL_CONSTANT_Q, FRAMES, training, seed, 100)


def same(first: WindowPair, second: WindowPair) -> bool:
    return all(
        np.array_equal(np.array(ours), np.array(theirs))
        for ours, theirs in zip(vars(first).values(), vars(second).values(), strict=True)
    )


def counting(frames: int, period: int = BINS) -> np.ndarray:
    """Codes of a track whose frame t has bin t modulo the period only, in one of its sources."""
    track = np.zeros((frames, 3, BINS), np.uint8)
    track[np.arange(frames), 1, np.arange(frames) % period] = 215
    return track


def test_an_item_depends_on_its_index_and_the_seed_alone():
    ordered, shuffled = source(), source()
    assert len(ordered) == 100
    expected = [ordered[index] for index in range(12)]
    for index in np.random.default_rng(0).permutation(12):
        assert same(shuffled[int(index)], expected[index])
    assert not same(expected[0], expected[4])
    assert not same(source(seed=2)[0], expected[0])


def test_views_are_powers_of_a_window():
    pairs = source()
    for index in range(8):
        pair = pairs[index]
        for view in (pair.reference, pair.sampled):
            assert view.shape == (BINS, FRAMES)
            assert view.dtype == np.float32
            assert (view >= 0).all()
            assert view.any()


def test_a_turn_holds_every_track_once():
    pairs = source(tracks=[0, 1, 3])
    drawn = [pairs[index].track for index in range(18)]
    turns = [drawn[first : first + 3] for first in range(0, 18, 3)]
    assert all(sorted(turn) == [0, 1, 3] for turn in turns)
    assert len({tuple(turn) for turn in turns}) > 1


def test_the_track_is_the_one_that_is_named():
    periods = (3, 7, 13)
    pairs = source(levels_of([counting(200, period) for period in periods]), only())
    for index in range(9):
        pair = pairs[index]
        for view in (pair.reference, pair.sampled):
            assert int(view.any(axis=1).sum()) == periods[pair.track]


def test_an_unchanged_view_is_a_window_of_the_track():
    packed = packed_levels(2, 3.0)
    pairs = source(packed, only())
    places = set()
    for index in range(6):
        pair = pairs[index]
        whole = packed.part(pair.track, -FRAMES // 2, packed.frames(pair.track) + FRAMES)
        track = powers()[whole].sum(axis=1).T
        windows = np.lib.stride_tricks.sliding_window_view(track, FRAMES, axis=1)
        scaled = windows / windows.mean(axis=(0, 2))[:, None]
        place = int(np.abs(scaled - pair.sampled[:, None]).max(axis=(0, 2)).argmin())
        places.add(place)
        np.testing.assert_allclose(pair.sampled, scaled[:, place], rtol=1e-4, atol=1e-7)
        # The reference has an equaliser of ±4 dB, the same in all frames.
        window = windows[:, place]
        heard = (window > 0).all(axis=1)
        assert heard.any()
        gains = pair.reference[heard] / window[heard]
        np.testing.assert_allclose(gains, np.tile(gains[:, :1], (1, FRAMES)), rtol=1e-4)
        assert np.abs(10 * np.log10(gains)).max() <= 4 + 1e-3
        assert gains.std() > 0.01
    assert len(places) == 6


def test_a_sample_has_a_mean_power_of_1_while_it_sounds():
    pairs = source(changes=only(cut=1.0, parts=0.5, compressed=0.5, tempo=1.13, equaliser_db=10.0))
    lengths = set()
    for index in range(20):
        pair = pairs[index]
        start, end = pair.sounds
        assert 0 <= start < end <= FRAMES
        lengths.add(end - start)
        assert pair.sampled[:, start:end].mean() == pytest.approx(1.0, rel=1e-4)
        assert not pair.sampled[:, :start].any()
        assert not pair.sampled[:, end:].any()
        assert pair.reference.any(axis=0).sum() >= 2 * FRAMES // 3  # not cut
    assert len(lengths) > 5


def test_reverberation_is_part_of_a_samples_power():
    pairs = source(changes=only(cut=1.0, reverberated=1.0))
    for index in range(10):
        pair = pairs[index]
        start, end = pair.sounds
        assert pair.sampled.sum() / (BINS * (end - start)) == pytest.approx(1.0, rel=1e-4)
        assert not pair.sampled[:, :start].any()
        assert end == FRAMES or pair.sampled[:, end:].any()


def loudest_bins(view: np.ndarray) -> np.ndarray:
    """Of a ``counting`` track, in each frame; −1 where nothing is heard."""
    return np.where(view.max(axis=0) > 0.2 * view.max(), view.argmax(axis=0), -1)


def test_the_views_lie_apart_by_up_to_the_jitter():
    def shifts(jitter_s: float) -> list[int]:
        pairs = source(levels_of([counting(1000)] * 3), only(jitter_s=jitter_s))
        middles = [
            [int(view[:, FRAMES // 2].argmax()) for view in (pair.sampled, pair.reference)]
            for pair in (pairs[index] for index in range(60))
        ]
        return [(query - own + BINS // 2) % BINS - BINS // 2 for query, own in middles]

    largest = 0.26 * RATE
    found = shifts(0.26)
    assert max(map(abs, found)) <= largest + 0.5
    assert max(found) > 0.7 * largest
    assert min(found) < -0.7 * largest
    assert set(shifts(0.0)) == {0}


def test_both_views_may_be_transposed_and_stretched_alike():
    packed = levels_of([counting(1000)] * 3)
    changed = source(packed, only(both_semitones=6.0, both_tempo=1.22))
    stretched = source(packed, only(both_tempo=1.22))
    speeds, transpositions = [], []
    for index in range(40):
        pair = changed[index]
        np.testing.assert_array_equal(pair.reference > 0, pair.sampled > 0)
        before, after = loudest_bins(stretched[index].sampled), loudest_bins(pair.sampled)
        first, *_, last = np.flatnonzero(before >= 0)
        speeds.append((before[last] - before[first]) % BINS / (last - first))
        heard = (before >= 0) & (after >= 0)
        moved = (after - before)[heard]
        transpositions.append(float(np.median(moved)))
        # Between two frames there are two loud bins, and either may be the louder one.
        assert (np.abs(moved - transpositions[-1]) <= 1).mean() > 0.8
    assert min(speeds) == pytest.approx(1 / 1.22, abs=0.08)
    assert max(speeds) == pytest.approx(1.22, abs=0.08)
    assert min(transpositions) == pytest.approx(-6, abs=1)
    assert max(transpositions) == pytest.approx(6, abs=1)


class Endless(PackedLevels):
    """A track that goes on forever on either side of what it says."""

    def part(self, track: int, start: int, frames: int) -> Levels:
        return np.full((frames, 3, BINS), 215, np.uint8)


@pytest.mark.parametrize(
    "changes",
    [only(tempo=1.5, both_tempo=1.6), only(jitter_s=0.5), only(tempo=1.3, jitter_s=0.3)],
)
def test_the_fastest_view_finds_all_that_it_reads(changes: WindowChanges):
    plain = levels_of([np.full((500, 3, BINS), 215)] * 3)
    pairs = source(Endless(plain.levels, plain.tracks), changes)
    for index in range(100):
        assert pairs[index].sampled.all()
        assert pairs[index].reference.all()


def test_windows_come_from_everywhere_in_a_song():
    frames = 254
    track = np.zeros((frames, 3, BINS), np.uint8)
    track[:, 0] = np.arange(1, frames + 1)[:, None]
    pairs = source(levels_of([track] * 3), only())
    middles = []
    for index in range(100):
        # A view's middle, by its power beside the equaliser's.
        code = np.log10(pairs[index].reference[:, FRAMES // 2].mean()) * 10 / 0.5 + 215
        middles.append(code - 1)
    assert min(middles) < 0.15 * frames
    assert max(middles) > 0.85 * frames
    # The middle is at least a third of a window away from either end, up to the equaliser.
    assert min(middles) >= FRAMES // 3 - 8
    assert max(middles) <= frames - FRAMES // 3 + 8


def test_a_song_shorter_than_a_window_is_read_where_there_is_something():
    pairs = source(levels_of([np.full((12, 3, BINS), 215)] * 3), only())
    for index in range(10):
        assert 8 <= int(pairs[index].reference.any(axis=0).sum()) <= 12


def test_sources_that_are_silent_here_are_not_sampled_alone():
    track = np.zeros((400, 3, BINS), np.uint8)
    for place in range(3):
        track[:, place, 10 * (place + 1)] = 215
    track[:200, 0] = 0  # vocals come in late
    pairs = source(levels_of([track] * 3), only(parts=1.0))
    seen = set()
    for index in range(60):
        pair = pairs[index]
        loud = np.flatnonzero(pair.sampled.any(axis=1))
        assert len(loud) == 1
        assert pair.reference[loud[0]].any()
        seen.add(int(loud[0]))
    assert seen == {10, 20, 30}
    early = source(levels_of([track[:200]] * 3), only(parts=1.0))
    sampled = {int(early[index].sampled.any(axis=1).argmax()) for index in range(30)}
    assert sampled == {20, 30}


def test_a_silent_song_gives_finite_pairs():
    pairs = source(levels_of([np.zeros((200, 3, BINS))] * 3))
    for index in range(10):
        assert not pairs[index].sampled.any()
        assert not pairs[index].reference.any()


COLLATOR = WindowCollator((4, 8), 16)


def pair_of(
    power: float,
    track: int = 0,
    sounds: tuple[int, int] = (0, FRAMES),
    gain_db: float = 0.0,
    alone: bool = False,
    noise: float = 0.0,
) -> WindowPair:
    """A pair whose sample has the same power everywhere, and its reference a hundred times it."""
    view = np.full((2, FRAMES), power, np.float32)
    return WindowPair(track, 100 * view, view, sounds, gain_db, alone, noise)


def queried(batch: WindowBatch) -> list[float]:
    """The power of each query, which is the same everywhere."""
    power = batch.queries.square()
    torch.testing.assert_close(power, power[:, :1, :1].expand_as(power))
    return power[:, 0, 0].tolist()


def test_a_query_is_mixed_with_the_next_one():
    pairs = [pair_of(1.0, 7), pair_of(2.0, 3), pair_of(4.0, 5)]
    batch = COLLATOR.collate(pairs)
    assert batch.queries.dtype == batch.references.dtype == torch.float32
    assert batch.queries.shape == batch.references.shape == (3, 2, FRAMES)
    assert queried(batch) == pytest.approx([3.0, 6.0, 5.0], rel=1e-5)
    assert batch.references[:, 0, 0].tolist() == pytest.approx([10.0, np.sqrt(200), 20.0])
    assert batch.tracks.tolist() == [7, 3, 5]
    assert batch.others.tolist() == [1, 2, 0]
    assert batch.first.tolist() == batch.second.tolist() == [[True, True]] * 3
    # What it is made of stays as it is.
    assert (pairs[0].sampled == 1.0).all()


def test_the_gain_is_of_a_sample_over_the_other_one():
    pairs = [pair_of(1.0, gain_db=6.0), pair_of(0.0), pair_of(1.0, gain_db=-10.0)]
    first, second, third = queried(COLLATOR.collate(pairs))
    # Pair 0 alone in its query, pair 2 in its own and beside silence, then pair 0 beside pair 2.
    assert first == pytest.approx(10**0.3, rel=1e-4)
    assert second == pytest.approx(1.0, rel=1e-4)
    assert third == pytest.approx(10**-0.5 + 10**0.5, rel=1e-4)
    own, other = (
        queried(COLLATOR.collate([pair_of(power, gain_db=6.0), pair_of(1 - power)]))[0]
        for power in (1.0, 0.0)
    )
    assert 10 * np.log10(own / other) == pytest.approx(6.0, abs=1e-3)


def test_noise_lies_under_everything():
    pairs = [pair_of(1.0, noise=0.5), pair_of(2.0), pair_of(0.0, noise=1e-9)]
    found = queried(COLLATOR.collate(pairs))
    assert found == pytest.approx([3.5, 2.0, 1.0], rel=1e-5)
    silent = queried(COLLATOR.collate([pair_of(0.0), pair_of(0.0, noise=0.02)]))
    assert silent == pytest.approx([1e-6, 0.02], rel=1e-4)


def test_a_sample_that_is_alone_has_nothing_beside_it():
    pairs = [pair_of(1.0, gain_db=6.0, alone=True), pair_of(2.0), pair_of(4.0)]
    batch = COLLATOR.collate(pairs)
    assert queried(batch) == pytest.approx([10**0.3, 6.0, 5.0], rel=1e-4)
    assert batch.first.tolist() == [[True, True]] * 3
    assert batch.second.tolist() == [[False, False], [True, True], [True, True]]


def test_a_single_pair_is_alone():
    batch = COLLATOR.collate([pair_of(2.0, 3)])
    assert queried(batch) == pytest.approx([2.0], rel=1e-5)
    assert batch.others.tolist() == [0]
    assert batch.first.tolist() == [[True, True]]
    assert batch.second.tolist() == [[False, False]]


@pytest.mark.parametrize(
    ("sounds", "covers"),
    [
        ((0, 32), [True, True]),
        ((4, 12), [True, False]),  # half of one segment, a quarter of the next
        ((0, 11), [False, False]),  # 7 of 16 frames
        ((0, 12), [True, False]),  # 8
        ((12, 20), [True, True]),
        ((13, 32), [False, True]),
        ((16, 24), [False, True]),
        ((24, 32), [False, False]),
        ((17, 24), [False, False]),
    ],
)
def test_a_segment_holds_a_sample_that_sounds_in_45_percent_of_it(
    sounds: tuple[int, int], covers: list[bool]
):
    """Segments are the frames 4 to 20 and 8 to 24."""
    pairs = [pair_of(1.0, sounds=sounds), pair_of(1.0), pair_of(1.0)]
    batch = COLLATOR.collate(pairs)
    assert batch.first.tolist() == [covers, [True, True], [True, True]]
    # The last query holds it beside its own.
    assert batch.second.tolist() == [[True, True], [True, True], covers]


def test_a_batch_moves_as_a_whole():
    batch = COLLATOR.collate([pair_of(1.0), pair_of(2.0)])
    moved = batch.to(torch.device("meta"))
    assert isinstance(moved, WindowBatch)
    assert all(value.device.type == "meta" for value in vars(moved).values())
