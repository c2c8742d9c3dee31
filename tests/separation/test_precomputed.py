"""Stems that lie on the disk: found, checked, brought to one rate and length."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from neuralsampleid.errors import UserError
from neuralsampleid.separation.precomputed import PrecomputedStems
from neuralsampleid.separation.stems import STEMS

RATE = 16000


def write_stems(folder: Path, seconds: float = 1.0, extension: str = "wav") -> None:
    folder.mkdir(parents=True)
    for i, stem in enumerate(STEMS):
        audio = 0.1 * np.random.default_rng(i).standard_normal(round(seconds * RATE))
        soundfile.write(folder / f"{stem}.{extension}", audio, RATE)


def read(folder: Path, rate: int = RATE) -> dict[str, np.ndarray]:
    return PrecomputedStems(folder).stems_of("song", Path("not used"), rate)


@pytest.mark.parametrize("extension", ["wav", "flac", "ogg", "mp3"])
def test_every_format_is_read(tmp_path: Path, extension: str):
    write_stems(tmp_path / "song", extension=extension)
    stems = read(tmp_path)
    assert tuple(stems) == STEMS
    assert {len(audio) for audio in stems.values()} == {len(stems["bass"])}
    assert len(stems["bass"]) == pytest.approx(RATE, abs=0.1 * RATE)


def test_stems_come_at_the_rate_asked_for(tmp_path: Path):
    write_stems(tmp_path / "song")
    assert {len(audio) for audio in read(tmp_path, 8000).values()} == {8000}


def test_a_little_shorter_is_padded_and_much_shorter_is_refused(tmp_path: Path):
    write_stems(tmp_path / "song")
    drums = tmp_path / "song/drums.wav"
    soundfile.write(drums, np.full(round(0.95 * RATE), 0.5), RATE)
    stems = read(tmp_path)
    assert len(stems["drums"]) == RATE
    assert (stems["drums"][round(0.95 * RATE) :] == 0).all()
    soundfile.write(drums, np.full(round(0.8 * RATE), 0.5), RATE)
    with pytest.raises(UserError, match=r"drums\.wav: 0\.80 s, expected the 1\.00 s"):
        read(tmp_path)


def test_missing_folders_are_named(tmp_path: Path):
    with pytest.raises(UserError, match=r"separation\.stems_folder: .*nowhere' is not a folder"):
        PrecomputedStems(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"song: no such folder, expected the stems of track"):
        read(tmp_path)


def test_a_missing_stem_and_one_that_is_there_twice_are_named(tmp_path: Path):
    write_stems(tmp_path / "song")
    (tmp_path / "song/bass.wav").unlink()
    with pytest.raises(UserError, match=r"stem 'bass': found none, expected one file bass\.{flac"):
        read(tmp_path)
    write_stems(tmp_path / "other")
    (tmp_path / "other/bass.wav").rename(tmp_path / "song/bass.wav")
    (tmp_path / "other/drums.wav").rename(tmp_path / "song/drums.flac")
    with pytest.raises(UserError, match=r"stem 'drums': found drums\.flac, drums\.wav, expected"):
        read(tmp_path)


def test_an_unreadable_stem_is_named(tmp_path: Path):
    write_stems(tmp_path / "song")
    (tmp_path / "song/other.wav").write_text("noise")
    with pytest.raises(UserError, match=r"other\.wav: cannot be decoded"):
        read(tmp_path)
