"""A file's sound as mono: held in memory, or decoded anew each time if it is long."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import soxr

Waveform = npt.NDArray[np.float32]
BLOCK = 1 << 18  # samples of all channels that are decoded at once
KEPT = 1 << 25  # samples of a sound that is held in memory: 13 minutes at 44.1 kHz, 128 MiB
_SILENT = 3e-4  # largest sample of what is taken for silence: ten steps of 16 bit
_CANCELLED = 0.03  # of the channels' power: a mean with less is what is left of two that cancel


@dataclass(frozen=True)
class Sound:
    """A sound of one channel; how much memory it takes does not grow with its length."""

    sample_rate: int  # Hz
    length: int  # samples
    loudest: float  # the largest sample's magnitude; not finite if one is not
    blocks: Callable[[], Iterable[Waveform]]  # all samples from the start, (samples,) each
    by_ffmpeg: bool = False  # libsndfile cannot read it

    @property
    def seconds(self) -> float:
        return self.length / self.sample_rate

    @property
    def silent(self) -> bool:
        """Whether there is nothing to hear in it."""
        return self.loudest < _SILENT

    def at(self, sample_rate: int) -> Waveform:
        """The whole of it at another rate (Hz), (samples,); its memory grows with the length."""
        return resample(joined(self.blocks()), self.sample_rate, sample_rate)


class Resampler:
    """Gives what ``resample`` gives, bit for bit, of a sound that comes in blocks."""

    def __init__(self, source_rate: int, target_rate: int) -> None:
        same = source_rate == target_rate
        self._stream = None if same else soxr.ResampleStream(source_rate, target_rate, 1)

    def feed(self, block: Waveform) -> Waveform:
        """What can be said after one more block, (samples,)."""
        return self._resampled(block)

    def finish(self) -> Waveform:
        """The rest, after the last block."""
        return self._resampled(np.empty(0, np.float32), last=True)

    def _resampled(self, block: Waveform, *, last: bool = False) -> Waveform:
        return block if self._stream is None else self._stream.resample_chunk(block, last)


def mixed(
    read: Callable[[], Iterable[Waveform]], sample_rate: int, most: int | None = None
) -> Sound:
    """The mean of a sound's channels; where they cancel each other, the first that is loud.

    Args:
        read: gives the sound from its start, in blocks (samples, channels).
        sample_rate: in Hz.
        most: samples that may be held in memory; None: ``KEPT``.
    """
    most = KEPT if most is None else most
    kept, length, loudest = bytearray(), 0, 0.0  # it grows without being copied
    power, of_mean = np.zeros(1), 0.0
    for block in read():
        mean = _mean(block)
        length += len(mean)
        loudest = float(np.maximum(loudest, np.abs(mean).max(initial=0.0)))
        power = power + [float(np.dot(channel, channel)) for channel in block.T]
        of_mean += float(np.dot(mean, mean))
        if length <= most:
            kept += mean.tobytes()
        else:
            kept.clear()
    if len(power) > 1 and of_mean < _CANCELLED * power.mean():
        loud = [int(np.argmax(power >= 0.5 * power.max()))]
        return mixed(lambda: (block[:, loud] for block in read()), sample_rate, most)
    if length > most:  # a file may grow meanwhile
        return Sound(sample_rate, length, loudest, lambda: cut(map(_mean, read()), 0, length))
    samples = np.frombuffer(kept, np.float32)
    starts = range(0, length, BLOCK)
    return Sound(sample_rate, length, loudest, lambda: (samples[s : s + BLOCK] for s in starts))


def _mean(block: Waveform) -> Waveform:
    """The mean of the channels, (samples,); NumPy's own takes thirty times as long for two."""
    first, *others = block.T
    return cast(Waveform, sum(others, first) / np.float32(1 + len(others)))


def in_turn(sounds: Sequence[Sound]) -> Sound:
    """Sounds one after the other, at the rate of the first."""
    if len(sounds) == 1:
        return sounds[0]
    rate = sounds[0].sample_rate
    length = sum(round(sound.length * rate / sound.sample_rate) for sound in sounds)
    loudest = float(np.max([sound.loudest for sound in sounds]))
    return Sound(rate, length, loudest, lambda: blocks_at(rate, sounds))


def blocks_at(sample_rate: int, sounds: Iterable[Sound]) -> Iterator[Waveform]:
    """The blocks of sounds that follow each other, at one rate (Hz)."""
    for sound in sounds:
        resampler = Resampler(sound.sample_rate, sample_rate)
        for block in sound.blocks():
            yield resampler.feed(block)
        yield resampler.finish()


def cut(blocks: Iterable[Waveform], begin: int, end: int | None = None) -> Iterator[Waveform]:
    """Those samples of a sound in blocks that lie from one place up to another, or to the end."""
    place = 0
    for block in blocks:
        if end is not None and place >= end:
            return
        yield block[max(begin - place, 0) : None if end is None else end - place]
        place += len(block)


def joined(blocks: Iterable[Waveform]) -> Waveform:
    """Blocks as one array; none: an empty one."""
    return np.concatenate([np.empty(0, np.float32), *blocks])


def resample(audio: Waveform, source_rate: int, target_rate: int) -> Waveform:
    """Resample along the first axis (soxr, high quality); a copy is avoided where rates agree."""
    if source_rate == target_rate or audio.shape[0] == 0:
        return audio
    return cast(Waveform, soxr.resample(audio, source_rate, target_rate).astype(np.float32))


class Stretch:
    """The samples of a sound in blocks that are still needed, by their places in the whole."""

    def __init__(self) -> None:
        self._begin = self.end = 0  # of what is there
        self._blocks: list[Waveform] = []

    def append(self, block: Waveform) -> None:
        self._blocks.append(block)
        self.end += len(block)

    def part(self, begin: int, end: int) -> Waveform:
        """The samples from one place to another, (samples,), as far as they are there."""
        if len(self._blocks) > 1:
            self._blocks = [np.concatenate(self._blocks)]
        (block,) = self._blocks or [np.empty(0, np.float32)]
        return block[max(begin - self._begin, 0) : max(end - self._begin, 0)]

    def drop(self, end: int) -> None:
        """Forget what lies before a place."""
        end = min(end, self.end)
        self._blocks, self._begin = [self.part(end, self.end)], max(end, self._begin)
