"""What is drawn stays in its ranges, and where a changed view is read."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.changes import plain_changes
from helpers.paper import paper_augmentation
from neuralsampleid.training.speed_and_pitch import (
    EASY_GAIN_DB,
    Changes,
    draw_changes,
    read_positions,
)


def draws(strength: float = 1.0, count: int = 200, **values: object) -> list[Changes]:
    augmentation = paper_augmentation(**values)
    return [
        draw_changes(augmentation, np.random.default_rng(seed), strength) for seed in range(count)
    ]


def test_the_released_ranges_are_filled_and_kept():
    changes = draws()
    gains = [change.gain_db for change in changes]
    assert -10 <= min(gains) < -9
    assert 9 < max(gains) <= 10
    tempos = [change.tempo for change in changes if change.tempo != 1]
    pitches = [change.pitch_semitones for change in changes if change.pitch_semitones != 0]
    assert 0.7 <= min(tempos) < 0.73
    assert 1.45 < max(tempos) <= 1.5
    assert -3 <= min(pitches) < -2.7
    assert 2.7 < max(pitches) <= 3
    assert 70 < len(tempos) < 130
    # Pitch or tempo, never both and never neither.
    assert all((change.tempo != 1) != (change.pitch_semitones != 0) for change in changes)
    assert not any(change.edit or change.equaliser_db.any() for change in changes)
    assert all(change.compressor_ratio == 1 for change in changes)


def test_varispeed_ties_pitch_to_tempo():
    changes = draws(changes=["varispeed"], tempo_min=0.9, tempo_max=1.1, pitch_semitones=4.0)
    for change in changes:
        assert change.tempo == pytest.approx(2 ** (change.pitch_semitones / 12))
        assert 0.9 - 1e-9 <= change.tempo <= 1.1 + 1e-9


def test_only_the_drawn_effects_act():
    changes = draws(effects=["equaliser", "compressor", "gain"], effects_drawn=1)
    for change in changes:
        acting = [change.equaliser_db.any(), change.compressor_ratio > 1, change.gain_db != 0]
        assert sum(acting) == 1
    both = draws(effects=["equaliser", "compressor"], effects_drawn=2)
    assert all(change.equaliser_db.any() and change.compressor_ratio > 1 for change in both)
    assert max(np.abs(change.equaliser_db).max() for change in both) <= 12


def test_frame_edits():
    changes = draws(changes=["frames"])
    assert {change.edit for change in changes} == {"duplicate", "remove", "silence"}
    assert all(change.tempo == 1 and change.pitch_semitones == 0 for change in changes)


def test_a_weak_curriculum_is_easier():
    easy = draws(strength=0.25, changes=["both"])
    assert max(abs(change.pitch_semitones) for change in easy) <= 0.75
    assert all(0.7**0.25 <= change.tempo <= 1.5**0.25 for change in easy)
    assert np.mean([change.gain_db for change in easy]) == pytest.approx(0.75 * EASY_GAIN_DB, abs=1)


def test_positions_of_an_unchanged_view():
    positions, mask = read_positions(plain_changes(), 8, 10.0)
    np.testing.assert_allclose(positions, np.arange(8) - 4)
    assert mask.all()


def test_positions_by_hand():
    frames, rate = 8, 10.0  # an edit of 0.2 s is 2 frames and begins at frame 4
    kwargs = {"edit_start": 0.5, "edit_seconds": 0.2}
    own = np.arange(8)
    for edit, expected in {
        "duplicate": [0, 1, 2, 3, 4, 5, 4, 5],
        "remove": [0, 1, 2, 3, 6, 7, 8, 9],
        "silence": own,
    }.items():
        positions, mask = read_positions(plain_changes(edit=edit, **kwargs), frames, rate)
        np.testing.assert_allclose(positions + 4, expected)
        assert mask.tolist() == ([1, 1, 1, 1, 0, 0, 1, 1] if edit == "silence" else [1] * 8)
    positions, _ = read_positions(plain_changes(tempo=2.0), frames, rate)
    np.testing.assert_allclose(positions, (own - 4) * 2)


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), frames=st.integers(8, 200))
def test_positions_stay_within_their_reach(seed: int, frames: int):
    augmentation = paper_augmentation(changes=["frames", "tempo", "both"])
    change = draw_changes(augmentation, np.random.default_rng(seed))
    rate = 31.25
    positions, _ = read_positions(change, frames, rate)
    edit = change.edit_seconds * rate + 1 if change.edit else 0
    assert np.abs(positions).max() <= (frames / 2 + edit) * change.tempo + 1e-3
