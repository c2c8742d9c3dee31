"""What is drawn for pairs of windows: ranges, shares, and nothing where nothing is asked for."""

from collections.abc import Callable

import numpy as np
import pytest

from helpers.changes import only
from neuralsampleid.config import ConstantQ, WindowChanges
from neuralsampleid.training.drawing import Changes, View, draw_changes

FRONT_END = ConstantQ(f_min=55.0, bins=168, bins_per_octave=24, log_magnitude=False)
RATE = FRONT_END.sample_rate / FRONT_END.hop_length
FRAMES = 128
DRAWS = 1000
ALL = np.ones(3, bool)


def draws(
    settings: WindowChanges,
    count: int = DRAWS,
    sounding: np.ndarray = ALL,
    front_end: ConstantQ = FRONT_END,
) -> list[Changes]:
    return [
        draw_changes(settings, front_end, FRAMES, sounding, np.random.default_rng([0, index]))
        for index in range(count)
    ]


@pytest.fixture(scope="module")
def usual() -> list[Changes]:
    return draws(WindowChanges())


def level_db(view: View) -> np.ndarray:
    return 10 * np.log10(view.gains)


def assert_fills(values: list[float], least: float, most: float) -> None:
    """Values are spread evenly over a range."""
    found = (np.array(values) - least) / (most - least)
    assert found.min() >= -1e-6
    assert found.max() <= 1 + 1e-6
    assert found.min() < 16 / len(values)
    assert found.max() > 1 - 16 / len(values)
    counts, _ = np.histogram(found, 4, (0, 1))
    # Four standard deviations of a quarter of all.
    assert np.abs(counts - len(values) / 4).max() < 4 * np.sqrt(len(values) * 3 / 16)


def assert_share(chosen: list[bool], share: float) -> None:
    """As many as a share, up to four standard deviations."""
    error = 4 * np.sqrt(share * (1 - share) / len(chosen))
    assert np.mean(chosen) == pytest.approx(share, abs=error)


def test_what_is_drawn_depends_on_the_generator_alone():
    first, again = draws(WindowChanges(), 5), draws(WindowChanges(), 5)
    assert [str(changes) for changes in first] == [str(changes) for changes in again]
    assert len({str(changes) for changes in first}) == 5


def test_nothing_is_changed_where_nothing_is_asked_for():
    for changes in draws(only(), 20):
        assert (changes.gain_db, changes.alone, changes.noise) == (0.0, False, 0.0)
        for view in (changes.reference, changes.query):
            assert (view.speed, view.transposition, view.shift) == (1.0, 0.0, 0.0)
            assert (view.wet, view.squash, view.sounds) == (0.0, 0.0, (0, FRAMES))
            assert view.sources.all()
        assert (changes.query.gains == 1).all()


def test_a_reference_is_the_whole_mix_under_a_slight_equaliser(usual: list[Changes]):
    for changes in usual:
        reference = changes.reference
        assert reference.sources.tolist() == [True, True, True]
        assert (reference.shift, reference.wet, reference.squash) == (0.0, 0.0, 0.0)
        assert reference.sounds == (0, FRAMES)
        assert reference.gains.dtype == np.float32
    levels = np.array([level_db(changes.reference) for changes in usual])
    assert levels.shape == (DRAWS, 168)
    assert_fills(levels[:, 0].tolist(), -4, 4)
    assert_fills(levels[:, -1].tolist(), -4, 4)
    assert np.abs(levels).max() <= 4 + 1e-4
    # Seven points with lines between them.
    assert np.abs(np.diff(levels, axis=1)).max() <= 8 / (167 / 6) + 1e-4


@pytest.mark.parametrize(
    ("largest", "value"),
    [
        (6.0, lambda changes: changes.reference.transposition / 2),
        (1.1, lambda changes: (changes.query.transposition - changes.reference.transposition) / 2),
        (np.log(1.22), lambda changes: np.log(changes.reference.speed)),
        (np.log(1.13), lambda changes: np.log(changes.query.speed / changes.reference.speed)),
        (0.26, lambda changes: changes.query.shift / RATE),
        (10.0, lambda changes: changes.gain_db),
    ],
    ids=["both pitches", "pitch", "both speeds", "speed", "jitter", "gain"],
)
def test_ranges(largest: float, value: Callable[[Changes], float], usual: list[Changes]):
    """A semitone is two bins here; speeds are even in the logarithm."""
    assert_fills([value(changes) for changes in usual], -largest, largest)


def test_a_semitone_is_as_many_bins_as_the_front_end_has():
    coarse = ConstantQ(f_min=55.0, bins=84, bins_per_octave=12, log_magnitude=False)
    for fine, half in zip(
        draws(WindowChanges(), 5), draws(WindowChanges(), 5, front_end=coarse), strict=True
    ):
        assert half.query.transposition == pytest.approx(fine.query.transposition / 2)
        assert half.query.gains.shape == (84,)


def test_some_are_alone_and_some_are_noisy(usual: list[Changes]):
    assert_share([changes.alone for changes in usual], 0.1)
    assert_share([changes.noise > 0 for changes in usual], 0.3)
    noises = [float(np.log10(changes.noise)) for changes in usual if changes.noise > 0]
    assert_fills(noises, -4.0, -1.5)


def test_some_queries_are_one_source(usual: list[Changes]):
    sources = [changes.query.sources for changes in usual]
    parts = [chosen for chosen in sources if not chosen.all()]
    assert_share([not chosen.all() for chosen in sources], 0.45)
    assert all(chosen.sum() == 1 for chosen in parts)
    for source in range(3):
        assert_share([bool(chosen[source]) for chosen in parts], 1 / 3)


def test_a_silent_source_is_never_sampled_alone():
    always = WindowChanges(parts=1.0)
    sounding = np.array([True, False, True])
    chosen = {tuple(changes.query.sources) for changes in draws(always, 50, sounding)}
    assert chosen == {(True, False, False), (False, False, True)}
    for sounding in (np.array([False, True, False]), np.zeros(3, bool)):
        assert all(changes.query.sources.all() for changes in draws(always, 50, sounding))


def test_some_queries_sound_in_a_part_of_the_window(usual: list[Changes]):
    sounds = [changes.query.sounds for changes in usual]
    assert_share([part != (0, FRAMES) for part in sounds], 0.3)
    parts = np.array([part for part in sounds if part != (0, FRAMES)])
    lengths = parts[:, 1] - parts[:, 0]
    assert parts.min() >= 0
    assert parts.max() <= FRAMES
    assert_fills(lengths.tolist(), int(0.16 * FRAMES) - 0.5, FRAMES - 0.5)
    # Starts are where such a length fits.
    assert_fills(((parts[:, 0] + 0.5) / (FRAMES - lengths + 1)).tolist(), 0, 1)


def test_some_are_reverberated_and_some_compressed(usual: list[Changes]):
    queries = [changes.query for changes in usual]
    assert_share([query.wet > 0 for query in queries], 0.35)
    assert_fills([query.wet for query in queries if query.wet > 0], 0.1, 1.0)
    # Until a power is 1/e.
    decays = [-1 / np.log(query.decay) / RATE for query in queries if query.wet > 0]
    assert_fills(decays, 0.1, 0.8)
    assert_share([query.squash > 0 for query in queries], 0.35)
    assert_fills([query.squash for query in queries if query.squash > 0], 0.0, 0.6)
    both = [query.wet > 0 and query.squash > 0 for query in queries]
    assert_share(both, 0.35**2)


def test_a_querys_equaliser():
    levels = np.array([level_db(each.query) for each in draws(WindowChanges(filtered=0.0))])
    assert np.abs(levels).max() <= 10 + 1e-4
    for place in (0, 167):
        assert_fills(levels[:, place].tolist(), -10, 10)


def test_filters_fall_by_12_or_24_db_per_octave_beyond_their_corner():
    settings = only(filtered=0.35)
    levels = np.array([level_db(changes.query) for changes in draws(settings)])
    low, high = levels[:, -1] < -1e-3, levels[:, 0] < -1e-3
    # Corners of low-pass filters lie up to 7 octaves above the lowest bin, and bins up to 6.96.
    assert_share(low.tolist(), 0.35 * (167 / 24 - 2.5) / 4.5)
    assert_share(high.tolist(), 0.35)
    assert_share((low & high).tolist(), 0.35**2)
    assert (levels <= 1e-4).all()
    for filtered, beyond, least, most in (
        (levels[low & ~high], slice(-1, None, -1), 2.5, 7.0),
        (levels[high & ~low], slice(None), 0.0, 3.0),
    ):
        from_edge = filtered[:, beyond]
        steps = (from_edge[:, 1] - from_edge[:, 0]) * 24  # dB per octave
        # But where the corner lies within the outermost bins.
        whole = from_edge[:, 1] < -1e-3
        slopes = steps[whole]
        is_steep = np.isclose(slopes, 24, rtol=1e-3)
        assert (is_steep | np.isclose(slopes, 12, rtol=1e-3)).all()
        assert_share(is_steep.tolist(), 0.5)
        octaves = -from_edge[whole, 0] / slopes
        corners = 167 / 24 - octaves if most > 3.0 else octaves
        assert_fills(corners.tolist(), least, most)
        # Nothing on the corner's other side.
        passed = np.arange(168)[None] > 24 * octaves[:, None] + 1e-3
        assert np.abs(from_edge[whole][passed]).max() < 1e-4
