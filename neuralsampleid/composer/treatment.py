"""What a producer does to an excerpt: speed, pitch, filter, compressor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soxr
from python_stretch.Signalsmith import Stretch

from neuralsampleid.audio.sound import Waveform
from neuralsampleid.composer.grades import GRADES, PROCESSES
from neuralsampleid.composer.mixing import compress, filtered

MIN_RATIO, MAX_RATIO = GRADES["loops"].tempo  # of the sample in the query over its own
MAX_SEMITONES = GRADES["loops"].semitones
_CONTEXT_S = 0.3  # sound around an excerpt that the stretching may see
CLEAR_CHANGE = 0.02  # log tempo ratio: less would be no change worth the name


@dataclass(frozen=True)
class Treatment:
    """A recipe. ``tempo_ratio`` 1.1: 10 % faster; ``semitones``: shifted up by so much."""

    process: str  # untouched, varispeed, stretch, shift or stretch_shift
    tempo_ratio: float
    semitones: float
    filter_kind: str = "none"  # none, low, high or band
    low_hz: float | None = None  # nothing below
    high_hz: float | None = None  # nothing above
    compressed: bool = False


def draw_treatment(
    rng: np.random.Generator, tempo: float, lowest: float, highest: float
) -> Treatment:
    """Draw a recipe that brings a sample into a range of tempi.

    Processes have the open benchmark's shares, among those that are possible.

    Args:
        rng: source of chance.
        tempo: of the sample, beats per minute.
        lowest: least tempo it may get.
        highest: greatest tempo it may get; equal to ``lowest`` where the tempo is given.
    """
    low, high = max(MIN_RATIO, lowest / tempo), min(MAX_RATIO, highest / tempo)
    ratio = float(np.exp(rng.uniform(np.log(low), np.log(high)))) if low < high else low
    varispeed = 12 * float(np.log2(ratio))
    changed = abs(np.log(ratio)) > CLEAR_CHANGE
    own_tempo = low <= 1.0 <= high
    possible = {
        "untouched": own_tempo,
        "varispeed": changed and abs(varispeed) <= MAX_SEMITONES,
        "stretch": changed or not own_tempo,
        "shift": own_tempo,
        "stretch_shift": changed or not own_tempo,
    }
    weights = np.array([share * possible[name] for name, share in PROCESSES.items()])
    process = str(rng.choice(list(PROCESSES), p=weights / weights.sum()))
    steps = int(rng.choice([-3, -2, -1, 1, 2, 3]))
    semitones = {"varispeed": varispeed, "shift": float(steps), "stretch_shift": float(steps)}
    kind = str(rng.choice(["none", "low", "high", "band"], p=[0.4, 0.25, 0.2, 0.15]))
    return Treatment(
        process,
        1.0 if process in {"untouched", "shift"} else ratio,
        semitones.get(process, 0.0),
        kind,
        float(rng.uniform(120, 450)) if kind in {"high", "band"} else None,
        float(rng.uniform(1200, 5000)) if kind in {"low", "band"} else None,
        bool(rng.random() < 0.4),
    )


def cut_and_treat(
    source: Waveform, sample_rate: int, start_s: float, end_s: float, treatment: Treatment
) -> Waveform:
    """Cut an excerpt and apply a recipe.

    Returns:
        float32 (round((end_s − start_s) / tempo_ratio · sample_rate),), aligned with the excerpt:
        what lies t seconds after ``start_s`` lies t / tempo_ratio seconds after its beginning.
    """
    context = round(_CONTEXT_S * sample_rate)
    begin, end = round(start_s * sample_rate), round(end_s * sample_rate)
    padded = np.pad(source, context)[begin : end + 2 * context]
    changed = change_speed(padded, sample_rate, treatment)
    offset = round(context / treatment.tempo_ratio)
    samples = round((end_s - start_s) / treatment.tempo_ratio * sample_rate)
    loop = changed[offset : offset + samples]
    loop = np.pad(loop, (0, samples - len(loop)))
    loop = filtered(loop, sample_rate, treatment.low_hz, treatment.high_hz)
    if treatment.compressed:
        loop = compress(loop, sample_rate, 0.0, 4.0)
    return loop


def change_speed(audio: Waveform, sample_rate: int, treatment: Treatment) -> Waveform:
    """Change tempo and pitch; the result has about ``len(audio) / tempo_ratio`` samples."""
    if treatment.process == "untouched":
        return audio
    if treatment.process == "varispeed":
        played_at = sample_rate * treatment.tempo_ratio
        return np.asarray(soxr.resample(audio, played_at, sample_rate), dtype=np.float32)
    stretch = Stretch(1)  # the seed of its phases
    stretch.preset(1, sample_rate)
    stretch.setTimeFactor(treatment.tempo_ratio)
    stretch.setTransposeSemitones(treatment.semitones)
    return np.asarray(stretch.process(audio[None]), dtype=np.float32).reshape(-1)
