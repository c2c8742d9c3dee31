"""A person's own folders of music, and an annotation table, as a catalogue.

The table says which file it means by its path relative to the folder of queries or of references,
with '/' between folders: ``soul/1971 side a.mp3``. Track ids are made of those paths, each for
itself, so that they stay what they are when other files come or go.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pandas as pd

from neuralsampleid.audio.ffmpeg import decode
from neuralsampleid.audio.folder import audio_files
from neuralsampleid.audio.io import write_audio
from neuralsampleid.catalogue.formats import read_texts
from neuralsampleid.catalogue.tables import (
    OCCURRENCE_COLUMNS,
    TRACK_COLUMNS,
    Catalogue,
    checked_occurrences,
    listed,
    write_catalogue,
)
from neuralsampleid.config import OwnMusicData
from neuralsampleid.errors import UserError
from neuralsampleid.files import require_text

NEEDED_COLUMNS = ("query_id", "reference_id", "query_start_s", "query_end_s")
_DECODED_RATE = 44100  # Hz, of what ffmpeg reads and libsndfile does not
_NAME_CHARACTERS = 60  # of a path that go into an id


@dataclass(frozen=True)
class OwnFile:
    """A file of one of the folders."""

    role: str
    path: Path
    name: str  # relative to the folder, with '/', in Unicode's composed form

    @property
    def track_id(self) -> str:
        """The role, what of the name fits into an id, and a hash of the whole name."""
        stem = unicodedata.normalize("NFKD", self.name.rpartition(".")[0])
        readable = re.sub(r"[^A-Za-z0-9]+", "_", stem.encode("ascii", "ignore").decode())
        digest = hashlib.sha256(self.name.encode()).hexdigest()[:8]
        return "_".join(
            part
            for part in (self.role, readable.strip("_")[:_NAME_CHARACTERS].rstrip("_"), digest)
            if part
        )


def own_files(settings: OwnMusicData) -> list[OwnFile]:
    """The audio files of all folders, by role and name; none is opened.

    Raises:
        UserError: a folder does not exist or holds no audio; a name cannot be told from another.
    """
    found = []
    for role, folder in settings.folders.items():
        root = Path(folder)
        paths = audio_files(root, some=True)
        files = [OwnFile(role, path, _name(path, root.resolve())) for path in paths]
        files.sort(key=lambda file: file.name)
        for file, following in pairwise(files):
            if file.name == following.name:
                raise UserError(
                    f"{file.path}: a second file in its folder has the same name, written with "
                    "other codes for the same letters; expected another name for one of them"
                )
        found += files
    return found


def _name(path: Path, root: Path) -> str:
    require_text(str(path))
    return composed(path.relative_to(root))


def composed(name: Path | str) -> str:
    """A relative path with '/' and composed letters, which file systems and editors write apart."""
    return unicodedata.normalize("NFC", str(name).replace("\\", "/")).removeprefix("./")


def state_of_files(settings: OwnMusicData) -> str:
    """Which files there are, of what size and time of change; another value if that changes.

    Raises:
        UserError: as for ``own_files``.
    """
    state = hashlib.sha256()
    for file in own_files(settings):
        about = file.path.stat()
        state.update(f"{file.role}/{file.name}\0{about.st_size}\0{about.st_mtime_ns}\0".encode())
    return state.hexdigest()


def make_own_music(settings: OwnMusicData, folder: Path, decoded: Path) -> Catalogue:
    """Write the catalogue's two files.

    Args:
        settings: the folders and the annotation table.
        folder: of the catalogue.
        decoded: folder for what only ffmpeg reads, as FLAC; it is made.

    Raises:
        UserError: a folder, file or row is wrong; unusable files and rows are all listed.
    """
    files, table = own_files(settings), Path(settings.annotations)
    decoded.mkdir(parents=True, exist_ok=True)
    tracks = _tracks(files, decoded)
    texts = read_own_annotations(table, files)
    names = {role: [file.name for file in files if file.role == role] for role in settings.folders}
    rows = checked_occurrences(texts, tracks, table, within_tracks=True, names=names)
    catalogue = Catalogue.of(tracks, rows)
    write_catalogue(catalogue, folder)
    return catalogue


def read_own_annotations(path: Path, files: Sequence[OwnFile]) -> pd.DataFrame:
    """The table with ids where it names files; what is no file stays as it is.

    Without ``sample_id``, all that a query takes from one reference is one sample.

    Returns:
        ``OCCURRENCE_COLUMNS`` as text; the index is the line.

    Raises:
        UserError: the table is missing, or a column that it must have.
    """
    optional = [name for name in OCCURRENCE_COLUMNS if name not in NEEDED_COLUMNS]
    table = read_texts(path, NEEDED_COLUMNS, "an annotation table", optional=optional, blanks=True)
    if table.empty:
        raise UserError(f"{path}: holds no row, expected one for each time that a sample is heard")
    for role in ("query", "reference"):
        ids = {file.name: file.track_id for file in files if file.role == role}
        names = table[f"{role}_id"]
        table[f"{role}_id"] = [ids.get(composed(name), name) for name in names]
    pairs = table["query_id"] + "_" + table["reference_id"]
    table["sample_id"] = table["sample_id"].where(table["sample_id"] != "", pairs)
    return table[list(OCCURRENCE_COLUMNS)]


def _tracks(files: Sequence[OwnFile], decoded: Path) -> pd.DataFrame:
    """``TRACK_COLUMNS``; each file is decoded once, for its length and to see that it can be."""
    rows, unusable = [], []
    for file in files:
        try:
            path, seconds = _usable(file, decoded)
        except UserError as error:
            unusable.append(str(error))
            continue
        rows.append((file.track_id, file.role, str(path), seconds, Path(file.name).stem, ""))
    if unusable:
        raise UserError(listed(f"{len(unusable)} audio files cannot be used:", unusable))
    return pd.DataFrame(rows, columns=list(TRACK_COLUMNS))


def _usable(file: OwnFile, decoded: Path) -> tuple[Path, float]:
    """The file, or a copy that libsndfile reads, and its length in seconds."""
    audio = decode(file.path)
    if not audio.by_ffmpeg:
        return file.path, audio.seconds
    path = decoded.resolve() / f"{file.track_id}.flac"
    write_audio(path, audio.at(_DECODED_RATE), _DECODED_RATE)
    return path, audio.seconds
