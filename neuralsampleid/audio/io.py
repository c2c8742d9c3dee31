"""Reading and writing audio files (libsndfile: WAV, FLAC, OGG, MP3)."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from neuralsampleid.errors import UserError
from neuralsampleid.files import write_bytes

Waveform = npt.NDArray[np.float32]
_ENCODING: dict[str, dict[str, Any]] = {
    "flac": {"subtype": "PCM_16"},
    "wav": {"subtype": "PCM_16"},
    "mp3": {"bitrate_mode": "CONSTANT", "compression_level": 0.5},
}
_MP3_PREROLL = 16 * 1152  # samples: an MP3 frame may need the bits of the ones before it


@dataclass(frozen=True)
class AudioInfo:
    """What a file's header says of it."""

    sample_rate: int  # Hz
    frames: int  # samples per channel; wrong for MP3 files without a Xing header
    channels: int

    @property
    def seconds(self) -> float:
        return self.frames / self.sample_rate


def audio_info(path: Path) -> AudioInfo:
    """Read a file's header.

    Raises:
        UserError: the file is missing or is not audio that libsndfile reads.
    """
    try:
        info = soundfile.info(str(path))
    except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
        raise _unreadable(path, error) from error
    return AudioInfo(info.samplerate, info.frames, info.channels)


def read_audio(
    path: Path, sample_rate: int, start_s: float = 0.0, duration_s: float | None = None
) -> Waveform:
    """Read (part of) a file as mono at ``sample_rate``.

    A window is sample-exact and costs little more than its own length (an OGG file is decoded from
    its start). Reading starts at the sample nearest to ``start_s``; what lies beyond the end is
    missing, not padded.

    Returns:
        float32 (samples,), nominally within [-1, 1].

    Raises:
        UserError: the file is missing or cannot be decoded.
    """
    try:
        with soundfile.SoundFile(str(path)) as file:
            native = int(file.samplerate)
            start = min(round(start_s * native), file.frames)
            preroll = min(start, _preroll(file.format, start))
            file.seek(start - preroll)
            frames = -1 if duration_s is None else preroll + round(duration_s * native)
            audio = file.read(frames, dtype="float32", always_2d=True)[preroll:]
    except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
        raise _unreadable(path, error) from error
    mono = audio.mean(axis=1, dtype=np.float32)
    return resample(mono, native, sample_rate)


def _preroll(file_format: str, start: int) -> int:
    """Samples to decode before a window, so that it equals that part of the whole file.

    libsndfile misplaces some windows of OGG files by some hundred samples, and begins MP3 windows
    with frames that lack their predecessors' bits.
    """
    return {"MP3": _MP3_PREROLL, "OGG": start}.get(file_format, 0)


def resample(audio: Waveform, source_rate: int, target_rate: int) -> Waveform:
    """Resample along the first axis (soxr, high quality); a copy is avoided where rates agree."""
    if source_rate == target_rate or audio.shape[0] == 0:
        return audio
    return cast(Waveform, soxr.resample(audio, source_rate, target_rate).astype(np.float32))


def write_audio(path: Path, audio: Waveform, sample_rate: int) -> None:
    """Write mono or (samples, channels) audio in the format of the suffix, 16 bit.

    Samples beyond [-1, 1] are clipped; MP3 files get a constant bit rate, 80 kbit/s where a mono
    file has 22.05 kHz. The file appears whole or not at all.

    Raises:
        OSError: the file cannot be written, for one because the disk is full.
    """
    kind = path.suffix.lower().removeprefix(".")
    encoded = io.BytesIO()  # libsndfile itself does not say that a disk is full
    soundfile.write(
        encoded,
        np.clip(audio, -1.0, 1.0),
        sample_rate,
        format=kind.upper(),
        **_ENCODING.get(kind, {}),
    )
    write_bytes(path, encoded.getbuffer())


def _unreadable(path: Path, error: Exception) -> UserError:
    if not path.exists():
        return UserError(f"{path}: no such audio file")
    reason = str(error).rstrip(".").split(": ")[-1]
    return UserError(f"{path}: cannot be decoded ({reason}); expected WAV, FLAC, OGG or MP3 audio")
