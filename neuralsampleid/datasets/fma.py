"""Clips of the Free Music Archive (FMA) as training tracks, beside Sample100 for evaluation.

The archive's layout is ``fma_medium/000/000002.mp3``; a track's id is its file's name. Some of its
clips are shorter than 30 s or hold no audio. They stay in the catalogue, are listed in
``faulty_clips.csv``, and what cannot be decoded is left out by the separation.
"""

from __future__ import annotations

import logging
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from neuralsampleid.audio.io import audio_info
from neuralsampleid.catalogue.tables import TRACK_COLUMNS, Catalogue, write_catalogue
from neuralsampleid.config import FmaData
from neuralsampleid.datasets.sample100 import read_sample100, report_found
from neuralsampleid.errors import UserError
from neuralsampleid.files import write_csv

CLIPS = {"small": 8_000, "medium": 25_000, "large": 106_574}  # in the published archives
SHORTEST_S = 29.0  # clips are meant to have 30 s
FAULTY_COLUMNS = ("track_id", "path", "duration_s", "fault", "known")

# The archive's authors list these as cut in the wrong place: short, or without any audio
# (https://github.com/mdeff/fma/wiki and https://github.com/mdeff/fma/issues/8).
KNOWN_FAULTY = frozenset(
    f"{number:06}"
    for number in (
        *(1486, 5574, 65753, 80391, 98558, 98559, 98560, 98565, 98566, 98567, 98568, 98569),
        *(98571, 99134, 105247, 108924, 108925, 126981, 127336, 133297, 143992),
    )
)
_FOLDER, _CLIP = re.compile(r"\d{3}"), re.compile(r"\d{6}\.mp3")
_LOG = logging.getLogger(__name__)


def planned_clips(settings: FmaData) -> int:
    """How many clips there are in the user's folder, or will be once the archive is unpacked.

    Raises:
        UserError: see ``find_clips``.
    """
    if settings.folder is None:
        return CLIPS[settings.subset]
    return len(find_clips(Path(settings.folder), settings.subset))


def find_clips(folder: Path, subset: str) -> list[Path]:
    """Paths of all clips, sorted; only names are looked at.

    Args:
        folder: holds ``fma_<subset>``, or is that folder.
        subset: small, medium or large.

    Raises:
        UserError: there is no such folder, or no clip in it.
    """
    inner = folder / f"fma_{subset}"
    root = inner if inner.is_dir() else folder
    if not root.is_dir():
        raise UserError(f"{root}: no such folder, expected the clips of fma_{subset}")
    folders = sorted(path for path in root.iterdir() if _FOLDER.fullmatch(path.name))
    files = [path for part in folders for path in sorted(part.iterdir())]
    clips = [path for path in files if _CLIP.fullmatch(path.name)]
    if not clips:
        raise UserError(f"{root}: holds no clip, expected files such as 000/000002.mp3")
    return clips


def make_fma(
    settings: FmaData, clips: Path, metadata: Path | None, folder: Path, workers: int = 1
) -> None:
    """Write the catalogue's two files, ``faulty_clips.csv`` and Sample100's ``found.csv``.

    Args:
        settings: what to train and evaluate on.
        clips: see ``find_clips``.
        metadata: folder in or below which ``tracks.csv`` of fma_metadata lies; None: no titles.
        folder: of the catalogue.
        workers: headers that are read at a time, in threads.

    Raises:
        UserError: there are no clips, or something of Sample100 is not as expected.
    """
    training = training_tracks(find_clips(clips, settings.subset), workers)
    if len(training) != CLIPS[settings.subset]:
        _LOG.warning(
            "%s: %d clips, the archive has %d", clips, len(training), CLIPS[settings.subset]
        )
    faulty = training[training["fault"] != ""]
    _LOG.info("%d clips, %d of them short or without audio", len(training), len(faulty))
    titles = pd.DataFrame(columns=["title", "artist"]) if metadata is None else _titles(metadata)
    training = training.join(titles, on="track_id").fillna({"title": "", "artist": ""})
    evaluation = read_sample100(settings.evaluation)
    report_found(evaluation, settings.evaluation, folder)
    write_csv(folder / "faulty_clips.csv", faulty[list(FAULTY_COLUMNS)])
    tracks = pd.concat([training[list(TRACK_COLUMNS)], evaluation.catalogue.tracks])
    rest = (evaluation.catalogue.occurrences, evaluation.catalogue.absences)
    write_catalogue(Catalogue(tracks.reset_index(drop=True), *rest), folder)


def training_tracks(clips: list[Path], workers: int = 1) -> pd.DataFrame:
    """Clips as tracks of the role ``train``, judged by their files' headers.

    Returns:
        track_id, role, path (absolute), duration_s (NaN where the header cannot be read), fault
        (empty if there is none) and known (yes if the archive's authors list the clip as faulty,
        else no).
    """
    with ThreadPoolExecutor(workers) as pool:
        judged = list(pool.map(_judge, clips))
    table = pd.DataFrame(judged, columns=["duration_s", "fault"])
    table.insert(0, "track_id", [path.stem for path in clips])
    table.insert(1, "role", "train")
    table.insert(2, "path", [str(path.resolve()) for path in clips])
    return table.assign(known=table["track_id"].isin(KNOWN_FAULTY).map({True: "yes", False: "no"}))


def _judge(path: Path) -> tuple[float, str]:
    """A clip's length in seconds, and what is wrong with it."""
    try:
        seconds = audio_info(path).seconds
    except UserError as error:
        return float("nan"), str(error).removeprefix(f"{path}: ")
    if seconds < SHORTEST_S:
        return round(seconds, 2), f"{seconds:.1f} s, expected 30 s"
    return round(seconds, 2), ""


def _titles(folder: Path) -> pd.DataFrame:
    """Title and artist of every track of the archive; the index is the track id.

    The table has two header rows, and a third that names its first column.

    Raises:
        UserError: it is missing, or has other columns.
    """
    found = sorted(folder.rglob("tracks.csv")) if folder.is_dir() else []
    if not found:
        raise UserError(f"{folder}: no tracks.csv, expected that of fma_metadata")
    wanted = [("track", "title"), ("artist", "name")]
    try:
        table = pd.read_csv(found[0], header=[0, 1], index_col=0, dtype=str, keep_default_na=False)
    except ValueError as error:  # pandas' errors about tables are all of this kind
        raise UserError(
            f"{found[0]}: not a CSV table ({error}), expected fma_metadata's"
        ) from error
    missing = [column for column in wanted if column not in table.columns]
    if missing:
        raise UserError(
            f"{found[0]}: column {'/'.join(missing[0])} is missing, expected fma_metadata's "
            "tracks.csv with its two header rows"
        )
    titles = table[wanted].set_axis(["title", "artist"], axis=1)
    return titles.apply(lambda column: column.str.strip()).set_axis(table.index.str.zfill(6))
