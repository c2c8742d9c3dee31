"""Stems of whole data sets: where the files go, and what happens to tracks that are unusable."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from neuralsampleid.audio.io import write_audio
from neuralsampleid.errors import UserError
from neuralsampleid.files import replacing_folder
from neuralsampleid.separation.stems import STEMS, StemSource, UnusableTrack

REPORT_COLUMNS = ("track_id", "status", "reason")


def separate_track(
    track_id: str, source: Path, out_folder: Path, separator: StemSource, sample_rate: int
) -> None:
    """Write one track's stems to ``<out_folder>/<track_id>/<stem>.flac``, all four or none.

    Args:
        track_id: also the name of the folder.
        source: the track's audio.
        out_folder: of all tracks.
        separator: any backend.
        sample_rate: of the files, in Hz; they are mono, 16 bit.

    Raises:
        UnusableTrack: this track's audio is at fault.
        UserError: something else is.
    """
    stems = separator.stems_of(track_id, source, sample_rate)
    with replacing_folder(out_folder / track_id) as temporary:
        for stem in STEMS:
            write_audio(temporary / f"{stem}.flac", stems[stem], sample_rate)


def separate_tracks(
    tracks: pd.DataFrame,
    separator: StemSource,
    out: Path,
    sample_rate: int,
    *,
    progress: Callable[[int, int], None] | None = None,
    workers: int = 1,
) -> pd.DataFrame:
    """Separate many tracks; one that cannot be decoded is listed and skipped.

    Args:
        tracks: the catalogue's rows (``track_id``, ``path``) of the role ``train``.
        separator: any backend.
        out: one folder per track appears in it.
        sample_rate: of the stems, in Hz.
        progress: called after each track with the number of tracks done and of all.
        workers: tracks at a time, in threads (most of the work releases Python's lock); 1 for
            a model that fills the machine by itself.

    Returns:
        ``REPORT_COLUMNS``, one row per track in the order given: status is ``separated`` or
        ``skipped``, the reason is empty or says what is wrong.

    Raises:
        UserError: all tracks are unusable, or something is wrong that is not one track's fault.
    """

    def attempt(track_id: str, path: str) -> str:
        try:
            separate_track(track_id, Path(path), out, separator, sample_rate)
        except UnusableTrack as error:
            return str(error)
        return ""

    reasons = []
    pool = ThreadPoolExecutor(workers)
    try:
        for reason in pool.map(attempt, tracks["track_id"], tracks["path"]):
            reasons.append(reason)
            if progress is not None:
                progress(len(reasons), len(tracks))
    finally:
        # After an error the tracks that wait are not begun.
        pool.shutdown(cancel_futures=True)
    if reasons and all(reasons):
        raise UserError(
            f"{reasons[0]}; so or similarly all {len(reasons)} training tracks, "
            "expected at least one that can be separated"
        )
    status = ["skipped" if reason else "separated" for reason in reasons]
    rows = zip(tracks["track_id"], status, reasons, strict=True)
    return pd.DataFrame(rows, columns=list(REPORT_COLUMNS))
