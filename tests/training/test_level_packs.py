"""Packed levels: they equal the front end's, errors name what is wrong."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.paper import changed
from helpers.songs import RATE, SMALL_CONSTANT_Q, packed, song_stems
from neuralsampleid.audio.feature_blocks import BLOCK
from neuralsampleid.audio.front_ends import ConstantQFrontEnd
from neuralsampleid.errors import UserError
from neuralsampleid.training.level_packs import (
    PackedLevels,
    coded,
    open_levels,
    pack_levels,
    powers,
)
from neuralsampleid.training.packs import PackedStems
from neuralsampleid.training.source_levels import levels_of_stems

BINS, HOP = SMALL_CONSTANT_Q.bins, SMALL_CONSTANT_Q.hop_length


def without_vocals() -> np.ndarray:
    """A song of two seconds, (samples, 4)."""
    stems = song_stems(1, 2.0)
    stems[:, 0] = 0
    return stems


def shard_of(*places: int) -> PackedStems:
    """Of two songs in memory, those at the places; there may be none."""
    songs = packed([song_stems(0, 1.0), without_vocals()])
    return PackedStems(songs.audio, songs.tracks.iloc[list(places)], RATE)


def packed_once(stems: PackedStems, folder: Path) -> PackedLevels:
    pack_levels(levels_of_stems(stems, SMALL_CONSTANT_Q), folder)
    return open_levels([folder], BINS)


def magnitudes(audio: np.ndarray) -> np.ndarray:
    """What the front end says of a whole track, (bins, frames)."""
    return ConstantQFrontEnd(SMALL_CONSTANT_Q)(torch.tensor(audio)[None])[0].numpy()


def db(power: np.ndarray) -> np.ndarray:
    return 10 * np.log10(np.maximum(power, 1e-30))


def test_codes_keep_levels_to_within_half_a_step():
    levels_db = np.random.default_rng(0).uniform(-107.2, 20.2, (40, 30))
    codes = coded((10 ** (levels_db / 20)).astype(np.float32))
    assert codes.dtype == np.uint8
    error = np.abs(db(powers()[codes]) - levels_db)
    assert error.max() <= 0.25 + 1e-3
    assert error.max() > 0.2


def test_codes_by_hand():
    silence, quiet, loud = 0.0, 1e-6, 1000.0
    assert coded(np.array([silence, quiet, 1.0, 10.0, loud], np.float32)).tolist() == [
        0,
        0,
        215,
        255,
        255,
    ]
    assert powers()[[0, 215, 235, 255]] == pytest.approx([0.0, 1.0, 10.0, 100.0])
    assert powers().dtype == np.float32
    assert (np.diff(powers()) > 0).all()


@pytest.mark.parametrize("seconds", [1.0, 1.5 * BLOCK * HOP / RATE])
def test_levels_are_those_of_the_front_end(seconds: float, tmp_path: Path):
    stems = packed([song_stems(3, seconds)])
    levels = packed_once(stems, tmp_path / "levels")
    assert isinstance(levels.levels[0], np.memmap)
    assert levels.bins == BINS
    samples = round(seconds * RATE)
    assert levels.frames(0) == 1 + samples // HOP
    found = db(powers()[levels.part(0, 0, levels.frames(0))])
    audio = stems.window(0, 0, samples)
    # Bass and other are one source.
    for place, source in enumerate((audio[0], audio[1], audio[2] + audio[3])):
        expected = 2 * db(magnitudes(source).T)
        heard = expected > -100
        assert heard.mean() > 0.5
        # Blocks round otherwise than the whole.
        np.testing.assert_allclose(found[:, place][heard], expected[heard], rtol=0, atol=0.251)


def test_logarithms_of_the_front_end_are_left_out(tmp_path: Path):
    plain = packed_once(shard_of(0), tmp_path / "plain")
    logarithms = changed(SMALL_CONSTANT_Q, log_magnitude=True)
    pack_levels(levels_of_stems(shard_of(0), logarithms), tmp_path / "logarithms")
    assert open_levels([tmp_path / "logarithms"], BINS).digest() == plain.digest()


def test_a_silent_source_has_no_levels(tmp_path: Path):
    levels = packed_once(shard_of(1), tmp_path / "levels")
    whole = levels.part(0, 0, levels.frames(0))
    assert not whole[:, 0].any()
    assert whole[:, 1].any()
    assert whole[:, 2].any()


def test_outside_a_track_is_nothing(tmp_path: Path):
    levels = packed_once(shard_of(0, 1), tmp_path / "levels")
    first, second = (levels.part(track, 0, levels.frames(track)) for track in (0, 1))
    part = levels.part(0, -3, len(first) + 8)
    assert not part[:3].any()
    np.testing.assert_array_equal(part[3:-5], first)
    assert not part[-5:].any()  # and not the next track
    part = levels.part(1, len(second) - 4, 10)
    np.testing.assert_array_equal(part[:4], second[-4:])
    assert not part[4:].any()
    for start in (-50, len(first), len(first) + 100):
        part = levels.part(0, start, 10)
        assert part.shape == (10, 3, BINS)
        assert not part.any()


@pytest.fixture
def shards(tmp_path: Path) -> list[Path]:
    """Three shards, of which the second has no track; and both tracks in one."""
    for name, places in {"0": [0], "1": [], "2": [1], "all": [0, 1]}.items():
        pack_levels(levels_of_stems(shard_of(*places), SMALL_CONSTANT_Q), tmp_path / name)
    return [tmp_path / name for name in ("0", "1", "2", "all")]


def test_shards_are_read_as_one(shards: list[Path]):
    parts, whole = open_levels(shards[:3], BINS), open_levels(shards[3:], BINS)
    assert parts.tracks["track_id"].tolist() == whole.tracks["track_id"].tolist()
    assert parts.tracks["track_id"].tolist() == ["song_0", "song_1"]
    assert parts.tracks["shard"].tolist() == [0, 2]
    for track, start in ((0, 0), (0, 50), (1, -2), (1, 20)):
        assert parts.frames(track) == whole.frames(track)
        part = parts.part(track, start, 30)
        assert part.any()
        np.testing.assert_array_equal(part, whole.part(track, start, 30))


def test_the_digest_is_of_the_levels_and_not_of_their_division(shards: list[Path], tmp_path: Path):
    digest = open_levels(shards[:3], BINS).digest()
    assert digest == open_levels(shards[3:], BINS).digest()
    assert digest != open_levels([shards[2], shards[0]], BINS).digest()
    assert digest != open_levels(shards[:1], BINS).digest()
    # Of other music under the same name and of the same length.
    other = packed_once(packed([song_stems(5, 1.0)]), tmp_path / "other")
    assert other.tracks["track_id"].tolist() == ["song_0"]
    assert other.digest() != open_levels(shards[:1], BINS).digest()
    # Of the same bytes with another number of bins.
    (levels,) = other.levels
    halves = levels.reshape(-1, 3, BINS // 2)
    assert PackedLevels((halves,), other.tracks).digest() != other.digest()


def test_packing_again_replaces_the_folder(shards: list[Path]):
    again = packed_once(shard_of(1), shards[0])
    assert again.tracks["track_id"].tolist() == ["song_1"]
    assert again.digest() == open_levels(shards[2:3], BINS).digest()
    assert {path.name for path in shards[0].iterdir()} == {"levels.raw", "tracks.csv"}


def test_shards_must_hold_something(shards: list[Path]):
    with pytest.raises(UserError, match=r"1: no training track has levels, expected at least one"):
        open_levels([shards[1]], BINS)


def test_damaged_folders(shards: list[Path], tmp_path: Path):
    with pytest.raises(UserError, match="none: not a folder of packed levels"):
        open_levels([tmp_path / "none"], BINS)
    frames = 1 + RATE // HOP
    size, row = frames * 3 * BINS, 3 * BINS
    with pytest.raises(UserError, match=rf"{size} bytes, tracks\.csv says {frames} frames of 36$"):
        open_levels(shards[:1], 12)  # packed with another number of bins
    raw = shards[0] / "levels.raw"
    raw.write_bytes(raw.read_bytes()[:-1])
    with pytest.raises(
        UserError,
        match=rf"0: levels\.raw holds {size - 1} bytes, tracks\.csv says {frames} frames of {row}$",
    ):
        open_levels(shards[:3], BINS)
    raw.write_bytes(b"")
    with pytest.raises(UserError, match=r"levels\.raw holds 0 bytes"):
        open_levels(shards[:1], BINS)
    raw.unlink()
    with pytest.raises(UserError, match="0: not a folder of packed levels"):
        open_levels(shards[:1], BINS)
    table = pd.read_csv(shards[2] / "tracks.csv").drop(columns="frames")
    table.to_csv(shards[2] / "tracks.csv", index=False)
    with pytest.raises(UserError, match="2: not a folder of packed levels"):
        open_levels(shards[2:3], BINS)
