"""From audio to the encoders' input."""

from __future__ import annotations

from typing import Literal

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from neuralsampleid.config.base import Section


class LogMel(Section):
    """Front end of the proposed model (docs/upstream.md, "Log-mel front end")."""

    kind: Literal["log_mel"] = "log_mel"
    sample_rate: PositiveInt = 16000  # Hz
    n_fft: PositiveInt = 2048  # samples; also the window
    hop_length: PositiveInt = 512  # samples
    mel_bands: PositiveInt = 128
    f_min: NonNegativeFloat = 0.0  # Hz
    f_max: PositiveFloat = 8000.0  # Hz
    frames: PositiveInt = 64  # per segment (2 s)
    dynamic_range_db: PositiveFloat | None = 60.0  # below the segment's peak; None: all
    # What levels are scaled by: each band's mean, or the segment's extremes (upstream).
    contrast: Literal["extremes", "bands"] = "bands"

    @model_validator(mode="after")
    def _consistent(self) -> LogMel:
        if not self.f_min < self.f_max <= self.sample_rate / 2:
            raise ValueError(
                f"mel bands from {self.f_min:g} to {self.f_max:g} Hz, expected f_min < f_max and "
                f"f_max at most half the sample rate, {self.sample_rate / 2:g} Hz"
            )
        if self.n_fft // 2 >= (self.frames - 1) * self.hop_length + self.hop_length // 2:
            raise ValueError(f"n_fft {self.n_fft} is too long for segments of {self.frames} frames")
        return self


class ConstantQ(Section):
    """Front end of the baseline (docs/upstream.md, "Baseline")."""

    kind: Literal["constant_q"] = "constant_q"
    sample_rate: PositiveInt = 16000  # Hz
    hop_length: PositiveInt = 512  # samples
    f_min: PositiveFloat = 65.4  # Hz
    bins: PositiveInt = 72
    bins_per_octave: PositiveInt = 12
    frames: PositiveInt = 64  # per segment (2 s)
    log_magnitude: bool = True  # upstream feeds plain magnitudes

    @model_validator(mode="after")
    def _consistent(self) -> ConstantQ:
        check_highest_bin(self.f_min, self.bins, self.bins_per_octave, self.sample_rate)
        return self


def check_highest_bin(f_min: float, bins: int, bins_per_octave: int, sample_rate: int) -> None:
    """A logarithmic frequency axis ends below half the sample rate.

    Raises:
        ValueError: it does not.
    """
    highest = f_min * 2 ** ((bins - 1) / bins_per_octave)
    if highest > sample_rate / 2:
        raise ValueError(
            f"the highest of {bins} bins lies at {highest:.0f} Hz, expected at most half "
            f"the sample rate, {sample_rate / 2:g} Hz"
        )
