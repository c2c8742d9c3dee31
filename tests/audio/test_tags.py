"""Tags of files as other programs write them; what cannot be read has none."""

import numpy as np
import pytest
import soundfile

from helpers.tunes import convert, needs_ffmpeg, put
from neuralsampleid.audio.tags import NO_TAGS, Tags, read_tags


@needs_ffmpeg
@pytest.mark.parametrize("ending", [".mp3", ".flac", ".ogg", ".opus", ".m4a", ".wav", ".wma"])
def test_tags_that_ffmpeg_writes_are_read(tmp_path, ending):
    sound = put(tmp_path / "sound.wav", np.zeros(22050))
    options = ("-metadata", "artist=Зю Ö", "-metadata", "title= 日本\n x ")
    tagged = convert(sound, tmp_path / f"tagged{ending}", *options)
    assert read_tags(tagged) == Tags("Зю Ö", "日本 x")
    assert read_tags(tagged).name == "Зю Ö – 日本 x"
    assert read_tags(sound) == NO_TAGS


def test_one_of_both_is_a_name():
    assert (NO_TAGS.name, Tags("a").name, Tags(None, "b").name) == ("", "a", "b")


def test_long_and_broken_tags(tmp_path):
    with soundfile.SoundFile(tmp_path / "long.flac", "w", 22050, 1) as file:
        file.title = "x" * 5000
        file.write(np.zeros(100))
    assert read_tags(tmp_path / "long.flac") == Tags(None, "x" * 200)
    (tmp_path / "text.mp3").write_text("no music")
    (tmp_path / "empty.m4a").touch()
    for name in ("text.mp3", "empty.m4a", "missing.mp3"):
        assert read_tags(tmp_path / name) == NO_TAGS
