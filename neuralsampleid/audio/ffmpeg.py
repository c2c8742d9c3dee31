"""Audio in any format that a person has: libsndfile's, and the rest where ffmpeg is there."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from neuralsampleid.audio.io import Waveform, audio_info, read_audio, resample
from neuralsampleid.errors import UserError
from neuralsampleid.progress import progress

if TYPE_CHECKING:  # nsid does without
    import pandas as pd

FOR_FFMPEG = (".m4a", ".aac", ".wma")  # endings of what libsndfile does not read


@dataclass(frozen=True)
class Decoded:
    """A whole file as mono at the file's own rate."""

    samples: Waveform  # (samples,), at least one, finite
    sample_rate: int  # Hz

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.sample_rate

    def at(self, sample_rate: int) -> Waveform:
        """The same at another rate (Hz), (samples,)."""
        return resample(self.samples, self.sample_rate, sample_rate)


def decode(path: Path) -> Decoded:
    """Decode a whole file.

    Raises:
        UserError: the file is missing, cannot be decoded, holds no sample or one that is not
            finite, or needs ffmpeg, which is not there.
    """
    if path.suffix.lower() in FOR_FFMPEG:
        audio = _by_ffmpeg(path)
    else:
        rate = audio_info(path).sample_rate
        audio = Decoded(read_audio(path, rate), rate)
    if not len(audio.samples):
        raise UserError(f"{path}: holds no audio, expected at least one sample")
    if not np.isfinite(audio.samples).all():
        raise UserError(f"{path}: holds samples that are not finite, expected numbers")
    return audio


def read_any_audio(path: Path, sample_rate: int) -> Waveform:
    """Read a whole file as mono at ``sample_rate`` (Hz), (samples,); errors as of ``decode``."""
    return decode(path).at(sample_rate)


def read_tracks(tracks: pd.DataFrame, rate: int, task: str) -> Iterator[tuple[str, Waveform]]:
    """Ids and audio of a catalogue's tracks, while it is told how far the task is.

    Args:
        tracks: ``track_id`` and ``path``.
        rate: of the audio, in Hz.
        task: what is done with it.

    Raises:
        UserError: a file is missing, cannot be decoded, or holds no sample.
    """
    for row in progress(list(tracks.itertuples(index=False)), task):
        if not row.path:
            raise UserError(f"tracks.csv: track '{row.track_id}' has no path, expected a file")
        yield row.track_id, read_any_audio(Path(row.path), rate)


def audio_seconds(path: Path) -> float:
    """How long a file is, by its header; what libsndfile does not read is decoded for it.

    Raises:
        UserError: as ``read_any_audio``, but for what only decoding tells.
    """
    if path.suffix.lower() in FOR_FFMPEG:
        return _by_ffmpeg(path).seconds
    return audio_info(path).seconds


def _by_ffmpeg(path: Path) -> Decoded:
    if not path.is_file():
        raise UserError(f"{path}: no such audio file")
    program = shutil.which("ffmpeg")
    if program is None:
        raise UserError(
            f"{path}: {path.suffix} needs ffmpeg, which is not installed; "
            "expected it, or the file as WAV, FLAC, OGG or MP3"
        )
    source = ("-nostdin", "-v", "error", "-i", f"file:{path}", "-map", "0:a:0")
    # Channels and rate stay as they are: ffmpeg's own mix of two channels is louder by 3 dB.
    target = ("-f", "au", "-c:a", "pcm_f32be", "-")
    run = subprocess.run([program, *source, *target], capture_output=True, check=False)
    if run.returncode:
        lines = run.stderr.decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"exit status {run.returncode}"
        raise UserError(f"{path}: ffmpeg cannot decode it ({reason}), expected audio")
    audio, native = soundfile.read(io.BytesIO(run.stdout), dtype="float32", always_2d=True)
    return Decoded(audio.mean(axis=1, dtype=np.float32), int(native))
