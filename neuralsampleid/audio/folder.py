"""Audio files in a folder that the user has."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from neuralsampleid.audio.ffmpeg import FOR_FFMPEG
from neuralsampleid.errors import UserError

# Without ffmpeg, reading a file of the last kinds says that it is needed.
SUFFIXES = (
    *(".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff"),
    *(".wave", ".oga", ".spx", ".mp2", ".aifc", ".au", ".snd", ".caf", ".w64", ".rf64"),
    *FOR_FFMPEG,
)


@dataclass(frozen=True)
class Found:
    """What a folder and those below it hold; no hidden ones."""

    files: list[Path] = field(default_factory=list)  # of audio, absolute; those for ffmpeg last
    unread: list[tuple[Path, str]] = field(default_factory=list)  # folders, files; why not
    others: Counter[str] = field(default_factory=Counter)  # files of other endings


def look_for_audio(folder: Path) -> Found:
    """Find the audio files in a folder and those below it, linked ones included.

    Raises:
        UserError: the folder does not exist.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder, expected one with audio files")
    found, seen = Found(), set[tuple[int, int]]()

    def note(error: OSError) -> None:
        found.unread.append((Path(error.filename), error.strerror or str(error)))

    def sort_in(path: Path) -> None:
        if path.suffix.lower() not in SUFFIXES:
            found.others[path.suffix.lower()] += 1
        elif path.is_file():
            found.files.append(path)
        elif path.is_symlink():
            found.unread.append((path, "a link to what is not there"))

    for place, folders, names in os.walk(folder.resolve(), onerror=note, followlinks=True):
        about = Path(place).stat()
        if (about.st_dev, about.st_ino) in seen:  # a link to a folder above, or a second one
            folders.clear()
            continue
        seen.add((about.st_dev, about.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if not name.startswith("."):
                try:
                    sort_in(Path(place, name))
                except OSError as error:
                    note(error)
    found.files.sort(key=order_of)
    return found


def order_of(path: str | Path) -> tuple[bool, str]:
    """By which audio files are sorted: folder by folder, but those that need ffmpeg last."""
    name = str(path)  # a library has many; to make a Path of each takes ten times as long
    return name.lower().endswith(FOR_FFMPEG), name.replace(os.sep, "/").replace("/", "\0")


def audio_files(folder: Path, *, some: bool = False) -> list[Path]:
    """Absolute paths of all audio files in a folder and those below it; no hidden ones.

    Sorted, those that need ffmpeg last.

    Args:
        folder: where to look.
        some: whether at least one is expected.

    Raises:
        UserError: the folder does not exist, lacks what is expected, or one in it cannot be read.
    """
    found = look_for_audio(folder)
    for place, reason in found.unread:
        raise UserError(f"{place}: cannot be read ({reason}); mend that, or take it away")
    if some and not found.files:
        raise UserError(f"{folder}: holds no audio, expected files with {', '.join(SUFFIXES)}")
    return found.files
