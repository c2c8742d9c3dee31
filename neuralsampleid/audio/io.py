"""Reading and writing audio files (libsndfile: WAV, FLAC, OGG, MP3)."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import soundfile

from neuralsampleid.audio.parts import Part, parts_of
from neuralsampleid.audio.sound import (
    BLOCK,
    KEPT,
    Sound,
    Waveform,
    blocks_at,
    cut,
    in_turn,
    joined,
    mixed,
)
from neuralsampleid.errors import UserError
from neuralsampleid.files import write_bytes

_ENCODING: dict[str, dict[str, Any]] = {
    "flac": {"subtype": "PCM_16"},
    "wav": {"subtype": "PCM_16"},
    "mp3": {"bitrate_mode": "CONSTANT", "compression_level": 0.5},
}
_PREROLL = 16 * 1152  # samples: an MP3 frame may need the bits of the ones before it
NO_MEMORY = "needs more memory than there is; close other programs, or split the file"
_RATES = 1000, 1 << 20  # Hz, the lowest and the highest that are believed
_UNKNOWN = 1 << 48  # samples: as many as no file holds
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class AudioInfo:
    """How long a file is, and how its sound is sampled."""

    sample_rate: int  # Hz
    frames: int  # samples per channel
    channels: int

    @property
    def seconds(self) -> float:
        return self.frames / self.sample_rate


def audio_info(path: Path) -> AudioInfo:
    """What is known of a file's length and channels without decoding it, where that is possible.

    Raises:
        UserError: the file is missing or is not audio that libsndfile reads.
    """
    with _reading(path):
        infos = [soundfile.info(part.source()) for part in parts_of(path)]
        rate = _believed(infos[0].samplerate)
    frames = sum(round(info.frames * rate / info.samplerate) for info in infos)
    if frames >= _UNKNOWN:
        frames = read_sound(path).length
    return AudioInfo(rate, frames, infos[0].channels)


def read_sound(path: Path) -> Sound:
    """A whole file as mono; see ``mixed`` for several channels.

    Raises:
        UserError: as of ``read_audio``; also while its blocks are read.
    """
    with _reading(path):
        return in_turn(_sounds(path, parts_of(path)))


def read_audio(
    path: Path, sample_rate: int, start_s: float = 0.0, duration_s: float | None = None
) -> Waveform:
    """Read (part of) a file as mono at ``sample_rate``.

    A window is sample-exact and costs little more than its own length (an OGG file is decoded from
    its start, if that is not far). Reading starts at the sample nearest to ``start_s``; what lies
    beyond the end is missing, not padded. See ``mixed`` for several channels.

    Returns:
        float32 (samples,), nominally within [-1, 1].

    Raises:
        UserError: the file is missing or cannot be decoded, or the memory does not suffice.
    """
    with _reading(path):
        first, *others = parts_of(path)
        if not others:
            return _sound(first, path, KEPT, start_s, duration_s).at(sample_rate)
        begin = round(start_s * sample_rate)
        end = None if duration_s is None else begin + round(duration_s * sample_rate)
        return joined(cut(blocks_at(sample_rate, _sounds(path, [first, *others])), begin, end))


def _sounds(path: Path, parts: Iterable[Part]) -> list[Sound]:
    """The parts of a file; no more of them all is held in memory than of one sound."""
    sounds: list[Sound] = []
    for part in parts:
        sounds.append(_sound(part, path, KEPT - sum(sound.length for sound in sounds)))
    return sounds


def _sound(
    part: Part, path: Path, most: int, start_s: float = 0.0, duration_s: float | None = None
) -> Sound:
    """A window of a part of a file; at most so many samples are held in memory."""
    info = soundfile.info(part.source())
    native = _believed(int(info.samplerate))
    start = min(round(start_s * native), info.frames)
    preroll = min(start, _preroll(info.format, start))
    wanted = info.frames - start if duration_s is None else round(duration_s * native)

    def blocks() -> Iterator[Waveform]:
        # A block at a time: what a header says of the length may be far too much.
        left = preroll + wanted
        with _reading(path), soundfile.SoundFile(part.source()) as file:
            file.seek(start - preroll)
            count = max(1, BLOCK // file.channels)
            while left > 0 and len(block := _next_block(file, min(left, count))):
                left -= len(block)
                yield block

    sound = mixed(lambda: cut(blocks(), preroll), native, most)
    if duration_s is None and wanted < _UNKNOWN and sound.length < wanted - native:
        _LOG.warning(
            "%s: only %.0f of %.0f s can be read; the file is damaged or not complete",
            *(path, sound.seconds, wanted / native),
        )
    return sound


def _next_block(file: soundfile.SoundFile, frames: int) -> Waveform:
    if file.frames < _UNKNOWN:
        return cast(Waveform, file.read(frames, dtype="float32", always_2d=True))
    # A FLAC that was streamed does not say its length: its end is an error after the last samples.
    block = np.full((frames, file.channels), np.nan, np.float32)
    with suppress(soundfile.LibsndfileError):
        file.read(out=block)
    return block[~np.isnan(block[:, 0])]


def _preroll(file_format: str, start: int) -> int:
    """Samples to decode before a window, so that it equals that part of the whole file.

    libsndfile misplaces some windows of OGG files by some hundred samples, and begins MP3 windows
    with frames that lack their predecessors' bits. Far in a long OGG file, the former is borne.
    """
    of_ogg = start if start <= KEPT else _PREROLL
    return {"MP3": _PREROLL, "OGG": of_ogg}.get(file_format, 0)


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


def _believed(rate: int) -> int:
    if not _RATES[0] <= rate <= _RATES[1]:
        raise ValueError(f"{rate} samples a second are none of music")
    return rate


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Says in one line why a file cannot be read."""
    try:
        yield
    except MemoryError as error:
        raise UserError(f"{path}: {NO_MEMORY}") from error
    except (soundfile.LibsndfileError, OSError, RuntimeError, ValueError) as error:
        if not path.exists():
            raise UserError(f"{path}: no such audio file") from error
        raise UserError(
            f"{path}: cannot be decoded ({_reason(path, error)}); expected WAV, FLAC, OGG or MP3 "
            "audio"
        ) from error


def _reason(path: Path, error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if path.is_file() and not path.stat().st_size:
        return "the file is empty"
    if isinstance(error, ValueError):
        return str(error)
    # libsndfile's own words are for programmers, or about other things.
    unknown = re.search("does not exist|not recognised|unimplemented", str(error))
    return "its content is no audio that is known here" if unknown else "it is damaged"
