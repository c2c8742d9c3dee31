"""What every backend gives: four stems of one track."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Protocol

import numpy as np

from neuralsampleid.audio.io import NO_MEMORY, read_audio
from neuralsampleid.audio.sound import Waveform
from neuralsampleid.errors import UserError
from neuralsampleid.files import sha256_of

STEMS = ("vocals", "drums", "bass", "other")
Stems = dict[str, Waveform]  # one waveform (samples,) per name in STEMS, all of equal length
Origin = dict[str, object]  # what stems depend on, ready for JSON


class UnusableTrack(UserError):  # noqa: N818 - its base class is named by what it is for
    """One track cannot be separated, while others may well be."""


class StemSource(Protocol):
    """Anything that knows the stems of a track."""

    def stems_of(self, track_id: str, path: Path, sample_rate: int) -> Stems:
        """The four stems of one track as mono audio.

        Args:
            track_id: the track in the catalogue.
            path: its audio file.
            sample_rate: of the stems, in Hz.

        Raises:
            UnusableTrack: this track's audio is at fault.
            UserError: something else is, so that other tracks would fail too.
        """

    def origin_of(self, track_id: str, path: Path) -> Origin:
        """What the track's stems depend on: stems of the same origin need not be made again.

        Raises:
            UserError: a file is missing.
        """


class Separator(ABC):
    """A stem source that takes a mix apart."""

    @abstractmethod
    def separate(self, audio: Waveform, sample_rate: int) -> Stems:
        """Split a mono mix.

        Args:
            audio: float32 (samples,), at least one sample, finite.
            sample_rate: Hz.

        Returns:
            float32 (samples,) per name in ``STEMS``, as long as ``audio``.
        """

    @property
    @abstractmethod
    def description(self) -> Origin:
        """The method with everything that its results depend on, ready for JSON."""

    def origin_of(self, track_id: str, path: Path) -> Origin:
        """The method and the checksum of the track's audio; see ``StemSource``."""
        if not path.exists():
            raise UserError(f"{path}: no such audio file, expected that of track '{track_id}'")
        return {**self.description, "audio_sha256": sha256_of(path)}

    def stems_of(self, track_id: str, path: Path, sample_rate: int) -> Stems:
        """Read the track's audio and separate it; see ``StemSource``."""
        try:
            audio = read_audio(path, sample_rate)
        except UserError as error:
            raise UnusableTrack(str(error)) from error
        if not audio.size or not np.isfinite(audio).all():
            found = "holds NaN or infinity" if audio.size else "holds no samples"
            raise UnusableTrack(f"{path}: {found}, expected audio")
        try:
            return self.separate(audio, sample_rate)
        except MemoryError as error:
            raise UnusableTrack(f"{path}: {NO_MEMORY}") from error
