"""The classical system: spectral peaks, and the search for pairs of them."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from neuralsampleid.config.base import Section
from neuralsampleid.config.front_ends import check_highest_bin


class PeakFinding(Section):
    """How the spectral peaks of a track are found."""

    sample_rate: PositiveInt = 11025  # Hz
    n_fft: PositiveInt = 1024  # samples; also the window
    hop_length: PositiveInt = 256  # samples between frames
    f_min: PositiveFloat = 110.0  # Hz
    bins: PositiveInt = 200
    bins_per_octave: PositiveInt = 36
    peak_frames: PositiveInt = 5  # a peak is the largest value within ± so many frames
    peak_bins: PositiveInt = 9  # and ± so many bins
    peaks_per_second: PositiveInt = 30  # the loudest

    @model_validator(mode="after")
    def _consistent(self) -> PeakFinding:
        check_highest_bin(self.f_min, self.bins, self.bins_per_octave, self.sample_rate)
        return self

    @property
    def frame_s(self) -> float:
        """Seconds between frames."""
        return self.hop_length / self.sample_rate


class LandmarkSearch(Section):
    """How peaks become landmarks, and between which tempi and pitches these are searched."""

    partners: PositiveInt = 3  # of a peak, each of which makes a landmark
    partner_frames: PositiveInt = 32  # after the peak at most
    partner_bins: PositiveInt = 48  # above or below at most
    offset_frames: PositiveInt = 4  # offsets that differ by less agree
    pitch_semitones: NonNegativeFloat = 3.0  # ±, of the search
    tempo_min: Annotated[float, Field(gt=0, le=1)] = 0.8  # of the search: the query's speed
    tempo_max: Annotated[float, Field(ge=1)] = 1.25  # over the reference's
    tempo_step: Annotated[float, Field(gt=0, lt=1)] = 0.04  # between tempi, as a ratio


class TripleSearch(Section):
    """How peaks become triples, and what equal ones may differ by."""

    partners: Annotated[int, Field(ge=2)] = 4  # of a track's peak, of which two make a triple
    query_partners: Annotated[int, Field(ge=2)] = 6  # of a query's peak
    gap_frames: PositiveInt = 64  # after the peak at most
    rise_semitones: PositiveInt = 20  # above or below at most
    tolerance_semitones: PositiveFloat = 0.2  # between equal triples
    tolerance_frames: PositiveFloat = 1.5
    pitch_semitones: NonNegativeFloat = 6.0  # ±
    tempo_min: Annotated[float, Field(gt=0, le=1)] = 0.68  # the query's speed over the reference's
    tempo_max: Annotated[float, Field(ge=1)] = 1.5
    candidates: PositiveInt = 16  # parts of a track that single peaks decide on


class Landmarks(PeakFinding, LandmarkSearch):
    """Pairs of spectral peaks that agree on a time offset (Wang 2003): both sections as one."""

    @property
    def shift_bins(self) -> int:
        """How far a search goes up and down."""
        return round(self.pitch_semitones * self.bins_per_octave / 12)

    @property
    def stretches(self) -> list[float]:
        """The tempo ratios of a search, from none to the largest change."""
        step = math.log1p(self.tempo_step)
        lowest = math.ceil(math.log(self.tempo_min) / step)
        highest = math.floor(math.log(self.tempo_max) / step)
        return [math.exp(step * place) for place in sorted(range(lowest, highest + 1), key=abs)]
