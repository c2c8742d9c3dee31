"""Recipes drawn by chance within a grade's ranges.

What must be even over many queries (tracks, kinds of backing, chopped and separated samples) is
dealt beforehand into plans; the rest is drawn here. A draw is repeated until every occurrence
sounds: its excerpt is not silent, nothing of it is lost in effects, and neither the host nor a
slice is so uneven that an occurrence would need a gain far from the others'. All numbers are
rounded as a table holds them before anything is rendered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from neuralsampleid.audio.sound import Waveform
from neuralsampleid.composer.bands import band_levels
from neuralsampleid.composer.drum_loop import DrumLoop
from neuralsampleid.composer.effects import apply_effects, parse_effects
from neuralsampleid.composer.grades import GRADES, PROCESSES, Grade, Range
from neuralsampleid.composer.mixing import normalised
from neuralsampleid.composer.plans import QueryPlan, SamplePlan
from neuralsampleid.composer.queries import RATE, RenderedQuery, render_query, treated_slices
from neuralsampleid.composer.recipes import QueryRecipe, SampleRecipe
from neuralsampleid.composer.styles import STYLES
from neuralsampleid.composer.treatment import CLEAR_CHANGE, Treatment

QUERY_S: Range = (30.0, 60.0)
_SOUNDING_S = 45.0  # of a query, at most, in which samples sound
_SOUNDING: Range = (0.5, 0.8)  # share of a query
_MARGIN_S = 1.0  # of a track's beginning and end that is neither sampled nor sampled over
_BLOCK_S = 0.1
_QUIET = 0.01  # power of a block over the track's mean below which it does not count as sounding
_LEAST_SOUNDING = 0.9  # of an excerpt's blocks
_LEAST_LEFT = 0.02  # power that part and filters must leave of an excerpt
GAIN_SPREAD_DB = 9.0  # how far an occurrence's gain may be from the sample's median
_TRIES = 20


@dataclass(frozen=True)
class Studio:
    """Where the sound comes from; see ``queries.render_query``."""

    read_track: Callable[[str], Waveform]
    soundfont: Path


def draw_query(rng: np.random.Generator, plan: QueryPlan, studio: Studio) -> QueryRecipe | None:
    """Draw a query until every occurrence in it sounds; None if that does not come about.

    A percussive part of a reference that has none becomes its harmonic part.
    """
    for _ in range(_TRIES):
        try:
            recipe = _draw(rng, plan, studio)
        except LookupError:
            return None
        if recipe is None:
            continue
        query = render_query(recipe, studio.read_track, studio.soundfont)
        if is_even(query):
            return replace(recipe, band_levels_db=band_levels(query.audio, RATE))
    return None


def draw_change(rng: np.random.Generator, grade: Grade) -> Treatment:
    """Draw how speed and pitch change; a turntable (varispeed) changes both alike."""
    process = str(rng.choice(list(PROCESSES), p=list(PROCESSES.values())))
    size = float(rng.integers(1, round(grade.semitones) + 1))
    if not grade.whole and rng.random() < 0.6:
        size = round(float(rng.uniform(0.2, grade.semitones)), 2)
    semitones = size * float(rng.choice([-1, 1]))
    ratio = 1.0
    while abs(np.log(ratio)) < CLEAR_CHANGE:
        ratio = round(float(np.exp(rng.uniform(*np.log(grade.tempo)))), 4)
    if process == "varispeed":
        ratio = round(2 ** (semitones / 12), 4)
    return Treatment(
        process,
        1.0 if process in {"untouched", "shift"} else ratio,
        0.0 if process in {"untouched", "stretch"} else semitones,
    )


def draw_effects(rng: np.random.Generator, grade: Grade) -> str:
    """Draw a chain of effects; filters come first."""
    low, high = rng.uniform(150, 600), rng.uniform(1000, 5000)
    filters = {
        "": 0.25,
        f"lowpass {high:.0f}": 0.2,
        f"highpass {low:.0f}": 0.2,
        f"bandpass {low:.0f} {max(high, 4 * low):.0f}": 0.15,
        "equaliser " + " ".join(f"{hz} {rng.integers(-12, 10)}" for hz in (100, 800, 4000)): 0.2,
    }
    steps = [str(rng.choice(list(filters), p=list(filters.values())))]
    others = {
        f"drive {rng.integers(6, 25)}": 0.3,
        f"compressor {rng.integers(-6, 4)} {rng.integers(2, 9)}": 0.35,
        f"crush {rng.integers(5, 11)} {rng.uniform(5000, 14000):.0f}": 0.2,
        f"reverb {rng.uniform(0.3, 2.5):.1f} {rng.integers(-20, -5)}": 0.35,
    }
    if grade.whole:  # the simple grade
        others = {"compressor 0 4": 0.4}
    steps += [step for step, share in others.items() if rng.random() < share]
    return ";".join(step for step in steps if step)


def chop(
    rng: np.random.Generator, grade: Grade, start_s: float, seconds: float, ratio: float
) -> list[tuple[float, float]]:
    """Cut an excerpt into slices and shuffle them; none is followed by its own successor."""
    shortest = grade.slice_s * max(1.0, ratio) + 0.002  # which rounding may take away
    fewest, most = grade.slices
    count = int(rng.integers(fewest, min(most, int(seconds / shortest)) + 1))
    lengths = shortest + rng.dirichlet(np.full(count, 4.0)) * (seconds - count * shortest)
    edges = np.round(start_s + np.cumsum([0.0, *lengths]), 3).tolist()
    order = rng.permutation(count)
    while (np.diff(order) == 1).any():
        order = rng.permutation(count)
    return [(edges[place], edges[place + 1]) for place in order]


def lay_passes(
    rng: np.random.Generator, lengths: Sequence[float], passes: Sequence[int], beat_s: float
) -> tuple[float, list[list[float]]]:
    """Lay the passes of all samples into a query, in runs that pause between each other.

    Args:
        rng: source of chance.
        lengths: of a pass of each sample, s.
        passes: of each sample.
        beat_s: on whose multiples runs begin; 0 for anywhere.

    Returns:
        The length of the query and the starts of each sample's passes, all in s.
    """
    runs = []
    for sample, count in enumerate(passes):
        cuts = rng.choice(np.arange(1, count), int(rng.integers(0, min(count, 4))), replace=False)
        runs += [(sample, int(n)) for n in np.diff([0, *sorted(cuts), count])]
    sounding = float(np.dot(lengths, passes))
    seconds = round(float(np.clip(sounding / rng.uniform(*_SOUNDING), *QUERY_S)), 1)
    gaps = rng.dirichlet(np.full(len(runs) + 1, 2.0)) * (seconds - sounding)
    starts: list[list[float]] = [[] for _ in lengths]
    moment = 0.0
    for gap, place in zip(gaps, rng.permutation(len(runs)), strict=False):
        sample, count = runs[place]
        moment += float(gap)
        if beat_s:
            moment = float(np.ceil(moment / beat_s) * beat_s)
        starts[sample] += [round(moment + n * lengths[sample], 3) for n in range(count)]
        moment += count * lengths[sample]
    return max(seconds, round(moment + 0.5, 1)), starts


def _draw(rng: np.random.Generator, plan: QueryPlan, studio: Studio) -> QueryRecipe | None:
    """One attempt; None where the host has no room for it.

    Raises:
        LookupError: a reference has nothing to sample.
    """
    grade = GRADES[plan.grade]
    budget_s = _SOUNDING_S / len(plan.samples)
    passes = [int(rng.integers(grade.passes[0], grade.passes[1] + 1)) for _ in plan.samples]
    samples = []
    for own, count in zip(plan.samples, passes, strict=True):
        # Where there are no strokes to be had, there are tones.
        for part in _TRIES * [own.part] + (own.part == "percussive") * _TRIES * ["harmonic"]:
            one = replace(own, part=part)
            if sample := _draw_sample(rng, grade, one, budget_s / count, studio):
                samples.append(sample)
                break
        else:
            raise LookupError(own.reference_id)
    drums = draw_drums(rng, samples[0].pass_s) if plan.with_drums else None
    beat_s = 60 / drums.tempo if drums is not None else 0.0
    seconds, starts = lay_passes(rng, [sample.pass_s for sample in samples], passes, beat_s)
    host_start_s: float | None = 0.0
    if plan.host:
        host_start_s = sounding_start(rng, studio.read_track(plan.host), seconds)
    if host_start_s is None or seconds > QUERY_S[1]:
        return None
    return QueryRecipe(
        plan.query_id,
        plan.split,
        plan.grade,
        seconds,
        plan.host,
        host_start_s,
        "" if drums is None else str(drums),
        round(float(rng.uniform(-6, 3)), 1) if plan.host and drums is not None else 0.0,
        tuple(
            replace(sample, starts=tuple(sorted(own)))
            for sample, own in zip(samples, starts, strict=True)
        ),
    )


def draw_drums(rng: np.random.Generator, pass_s: float) -> DrumLoop:
    """A loop in whose beats a pass can be counted, if any style is played at such a tempo."""
    options = [
        (style, round(60 * beats / pass_s, 2))
        for style in STYLES
        for beats in range(1, 33)
        if style.tempo[0] <= 60 * beats / pass_s <= style.tempo[1]
    ] or [(style, style.tempo[0]) for style in STYLES]
    style, tempo = options[int(rng.integers(len(options)))]
    swing = round(float(rng.uniform(*style.swing)), 2)
    groove = int(rng.integers(1, len(style.grooves) + 1))
    return DrumLoop(style.name, groove, tempo, swing, int(rng.choice(style.kits)))


def _draw_sample(
    rng: np.random.Generator, grade: Grade, plan: SamplePlan, pass_s: float, studio: Studio
) -> SampleRecipe | None:
    """A sample as yet without starts, whose pass is at most ``pass_s`` long."""
    change = draw_change(rng, grade)
    ratio = change.tempo_ratio
    shortest = grade.excerpt_s[0]
    if plan.chopped:
        shortest = max(shortest, grade.slices[0] * (grade.slice_s * max(1.0, ratio) + 0.01))
    longest = max(shortest, min(grade.excerpt_s[1], pass_s * ratio))
    seconds = round(float(np.exp(rng.uniform(np.log(shortest), np.log(longest)))), 3)
    reference = studio.read_track(plan.reference_id)
    start = sounding_start(rng, reference, seconds)
    if start is None:
        return None
    cuts = [(start, round(start + seconds, 3))]
    if plan.chopped:
        cuts = chop(rng, grade, start, seconds, ratio)
    level_db = round(float(rng.uniform(*grade.level_db)), 1)
    sample = SampleRecipe(
        plan.sample_id,
        plan.reference_id,
        tuple(cuts),
        (),
        plan.part,
        change,
        draw_effects(rng, grade),
        level_db,
    )
    return sample if _is_left(sample, reference) else None


def sounding_start(rng: np.random.Generator, audio: Waveform, seconds: float) -> float | None:
    """Where so many seconds begin that sound throughout; None where there is no such place."""
    block = round(_BLOCK_S * RATE)
    power = np.square(audio[: len(audio) // block * block].reshape(-1, block)).mean(axis=1)
    wide = int(np.ceil(seconds / _BLOCK_S)) + 1
    margin = round(_MARGIN_S / _BLOCK_S)
    loud = (power > _QUIET * power.mean()).astype(float)[margin : len(power) - margin]
    if len(loud) < wide:
        return None
    share = np.convolve(loud, np.full(wide, 1 / wide), "valid")
    places = np.flatnonzero(share >= _LEAST_SOUNDING)
    if not len(places):
        return None
    place = margin + int(rng.choice(places)) + float(rng.uniform())
    return round(place * _BLOCK_S, 3)


def _is_left(sample: SampleRecipe, reference: Waveform) -> bool:
    """Whether part and filter leave enough of the excerpt."""
    plain = np.concatenate(treated_slices(replace(sample, part="mix", effects=""), reference))
    part = np.concatenate(treated_slices(replace(sample, effects=""), reference))
    first = parse_effects(sample.effects, sample.sample_id)[:1]
    filtered = apply_effects(part, RATE, first)
    kept = np.square(filtered).mean() / np.square(normalised(part, RATE)).mean() if first else 1.0
    return bool(
        np.square(part).mean() > _LEAST_LEFT * np.square(plain).mean() and kept > _LEAST_LEFT
    )


def is_even(query: RenderedQuery) -> bool:
    """Whether the gains that give occurrences their level are near each other."""
    for own in query.gains:
        decibels = 20 * np.log10(np.maximum(own, 1e-9))
        if np.abs(decibels - np.median(decibels)).max() > GAIN_SPREAD_DB:
            return False
    return True
