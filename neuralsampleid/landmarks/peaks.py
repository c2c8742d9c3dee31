"""Spectral peaks of a track, on a logarithmic frequency axis (after Wang 2003, section 2.1).

Wang's axis is linear. On a logarithmic one a change of pitch moves every peak by the same number
of bins, and a change of tempo stretches the time axis, so that both can be searched by moving the
peaks of a query instead of making its sound anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.fft import rfft
from scipy.ndimage import maximum_filter

from neuralsampleid.audio.sound import Stretch, Waveform
from neuralsampleid.config import PeakFinding, QuietPeaks
from neuralsampleid.landmarks.percussive import PercussivePart

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_FLOOR = 1e-4  # magnitude below which nothing counts as a peak; a full-scale sine has about 1
BLOCK = 2048  # frames at once, so that a long track needs no more memory
PARTS = 64  # of a frame and of a bin that a peak's place tells
BYTES = 4  # of a peak in a file
_LONGEST, _NO_BIN = 65535, 65535  # parts of a frame that a file tells at once; no peak follows
_QUIET = 1 << 15  # more than any bin · PARTS
_TOLERANCE_S = 1e-3  # queries' times are kept in milliseconds


@dataclass(frozen=True)
class Peaks:
    """Interpolated places of peaks, by time; n of them. Places are multiples of 1/``PARTS``."""

    frames: Floats  # (n,) hops from the start of the track
    bins: Floats  # (n,) 0 … settings.bins − 1, up from settings.f_min; percussive ones higher
    quiet: Flags | None = None  # (n,) of a query: those that make no triples; None: none of them

    @classmethod
    def at(cls, frames: Floats, bins: Floats, quiet: Flags | None = None) -> Peaks:
        """The peaks at some places, rounded and put in order."""
        frames, bins = (np.rint(np.maximum(values, 0) * PARTS) / PARTS for values in (frames, bins))
        return cls(frames, bins, quiet).take(np.lexsort((bins, frames)))

    def take(self, places: Integers | Flags) -> Peaks:
        """Some of them, by their places or by a mask."""
        quiet = None if self.quiet is None else self.quiet[places]
        return Peaks(self.frames[places], self.bins[places], quiet)

    @property
    def loud(self) -> Peaks:
        """Those that make triples."""
        return self if self.quiet is None else replace(self.take(~self.quiet), quiet=None)

    @property
    def length(self) -> int:
        """Frames up to the last peak."""
        return int(self.frames.max(initial=0)) + 1

    def within(self, start_s: float, end_s: float, settings: PeakFinding) -> Peaks:
        """Those of a part of a track, at the times that they have in the whole."""
        times_s = self.frames * settings.frame_s
        inside = (times_s >= start_s - _TOLERANCE_S) & (times_s <= end_s + _TOLERANCE_S)
        return self.take(inside)

    def to_bytes(self) -> bytes:
        """Time since the peak before, then bin, of each, little-endian: 4 bytes.

        Each 24 s without a peak take 4 bytes, too. The highest bit of a bin marks a quiet peak.
        """
        since = np.diff(self.frames * PARTS, prepend=0.0).astype(np.int64)
        ends = np.cumsum(since // _LONGEST + 1) - 1
        times, bins = np.full((2, int(ends[-1]) + 1 if len(ends) else 0), _NO_BIN, "<u2")
        times[ends], bins[ends] = since % _LONGEST, self.bins * PARTS
        if self.quiet is not None:
            bins[ends[self.quiet]] += _QUIET
        return times.tobytes() + bins.tobytes()

    @classmethod
    def from_bytes(cls, content: bytes) -> Peaks:
        """What ``to_bytes`` gave.

        Raises:
            ValueError: it gave something else.
        """
        count, rest = divmod(len(content), BYTES)
        if rest:
            raise ValueError(f"{len(content)} bytes, expected {BYTES} for each peak")
        since, bins = np.frombuffer(content, "<u2").reshape(2, count)
        frames, own = np.cumsum(since, dtype=np.int64) / PARTS, bins < _NO_BIN
        if not own.all():
            frames, bins = frames[own], bins[own]
        quiet = bins >= _QUIET
        if not quiet.any():  # as of a library, which reads thousands of tracks for a query
            return cls(frames, bins / PARTS)
        return cls(frames, bins % _QUIET / PARTS, quiet)

    def check(self, seconds: float, settings: PeakFinding) -> None:
        """See whether these may be the peaks of a track of this length.

        Raises:
            ValueError: they cannot.
        """
        last = seconds / settings.frame_s + 1
        if len(self.frames) and not (
            self.frames.max() <= last
            and (np.diff(self.frames) >= 0).all()
            and self.bins.max() < settings.percussive_bin + settings.bins
        ):
            raise ValueError(f"peaks beyond {seconds:.1f} s or the highest bin")


def find_peaks(audio: Waveform, settings: PeakFinding, of_query: bool = False) -> Peaks:
    """Find the peaks of a track, see ``PeakFinder``.

    Args:
        audio: float32 (samples,) at ``settings.sample_rate``.
        settings: the front end and how dense peaks are.
        of_query: find quiet ones as well.
    """
    finder = PeakFinder(settings, of_query)
    finder.feed(audio)
    return finder.finish()


class PeakFinder:
    """Finds the peaks of a track that comes in blocks, of which it keeps what is still needed.

    A peak is the largest value within ± ``peak_frames`` and ± ``peak_bins`` of itself. Of each
    second only the loudest ``peaks_per_second`` stay. From ``percussive_bin`` on lie the peaks of
    the percussive part, found in the same way.

    A query has quiet peaks besides, which are compared with less around them (``quiet``). A sample
    that lies below other sounds is found again by them. They make no triples, so they cost little,
    and no disk.

    Args:
        settings: the front end and how dense peaks are.
        of_query: find quiet ones as well.
    """

    def __init__(self, settings: PeakFinding, of_query: bool = False) -> None:
        self._settings, self._whole = settings, _Finder(settings, of_query)
        self._percussive: tuple[PercussivePart, _Finder] | None = None
        if settings.percussive_n_fft is not None:
            own = settings.model_copy(update={"n_fft": settings.percussive_n_fft})
            self._percussive = PercussivePart(own.n_fft, own.sample_rate), _Finder(own, of_query)

    def feed(self, audio: Waveform) -> None:
        """Take more samples, float32 (samples,)."""
        self._whole.feed(audio)
        if self._percussive:
            part, finder = self._percussive
            finder.feed(part.feed(audio))

    def finish(self) -> Peaks:
        """The peaks of all that was taken."""
        whole = self._whole.finish()
        if not self._percussive:
            return whole
        part, finder = self._percussive
        finder.feed(part.finish())
        strokes = finder.finish()
        bins = np.concatenate([whole.bins, strokes.bins + self._settings.percussive_bin])
        quiet = None
        if whole.quiet is not None and strokes.quiet is not None:
            quiet = np.concatenate([whole.quiet, strokes.quiet])
        return Peaks.at(np.concatenate([whole.frames, strokes.frames]), bins, quiet)


class _Finder:
    """Finds the peaks of the whole or of the percussive part."""

    def __init__(self, settings: PeakFinding, of_query: bool) -> None:
        self._settings, self._bands = settings, _bands(settings)
        self._quiet = settings.quiet if of_query else None
        self._audio, self._frame = Stretch(), 0
        # Frames, levels, interpolated frames and bins of the peaks of each block, and which of them
        # may be loud.
        self._found: list[tuple[Integers, Floats32, Floats, Floats, Flags]] = []

    def feed(self, audio: Waveform) -> None:
        """Take more samples, float32 (samples,)."""
        settings = self._settings
        self._audio.append(audio)
        # What a block's outer frames are compared with lies beside it.
        beyond = settings.peak_frames * settings.hop_length + settings.n_fft // 2
        while (self._frame + BLOCK) * settings.hop_length + beyond <= self._audio.end:
            self._search(self._frame + BLOCK, self._frame + BLOCK + settings.peak_frames)

    def finish(self) -> Peaks:
        """The peaks of all that was taken."""
        settings = self._settings
        total = self._audio.end // settings.hop_length + 1
        while self._frame < total:
            last = min(self._frame + BLOCK, total)
            self._search(last, min(last + settings.peak_frames, total))
        columns = zip(*self._found, strict=True)
        frames, levels, exact, fine, wide = (np.concatenate(column) for column in columns)
        seconds = frames * settings.hop_length // settings.sample_rate
        loud = wide & _among_loudest(seconds, np.where(wide, levels, -np.inf), settings)
        fine = np.minimum(fine, settings.bins - 1)
        if self._quiet is None:
            return Peaks.at(exact[loud], fine[loud])
        kept = loud | _among_loudest(seconds, levels, self._quiet)
        return Peaks.at(exact[kept], fine[kept], ~loud[kept])

    def _search(self, last: int, high: int) -> None:
        """Find the peaks up to a frame, seeing all frames before another."""
        settings, bands, reach = self._settings, self._bands, self._settings.peak_frames
        low = max(self._frame - reach, 0)
        spectrum = _spectrogram(self._audio, settings, low, high)
        levels = _levels(spectrum, bands)
        own = slice(self._frame - low, last - low)
        wide = _are_largest(levels, settings)[own]
        peaks = wide if self._quiet is None else wide | _are_largest(levels, self._quiet)[own]
        places, bins = np.nonzero(peaks & (levels[own] > np.log(_FLOOR)))
        wide = wide[places, bins]
        places += self._frame - low
        exact = np.add(low + places, _summit(levels.T, bins, places)[1], dtype=np.float64)
        fine = _fine_bins(spectrum, places, bins, bands, settings)
        self._found.append((places + low, levels[places, bins], exact, fine, wide))
        self._frame = last
        self._audio.drop((last - reach) * settings.hop_length - settings.n_fft // 2)


def _are_largest(levels: Floats32, density: PeakFinding | QuietPeaks) -> Flags:
    """Where a level is the largest within some frames and bins of it, as ``levels``."""
    size = (2 * density.peak_frames + 1, 2 * density.peak_bins + 1)
    return np.asarray(levels == maximum_filter(levels, size=size, mode="nearest"))


def _among_loudest(seconds: Integers, levels: Floats32, density: PeakFinding | QuietPeaks) -> Flags:
    """Which peaks are among the loudest of their second, (n,).

    Equal levels keep the order of time and frequency, on every machine.
    """
    by_level = np.lexsort((-levels, seconds))
    ordered = seconds[by_level]
    place = np.arange(len(ordered)) - np.searchsorted(ordered, ordered)
    among = np.zeros(len(seconds), np.bool_)
    among[by_level[place < density.peaks_per_second]] = True
    return among


def _spectrogram(audio: Stretch, settings: PeakFinding, first: int, last: int) -> Floats32:
    """Natural log of the magnitude of some frames, (frames, n_fft / 2 + 1).

    Frame t is centred on sample t · ``hop_length``; beyond the track lies silence.
    """
    size, hop = settings.n_fft, settings.hop_length
    begin = first * hop - size // 2
    end = (last - 1) * hop + size - size // 2
    padded = np.pad(audio.part(begin, end), (max(-begin, 0), max(end - audio.end, 0)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    # Hann's, by hand: ``scipy.signal`` takes a second to load.
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)
    spectrum = rfft(frames * (2 * window / window.sum()), axis=1)
    return np.asarray(np.log(np.maximum(np.abs(spectrum), 0.1 * _FLOOR)), dtype=np.float32)


def _summit(levels: Floats32, rows: Integers, places: Integers) -> tuple[Integers, Floats32]:
    """The largest of three neighbours in a row, and where a parabola through it and its own is.

    Args:
        levels: (rows, places).
        rows: (n,) of each.
        places: (n,) the middle ones.

    Returns:
        The places of the largest, (n,), and how far beyond them the parabola is highest, ± 0.5.
    """
    last = levels.shape[1] - 1
    near = np.stack([np.clip(places + step, 0, last) for step in (-1, 0, 1)])
    highest = np.take_along_axis(near, levels[rows, near].argmax(0)[None], 0)[0]
    left, middle, right = (levels[rows, np.clip(highest + step, 0, last)] for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    beyond = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, -1), 0)
    return highest, np.clip(beyond, -0.5, 0.5)


class _Bands(NamedTuple):
    """The bins' places on the transform's axis, B of them."""

    weights: Floats32  # (n_fft / 2 + 1, B) of an interpolation at their centres
    first: Integers  # (B,) of the transform's bins within each
    last: Integers  # (B,) where they end, inclusive; before ``first``: there is none
    centres: Floats  # (B,) in the transform's bins


def _bands(settings: PeakFinding) -> _Bands:
    steps = np.arange(settings.bins) / settings.bins_per_octave
    centres = settings.f_min * 2**steps * settings.n_fft / settings.sample_rate
    half = 2 ** (0.5 / settings.bins_per_octave)
    below = np.floor(centres).astype(int)
    share = centres - below
    weights = np.zeros((settings.n_fft // 2 + 2, settings.bins), np.float32)
    weights[below, np.arange(settings.bins)] = 1 - share
    weights[below + 1, np.arange(settings.bins)] = share
    first = np.ceil(centres / half).astype(np.int64)
    last = np.minimum(np.floor(centres * half).astype(np.int64), settings.n_fft // 2)
    return _Bands(weights[:-1], first, last, centres)


def _levels(spectrum: Floats32, bands: _Bands) -> Floats32:
    """The levels of a spectrogram's bins, (frames, B).

    High bins are wider than the transform's: theirs is the largest within, so that a tone is as
    loud wherever in the bin it lies, and a change of pitch changes no peak. The levels of low ones
    are interpolated.
    """
    levels = np.asarray(spectrum @ bands.weights, dtype=np.float32)
    wide = bands.last > bands.first
    if wide.any():
        begin = int(np.argmax(wide))
        inside = spectrum[:, : int(bands.last[-1]) + 1]
        largest = np.maximum.reduceat(inside, bands.first[begin:], axis=1)
        levels[:, begin:] = np.maximum(levels[:, begin:], largest)
    return levels


def _fine_bins(
    spectrum: Floats32, places: Integers, bins: Integers, bands: _Bands, settings: PeakFinding
) -> Floats:
    """Bins by the transform's own peak, which tells a frequency better than the coarse axis.

    It must lie within a bin of where the peak was found, on whichever axis is coarser.
    """
    centres = bands.centres[bins]
    none = bands.last[bins] < bands.first[bins]
    first = np.where(none, np.floor(centres).astype(np.int64), bands.first[bins])
    last = np.where(none, first + 1, bands.last[bins])
    inside = first[:, None] + np.arange(int((last - first).max(initial=0)) + 1)
    inside = np.minimum(inside, last[:, None])
    largest = spectrum[places[:, None], inside].argmax(axis=1)
    highest, beyond = _summit(spectrum, places, inside[np.arange(len(bins)), largest])
    share = np.maximum(highest + beyond, 0.5) / centres
    off = settings.bins_per_octave * np.log2(share)
    most = 1 + settings.bins_per_octave * np.log2(1 + 1 / centres)
    return np.asarray(bins + np.clip(off, -most, most), np.float64)
