"""Stems of whole data sets: where they go, what is there already, and unusable tracks."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import pandas as pd

from neuralsampleid.audio.io import write_audio
from neuralsampleid.catalogue.formats import read_table
from neuralsampleid.errors import UserError
from neuralsampleid.files import remove_leftovers, replacing_folder, write_json
from neuralsampleid.progress import progress
from neuralsampleid.separation.stems import STEMS, Origin, StemSource, UnusableTrack

REPORT_COLUMNS = ("track_id", "status", "reason")
ORIGIN = "origin.json"  # beside the stems: what they were made from
AudioFormat = Literal["flac", "mp3"]
_LOG = logging.getLogger(__name__)


def separate_track(
    track_id: str,
    source: Path,
    out_folder: Path,
    separator: StemSource,
    sample_rate: int,
    audio_format: AudioFormat = "flac",
) -> bool:
    """Write one track's stems to ``<out_folder>/<track_id>/<stem>.<format>``, all four or none.

    Stems that were made before from the same audio in the same way are left as they are.

    Args:
        track_id: also the name of the folder.
        source: the track's audio.
        out_folder: of all tracks.
        separator: any backend.
        sample_rate: of the files, in Hz; they are mono, FLAC has 16 bit.
        audio_format: of the files.

    Returns:
        Whether they were made; they may have been there.

    Raises:
        UnusableTrack: this track's audio is at fault; stems from earlier are removed.
        UserError: something else is.
    """
    folder = out_folder / track_id
    origin = separator.origin_of(track_id, source)
    origin |= {"sample_rate": sample_rate, "format": audio_format}
    if _is_finished(folder, origin, audio_format):
        return False
    try:
        stems = separator.stems_of(track_id, source, sample_rate)
    except UnusableTrack:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    with replacing_folder(folder) as temporary:
        for stem in STEMS:
            write_audio(temporary / f"{stem}.{audio_format}", stems[stem], sample_rate)
        write_json(temporary / ORIGIN, origin)
    return True


def separate_tracks(
    tracks: pd.DataFrame,
    separator: StemSource,
    out: Path,
    sample_rate: int,
    audio_format: AudioFormat = "flac",
    *,
    workers: int = 1,
) -> pd.DataFrame:
    """Separate many tracks; one that cannot be decoded is listed and skipped.

    What an earlier, interrupted call finished is not made again, and what it left unfinished is
    removed.

    Args:
        tracks: the catalogue's rows (``track_id``, ``path``) of the role ``train``.
        separator: any backend.
        out: one folder per track appears in it.
        sample_rate: of the stems, in Hz.
        audio_format: of the stems.
        workers: tracks at a time, in threads (most of the work releases Python's lock); 1 for
            a model that fills the machine by itself.

    Returns:
        ``REPORT_COLUMNS``, one row per track in the order given: status is ``separated`` or
        ``skipped``, the reason is empty or says what is wrong.

    Raises:
        UserError: something is wrong that is not one track's fault.
    """
    before: list[str] = []

    def attempt(track_id: str, path: str) -> str:
        try:
            if not separate_track(track_id, Path(path), out, separator, sample_rate, audio_format):
                before.append(track_id)
        except UnusableTrack as error:
            return str(error)
        return ""

    remove_leftovers(out, set(tracks["track_id"]))
    pool = ThreadPoolExecutor(workers)
    try:
        done = pool.map(attempt, tracks["track_id"], tracks["path"])
        reasons = list(progress(done, "separate", total=len(tracks)))
    finally:
        # After an error the tracks that wait are not begun.
        pool.shutdown(cancel_futures=True)
    _LOG.info("%d of %d tracks were finished before", len(before), len(tracks))
    status = ["skipped" if reason else "separated" for reason in reasons]
    rows = zip(tracks["track_id"], status, reasons, strict=True)
    return pd.DataFrame(rows, columns=list(REPORT_COLUMNS))


def read_report(path: Path) -> pd.DataFrame:
    """A report as it was written; errors as for ``read_table``."""
    return read_table(path, dict.fromkeys(REPORT_COLUMNS, str))


def read_reports(paths: Sequence[Path]) -> pd.DataFrame:
    """The reports of several calls as one, in the order given.

    Raises:
        UserError: they list tracks and none of them could be separated.
    """
    report = pd.concat([read_report(path) for path in paths], ignore_index=True)
    if len(report) and (report["status"] == "skipped").all():
        raise UserError(
            f"{report['reason'].iat[0]}; so or similarly all {len(report)} training tracks, "
            "expected at least one that can be separated"
        )
    return report


def separated_ids(report: pd.DataFrame) -> list[str]:
    """Ids of the tracks that have stems, in the order of the report."""
    return list(report.loc[report["status"] == "separated", "track_id"])


def _is_finished(folder: Path, origin: Origin, audio_format: AudioFormat) -> bool:
    """Whether a folder holds all stems of this origin."""
    try:
        found = json.loads((folder / ORIGIN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    files = [folder / f"{stem}.{audio_format}" for stem in STEMS]
    return bool(found == origin) and all(file.is_file() for file in files)
