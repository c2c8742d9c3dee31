"""Audio in any format that a person has: libsndfile's, and the rest where ffmpeg is there."""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from neuralsampleid.audio.io import (
    NO_MEMORY,
    Waveform,
    audio_info,
    mixed,
    read_audio,
    resample,
)
from neuralsampleid.errors import UserError
from neuralsampleid.progress import progress

if TYPE_CHECKING:  # nsid does without
    import pandas as pd

# Endings of what libsndfile does not read.
FOR_FFMPEG = (
    *(".m4a", ".m4b", ".aac", ".wma", ".webm", ".mka", ".wv", ".ape", ".mpc", ".tta", ".ac3"),
    *(".amr", ".dsf", ".mp4", ".mkv", ".mov"),
)
_BLOCK = 1 << 18  # samples read at once
# ffmpeg may hang in a damaged file; it decodes at least 1 MB/s even where it shares the machine.
LEAST_LIMIT_S, LIMIT_BYTES_PER_S = 60.0, 1e5
_QUIET = 0.01  # largest sample of a sound that is made louder, since floors of levels are absolute
_SILENT = 3e-4  # largest sample of what is taken for silence: ten steps of 16 bit
_LOUD = 0.5  # largest sample of what was made louder


@dataclass(frozen=True)
class Decoded:
    """A whole file as mono at the file's own rate; what is quiet throughout was made louder."""

    samples: Waveform  # (samples,), at least one, finite
    sample_rate: int  # Hz
    by_ffmpeg: bool = False  # libsndfile cannot read it

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.sample_rate

    @property
    def loudest(self) -> float:
        """The largest sample's magnitude; not finite if one is not."""
        return float(np.maximum(self.samples.max(), -self.samples.min()))

    @property
    def silent(self) -> bool:
        """Whether there is nothing to hear in it."""
        return self.loudest < _SILENT

    def at(self, sample_rate: int) -> Waveform:
        """The same at another rate (Hz), (samples,)."""
        return resample(self.samples, self.sample_rate, sample_rate)


def decode(path: Path) -> Decoded:
    """Decode a whole file: by libsndfile, else by ffmpeg where it is there.

    Raises:
        UserError: the file is missing, cannot be decoded, holds no sample or one that is not
            finite, or needs ffmpeg, which is not there.
    """
    audio = _decoded(path)
    if not len(audio.samples):
        raise UserError(f"{path}: holds no audio, expected at least one sample")
    loudest = audio.loudest
    if not np.isfinite(loudest):
        raise UserError(f"{path}: holds samples that are not finite, expected numbers")
    if _SILENT <= loudest < _QUIET:
        louder = audio.samples * np.float32(_LOUD / loudest)
        return Decoded(louder, audio.sample_rate, audio.by_ffmpeg)
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


def read_any_part(path: Path, sample_rate: int, start_s: float, duration_s: float) -> Waveform:
    """Read a part of any file as mono; arguments as of ``read_audio``, errors as of ``decode``."""
    if path.suffix.lower() not in FOR_FFMPEG:
        try:
            return read_audio(path, sample_rate, start_s, duration_s)
        except UserError:
            pass  # ffmpeg may read it
    begin = round(start_s * sample_rate)
    return read_any_audio(path, sample_rate)[begin : begin + round(duration_s * sample_rate)]


def audio_seconds(path: Path) -> float:
    """How long a file is, by its header; what libsndfile does not read is decoded for it.

    Raises:
        UserError: as ``read_any_audio``, but for what only decoding tells.
    """
    if path.suffix.lower() not in FOR_FFMPEG:
        try:
            if (seconds := audio_info(path).seconds) > 0:
                return seconds
        except UserError:
            pass  # ffmpeg may read it
    return _decoded(path).seconds


def _decoded(path: Path) -> Decoded:
    if path.suffix.lower() in FOR_FFMPEG:
        return _by_ffmpeg(path)
    try:
        rate = audio_info(path).sample_rate
        audio = Decoded(read_audio(path, rate), rate)
        if len(audio.samples):
            return audio
        problem = UserError(f"{path}: holds no audio, expected at least one sample")
    except UserError as error:
        problem = error
    # A name may be of another format; ffmpeg also mends what is damaged or was streamed.
    if not path.is_file() or not path.stat().st_size or shutil.which("ffmpeg") is None:
        raise problem
    try:
        return _by_ffmpeg(path)
    except UserError:
        raise problem from None


def _by_ffmpeg(path: Path) -> Decoded:
    if not path.is_file():
        raise UserError(f"{path}: no such audio file")
    program = shutil.which("ffmpeg")
    if program is None:
        raise UserError(
            f"{path}: {path.suffix} needs ffmpeg, which is not installed; "
            "expected it, or the file as WAV, FLAC, OGG or MP3"
        )
    native = 0

    def blocks() -> Iterator[Waveform]:
        nonlocal native
        source = ("-nostdin", "-v", "error", "-i", f"file:{path}", "-map", "0:a:0")
        # Channels and rate stay as they are: ffmpeg's own mix of two channels is louder by 3 dB.
        with _running([program, *source, "-f", "au", "-c:a", "pcm_f32be", "-"], path) as output:
            head = output.read(24)
            if len(head) == 24:
                _, offset, _, _, native, channels = struct.unpack(">4s5I", head)
                output.read(offset - 24)
                while content := output.read(4 * channels * _BLOCK):
                    whole = len(content) // (4 * channels) * channels
                    block = np.frombuffer(content, ">f4", whole).astype(np.float32)
                    yield block.reshape(-1, channels)

    try:
        return Decoded(mixed(blocks), native, by_ffmpeg=True)
    except MemoryError as error:
        raise UserError(f"{path}: {NO_MEMORY}") from error


@contextmanager
def _running(command: list[str], path: Path) -> Iterator[IO[bytes]]:
    """The output of ffmpeg, which reads a file; it is ended if it takes too long for its length."""
    limit = LEAST_LIMIT_S + path.stat().st_size / LIMIT_BYTES_PER_S
    hung = False

    def end() -> None:
        nonlocal hung
        hung = True
        run.kill()

    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said) as run,
    ):
        assert run.stdout is not None
        timer = threading.Timer(limit, end)
        timer.start()
        try:
            yield run.stdout
            status = run.wait()
        finally:
            timer.cancel()
        if hung:
            raise UserError(
                f"{path}: ffmpeg did not end within {limit:.0f} s, expected it to decode the file; "
                "it may be damaged"
            )
        if status:
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines()
            reason = lines[-1] if lines else f"exit status {status}"
            raise UserError(f"{path}: ffmpeg cannot decode it ({reason}), expected audio")
