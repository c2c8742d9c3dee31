"""Audio that nobody may share: found by name in a folder that the user has.

A file belongs to a track if its name without the suffix is the track's id, in upper or lower case,
in the folder or any folder below it, with one of ``SUFFIXES``. If several files bear one id, the
first by path is taken, one that needs no ffmpeg before one that does, and the others are named.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from neuralsampleid.audio.ffmpeg import FOR_FFMPEG
from neuralsampleid.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

# Without ffmpeg, reading a file of the last kinds says that it is needed.
SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", *FOR_FFMPEG)
FOUND_COLUMNS = ("track_id", "role", "path", "duplicates")


def find_tracks(folder: Path | None, track_ids: Iterable[str]) -> pd.DataFrame:
    """Look for the tracks' files.

    Args:
        folder: where to look; None: nothing is found.
        track_ids: in the order of the result.

    Returns:
        track_id, path (absolute; empty if not found), duplicates (the other files with that id,
        joined by '|').

    Raises:
        UserError: the folder does not exist.
    """
    import pandas as pd  # here, because nsid lists files without it

    by_id: dict[str, list[str]] = defaultdict(list)
    for path in audio_files(folder) if folder is not None else []:
        by_id[path.stem.lower()].append(str(path))
    files = [(track_id, by_id.get(track_id.lower(), [])) for track_id in track_ids]
    rows = [(track_id, "".join(paths[:1]), "|".join(paths[1:])) for track_id, paths in files]
    return pd.DataFrame(rows, columns=["track_id", "path", "duplicates"])


def noise_tracks(folder: Path) -> pd.DataFrame:
    """Take every audio file of a folder for a noise track.

    Its id is ``noise_`` and the file's name, with every character that an id cannot have replaced
    by '_' and, where two would be the same, with a number after it.

    Returns:
        track_id, path, title (the file's name without suffix), duplicates (always empty).

    Raises:
        UserError: the folder does not exist or holds no audio file.
    """
    import pandas as pd

    paths = audio_files(folder)
    if not paths:
        raise UserError(f"{folder}: holds no audio, expected files with {', '.join(SUFFIXES)}")
    rows, taken = [], set()
    for path in paths:
        base = "noise_" + re.sub(r"[^A-Za-z0-9_.\-]", "_", path.stem)[:80]
        track_id, number = base, 1
        while track_id.lower() in taken:
            number += 1
            track_id = f"{base}_{number}"
        taken.add(track_id.lower())
        rows.append((track_id, str(path), path.stem, ""))
    return pd.DataFrame(rows, columns=["track_id", "path", "title", "duplicates"])


def audio_files(folder: Path) -> list[Path]:
    """Absolute paths of all audio files in a folder and those below it; no hidden ones.

    Sorted, those that need ffmpeg last.

    Raises:
        UserError: the folder does not exist.
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
    return sorted(found, key=lambda path: (path.suffix.lower() in FOR_FFMPEG, path))
