"""Audio files in a folder that the user has."""

from __future__ import annotations

from pathlib import Path

from neuralsampleid.audio.ffmpeg import FOR_FFMPEG
from neuralsampleid.errors import UserError

# Without ffmpeg, reading a file of the last kinds says that it is needed.
SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", *FOR_FFMPEG)


def audio_files(folder: Path, *, some: bool = False) -> list[Path]:
    """Absolute paths of all audio files in a folder and those below it; no hidden ones.

    Sorted, those that need ffmpeg last.

    Args:
        folder: where to look.
        some: whether at least one is expected.

    Raises:
        UserError: the folder does not exist, or lacks what is expected.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder, expected one with audio files")
    root = folder.resolve()
    found = [
        path
        for path in root.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
        and path.is_file()
    ]
    if some and not found:
        raise UserError(f"{folder}: holds no audio, expected files with {', '.join(SUFFIXES)}")
    return sorted(found, key=lambda path: (path.suffix.lower() in FOR_FFMPEG, path))
