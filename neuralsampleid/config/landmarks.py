"""The classical system: spectral peaks, and the search for triples of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from neuralsampleid.config.base import Section
from neuralsampleid.config.front_ends import check_highest_bin


class QuietPeaks(Section):
    """How dense the peaks of a query are by which single peaks decide."""

    peak_frames: PositiveInt = 2  # a peak is the largest value within ± so many frames
    peak_bins: PositiveInt = 4  # and ± so many bins
    peaks_per_second: PositiveInt = 90  # the loudest


class PeakFinding(Section):
    """How the spectral peaks of a track are found."""

    sample_rate: PositiveInt = 11025  # Hz
    n_fft: PositiveInt = 2048  # samples; also the window
    hop_length: PositiveInt = 256  # samples between frames
    f_min: PositiveFloat = 110.0  # Hz
    bins: Annotated[int, Field(gt=0, le=400)] = 200
    bins_per_octave: PositiveInt = 36
    peak_frames: PositiveInt = 5  # a peak is the largest value within ± so many frames
    peak_bins: PositiveInt = 9  # and ± so many bins
    peaks_per_second: PositiveInt = 30  # the loudest
    # Window of the percussive part, whose peaks are found as well; null: they are not.
    percussive_n_fft: Annotated[int, Field(gt=0, multiple_of=4)] | None = 1024
    quiet: QuietPeaks = QuietPeaks()

    @model_validator(mode="after")
    def _consistent(self) -> PeakFinding:
        check_highest_bin(self.f_min, self.bins, self.bins_per_octave, self.sample_rate)
        return self

    @property
    def frame_s(self) -> float:
        """Seconds between frames."""
        return self.hop_length / self.sample_rate

    @property
    def percussive_bin(self) -> int:
        """The bin of the lowest percussive peaks, two octaves above all others.

        No triple reaches so far, and no change of pitch.
        """
        return self.bins + 2 * self.bins_per_octave


class Closer(Section):
    """The closer look at the tracks with the best proposals: more triples, and each is verified."""

    tracks: PositiveInt = 40  # that are looked at
    partners: Annotated[int, Field(ge=2)] = 7  # of a track's peak
    query_partners: Annotated[int, Field(ge=2)] = 9  # of a query's peak


class Landmarks(Section):
    """How peaks become triples, what equal ones may differ by, and how they are searched."""

    partners: Annotated[int, Field(ge=2)] = 4  # of a track's peak, of which two make a triple
    query_partners: Annotated[int, Field(ge=2)] = 6  # of a query's peak
    gap_frames: Annotated[int, Field(ge=8)] = 64  # after the peak at most
    rise_semitones: PositiveInt = 20  # above or below at most
    tolerance_semitones: PositiveFloat = 0.13  # between equal triples
    tolerance_frames: PositiveFloat = 1.25
    pitch_semitones: NonNegativeFloat = 6.0  # ±
    tempo_min: Annotated[float, Field(gt=0, le=1)] = 0.68  # the query's speed over the reference's
    tempo_max: Annotated[float, Field(ge=1)] = 1.5
    candidates: PositiveInt = 250  # parts of all tracks that single peaks decide on
    track_candidates: PositiveInt = 16  # of one track; as many again of a closer look
    closer: Closer = Closer()
