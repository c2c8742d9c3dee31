"""Audio in any format that a person has: libsndfile's, and the rest where ffmpeg is there."""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from neuralsampleid.audio.io import NO_MEMORY, audio_info, read_audio, read_sound
from neuralsampleid.audio.sound import BLOCK, Sound, Waveform, mixed
from neuralsampleid.errors import UserError
from neuralsampleid.progress import progress

if TYPE_CHECKING:  # nsid does without
    import pandas as pd

_Read = TypeVar("_Read")
# Endings of what libsndfile does not read.
FOR_FFMPEG = (
    *(".m4a", ".m4b", ".aac", ".wma", ".webm", ".mka", ".wv", ".ape", ".mpc", ".tta", ".ac3"),
    *(".amr", ".dsf", ".mp4", ".mkv", ".mov"),
)
# ffmpeg may hang in a damaged file; it decodes at least 1 MB/s even where it shares the machine.
LEAST_LIMIT_S, LIMIT_BYTES_PER_S = 60.0, 1e5
_QUIET = 0.01  # largest sample of a sound that is made louder, since floors of levels are absolute
_LOUD = 0.5  # largest sample of what was made louder


def decode(path: Path) -> Sound:
    """A whole file, by libsndfile, else by ffmpeg where it is there.

    What is quiet throughout is made louder.

    Raises:
        UserError: the file is missing, cannot be decoded, holds no sample or one that is not
            finite, or needs ffmpeg, which is not there.
    """
    return usable(_decoded(path), path)


def usable(sound: Sound, name: Path | str) -> Sound:
    """A sound that can be fingerprinted: what is quiet throughout is made louder.

    Raises:
        UserError: it holds no sample or one that is not finite; the message begins with the name.
    """
    if not sound.length:
        raise UserError(f"{name}: holds no audio, expected at least one sample")
    if not np.isfinite(sound.loudest):
        raise UserError(f"{name}: holds samples that are not finite, expected numbers")
    if sound.silent or sound.loudest >= _QUIET:
        return sound
    gain = np.float32(_LOUD / sound.loudest)
    return replace(sound, blocks=lambda: (block * gain for block in sound.blocks()), loudest=_LOUD)


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
    window = ("-ss", f"{start_s:.6f}", "-t", f"{duration_s:.6f}")
    return _by_either(
        path,
        lambda: read_audio(path, sample_rate, start_s, duration_s),
        lambda: _by_ffmpeg(path, *window).at(sample_rate),
    )


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


def _decoded(path: Path) -> Sound:
    return _by_either(path, lambda: _by_libsndfile(path), lambda: _by_ffmpeg(path))


def _by_either(path: Path, read: Callable[[], _Read], by_ffmpeg: Callable[[], _Read]) -> _Read:
    """What libsndfile reads, else what ffmpeg does where it is there."""
    if path.suffix.lower() in FOR_FFMPEG:
        return by_ffmpeg()
    try:
        return read()
    except UserError as problem:
        # A name may be of another format; ffmpeg also mends what is damaged or was streamed.
        if not path.is_file() or not path.stat().st_size or shutil.which("ffmpeg") is None:
            raise
        try:
            return by_ffmpeg()
        except UserError:
            raise problem from None


def _by_libsndfile(path: Path) -> Sound:
    sound = read_sound(path)
    if not sound.length:
        raise UserError(f"{path}: holds no audio, expected at least one sample")
    return sound


def _by_ffmpeg(path: Path, *window: str) -> Sound:
    """A file, or the part of it that options of ffmpeg name."""
    if not path.is_file():
        raise UserError(f"{path}: no such audio file")
    program = shutil.which("ffmpeg")
    if program is None:
        raise UserError(
            f"{path}: {path.suffix} needs ffmpeg, which is not installed; "
            "expected it, or the file as WAV, FLAC, OGG or MP3"
        )
    # Channels and rate stay as they are: ffmpeg's own mix of two channels is louder by 3 dB.
    source = ("-nostdin", "-v", "error", *window, "-i", f"file:{path}", "-map", "0:a:0")
    command = [program, *source, "-f", "au", "-c:a", "pcm_f32be", "-"]
    native = 0

    def blocks() -> Iterator[Waveform]:
        nonlocal native
        with _running(command, path) as read:
            head = read(24)
            if len(head) == 24:
                _, offset, _, _, native, channels = struct.unpack(">4s5I", head)
                read(offset - 24)
                while content := read(4 * channels * (BLOCK // channels)):
                    whole = len(content) // (4 * channels) * channels
                    block = np.frombuffer(content, ">f4", whole).astype(np.float32)
                    yield block.reshape(-1, channels)

    try:
        sound = mixed(blocks, 0)
    except MemoryError as error:
        raise UserError(f"{path}: {NO_MEMORY}") from error
    return replace(sound, sample_rate=native, by_ffmpeg=True)


@contextmanager
def _running(command: list[str], path: Path) -> Iterator[Callable[[int], bytes]]:
    """Reads so many bytes of the output of ffmpeg, which reads a file.

    It is ended if it is waited for longer than is right for the file's size.
    """
    left = limit = LEAST_LIMIT_S + path.stat().st_size / LIMIT_BYTES_PER_S
    hung = False

    def end() -> None:
        nonlocal hung
        hung = True
        run.kill()

    @contextmanager
    def waiting() -> Iterator[None]:
        nonlocal left
        began, timer = time.monotonic(), threading.Timer(left, end)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            left -= time.monotonic() - began

    def read(count: int) -> bytes:
        assert run.stdout is not None
        with waiting():
            return run.stdout.read(count)

    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said) as run,
    ):
        yield read
        with waiting():
            status = run.wait()
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
