"""The peaks of a set of tracks as one file, read and written whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from neuralsampleid.audio.ffmpeg import read_tracks
from neuralsampleid.config import PeakFinding
from neuralsampleid.errors import UserError
from neuralsampleid.files import replacing_file
from neuralsampleid.landmarks.peaks import BYTES, Peaks, find_peaks

_ARRAYS = ("track_ids", "counts", "content")


def peaks_of_tracks(
    tracks: pd.DataFrame, settings: PeakFinding, of_queries: bool = False
) -> dict[str, Peaks]:
    """Find the peaks of a catalogue's tracks: track id → peaks, in their order.

    Args:
        tracks: ``track_id`` and ``path``.
        settings: of the peaks.
        of_queries: find quiet ones as well.

    Raises:
        UserError: as of ``read_tracks``.
    """
    audio_of = read_tracks(tracks, settings.sample_rate, "find peaks")
    return {track_id: find_peaks(audio, settings, of_queries) for track_id, audio in audio_of}


def write_peaks(path: Path, peaks: Mapping[str, Peaks]) -> None:
    """Write the peaks of at least one track; the file appears whole or not at all."""
    contents = [track.to_bytes() for track in peaks.values()]
    with replacing_file(path) as temporary:
        np.savez(
            temporary,
            track_ids=np.array(list(peaks), dtype=str),
            counts=np.array([len(content) // BYTES for content in contents], np.int64),
            content=np.frombuffer(b"".join(contents), np.uint8),
        )


def read_all_peaks(paths: Iterable[str | Path]) -> dict[str, Peaks]:
    """The peaks of several files as one; errors as of ``read_peaks``."""
    return {name: peaks for path in paths for name, peaks in read_peaks(Path(path)).items()}


def read_peaks(path: Path) -> dict[str, Peaks]:
    """Read what ``write_peaks`` wrote.

    Raises:
        UserError: the file is missing or is another.
    """
    try:
        with np.load(path) as file:
            track_ids, counts, content = (file[name] for name in _ARRAYS)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file, expected the peaks of tracks") from error
    except (ValueError, OSError, EOFError, KeyError, BadZipFile) as error:
        raise UserError(f"{path}: not a file of peaks ({error})") from error
    if len(track_ids) != len(counts) or len(content) != BYTES * counts.sum():
        raise UserError(
            f"{path}: {len(content)} bytes for {counts.sum()} peaks, expected {BYTES} for each"
        )
    ends = BYTES * np.cumsum(counts)
    parts = zip(track_ids, ends - BYTES * counts, ends, strict=True)
    return {
        str(track): Peaks.from_bytes(content[first:last].tobytes()) for track, first, last in parts
    }
