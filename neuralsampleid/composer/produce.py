"""A query: a new song that is built on excerpts of older recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from neuralsampleid.audio.sound import Waveform
from neuralsampleid.composer.compose import compose
from neuralsampleid.composer.excerpt import MIN_EXCERPT_S, Excerpt, Source, choose_excerpt
from neuralsampleid.composer.form import (
    MAX_TEMPO,
    MIN_TEMPO,
    Bar,
    Sketch,
    count_bars,
    draw_form,
    draw_sketch,
)
from neuralsampleid.composer.grades import GRADES
from neuralsampleid.composer.mixing import db
from neuralsampleid.composer.recording import FADE_S, record
from neuralsampleid.composer.theory import Chord
from neuralsampleid.composer.treatment import (
    MAX_RATIO,
    MIN_RATIO,
    Treatment,
    cut_and_treat,
    draw_treatment,
)

MIN_PASSAGE_S, MAX_PASSAGE_S = 10.0, 30.0
_MIN_REPETITION_S = 1.0
_PEAK = 0.89


@dataclass(frozen=True)
class Usage:
    """How an excerpt is laid out: ``sounding`` of every ``period`` half bars."""

    name: str  # loop, gapped, chopped or one_shot
    sounding: int
    period: int


@dataclass(frozen=True)
class Sample:
    """A source with all that was decided about it."""

    source: Source
    excerpt: Excerpt
    treatment: Treatment
    usage: Usage
    level_db: float  # mean power over the own material's, where it sounds


@dataclass(frozen=True)
class Passage:
    """A stretch of the query (half bars) that is built on one of its samples."""

    start: int
    end: int
    sample: int


@dataclass(frozen=True)
class Repetition:
    """One sounding of an excerpt: its place in the query and its length, in half bars."""

    start: int
    length: int
    sample: int


@dataclass(frozen=True)
class Production:
    """A finished query; the own material and the layers of the samples sum to the mix."""

    sketch: Sketch
    samples: tuple[Sample, ...]
    repetitions: tuple[Repetition, ...]
    own: Waveform
    layers: tuple[Waveform, ...]  # one for each sample

    @property
    def mix(self) -> Waveform:
        return np.asarray(np.sum([self.own, *self.layers], axis=0), dtype=np.float32)


def produce(
    rng: np.random.Generator,
    sources: Sequence[Source],
    seconds: float,
    sample_rate: int,
    soundfont: Path,
) -> Production:
    """Compose, record and mix a query.

    Args:
        rng: source of chance.
        sources: one or two; their tempi must be within reach of each other.
        seconds: length of the query.
        sample_rate: Hz, that of the sources.
        soundfont: the mended General MIDI soundfont.
    """
    samples, tempo = _choose_samples(rng, sources)
    sketch = _sketch(rng, samples, tempo)
    bars = draw_form(rng, sketch, count_bars(seconds, tempo))
    whole_bars = int((seconds - FADE_S) / (2 * sketch.half_bar_s))
    passages = lay_passages(rng, whole_bars, sketch.half_bar_s, len(samples))
    samples = samples[: len(passages)]  # a very short query has no room for two
    plan = _rearranged(rng, bars, passages, samples)
    song = compose(rng, seconds, sketch, plan)
    own = record(rng, song, seconds, sample_rate, soundfont).mix
    repetitions = tuple(repeat(passages, samples, sketch.half_bar_s))
    layers = [
        _lay(
            sample,
            [repetition for repetition in repetitions if repetition.sample == number],
            sketch.half_bar_s,
            own,
            sample_rate,
        )
        for number, sample in enumerate(samples)
    ]
    peak = float(np.abs(np.sum([own, *layers], axis=0)).max())
    scale = np.float32(_PEAK / max(peak, 1e-9))
    return Production(
        sketch, tuple(samples), repetitions, own * scale, tuple(layer * scale for layer in layers)
    )


def occurrence_rows(production: Production, query_id: str) -> list[dict[str, object]]:
    """The rows of ``occurrences.csv`` for a query, in order of time."""
    rows = []
    for repetition in production.repetitions:
        sample = production.samples[repetition.sample]
        own, old = production.sketch.half_bar_s, sample.source.recording.song.sketch.half_bar_s
        start = sample.excerpt.start
        rows.append(
            {
                "sample_id": sample.source.sample_id,
                "query_id": query_id,
                "reference_id": sample.source.reference_id,
                "query_start_s": round(repetition.start * own, 6),
                "query_end_s": round((repetition.start + repetition.length) * own, 6),
                "reference_start_s": round(start * old, 6),
                "reference_end_s": round((start + repetition.length) * old, 6),
                "kind": "occurrence",
                "sample_type": sample.source.sample_type,
                "interpolation": "no",
                "tempo_ratio": round(sample.treatment.tempo_ratio, 6),
                "pitch_semitones": round(sample.treatment.semitones, 4),
            }
        )
    return rows


def production_rows(production: Production, query_id: str) -> list[dict[str, object]]:
    """How each sample of a query was made, for analyses that the catalogue has no column for."""
    return [
        {
            "sample_id": sample.source.sample_id,
            "query_id": query_id,
            "reference_id": sample.source.reference_id,
            "sample_type": sample.source.sample_type,
            "stems": list(sample.excerpt.stems),
            "process": sample.treatment.process,
            "filter": sample.treatment.filter_kind,
            "low_hz": sample.treatment.low_hz,
            "high_hz": sample.treatment.high_hz,
            "compressed": sample.treatment.compressed,
            "usage": sample.usage.name,
            "level_db": sample.level_db,
        }
        for sample in production.samples
    ]


def lay_passages(
    rng: np.random.Generator, bars: int, half_bar_s: float, samples: int
) -> list[Passage]:
    """Draw two to four passages of 10–30 s with at least two bars between them.

    They begin on bars and take the samples in turn. Where the query is too short there are
    fewer passages, and a passage may be shorter than 10 s.
    """
    bar_s = 2 * half_bar_s
    shortest = int(np.ceil(MIN_PASSAGE_S / bar_s))
    longest = int(MAX_PASSAGE_S / bar_s)
    room = bars - 2  # the query begins and ends with itself
    count = int(rng.integers(2, 5))
    while count > 1 and count * shortest + 2 * (count - 1) > room:
        count -= 1
    lengths = np.full(count, min(shortest, max(room, 1)))
    spare = room - int(lengths.sum()) - 2 * (count - 1)
    for index in rng.permutation(count):
        most = min(longest - shortest, max(spare, 0) * 2 // 3)
        extra = int(rng.integers(0, most + 1)) if most > 0 else 0
        lengths[index] += extra
        spare -= extra
    gaps = rng.multinomial(max(spare, 0), np.full(count + 1, 1 / (count + 1)))
    passages = []
    position = 1
    for index, length in enumerate(lengths):
        position += int(gaps[index]) + (2 if index else 0)
        end = min(position + int(length), bars)
        passages.append(Passage(2 * position, 2 * end, index % samples))
        position = end
    return passages


def repeat(
    passages: Sequence[Passage], samples: Sequence[Sample], half_bar_s: float
) -> list[Repetition]:
    """Where the excerpts sound; the last repetition of a passage may be cut off."""
    repetitions = []
    for passage in passages:
        usage = samples[passage.sample].usage
        for start in range(passage.start, passage.end, usage.period):
            length = min(usage.sounding, passage.end - start)
            if length == usage.sounding or length * half_bar_s >= _MIN_REPETITION_S:
                repetitions.append(Repetition(start, length, passage.sample))
    return repetitions


def _choose_samples(
    rng: np.random.Generator, sources: Sequence[Source]
) -> tuple[list[Sample], float]:
    """Decide about all sources; the first one sets the tempo of the query."""
    tempi = [source.recording.song.sketch.tempo for source in sources]
    lowest = max(MIN_TEMPO, *(tempo * MIN_RATIO for tempo in tempi))
    highest = min(MAX_TEMPO, *(tempo * MAX_RATIO for tempo in tempi))
    samples = []
    for source, tempo in zip(sources, tempi, strict=True):
        excerpt = choose_excerpt(rng, source)
        treatment = draw_treatment(rng, tempo, lowest, highest)
        lowest = highest = tempo * treatment.tempo_ratio
        usage = _draw_usage(rng, excerpt.length, source.recording.song.sketch.half_bar_s)
        level_db = float(np.round(rng.uniform(*GRADES["loops"].level_db), 2))
        samples.append(Sample(source, excerpt, treatment, usage, level_db))
    return samples, lowest


def _draw_usage(rng: np.random.Generator, length: int, half_bar_s: float) -> Usage:
    name = str(rng.choice(["loop", "gapped", "chopped", "one_shot"], p=[0.6, 0.15, 0.15, 0.1]))
    if name == "gapped":
        return Usage(name, length, length + 2 * int(rng.integers(1, 3)))
    if name == "one_shot":
        return Usage(name, length, max(8, 2 * length))
    chop = length - length // 2 if rng.random() < 0.6 else length - 1
    if name == "chopped" and chop * half_bar_s >= MIN_EXCERPT_S:
        return Usage(name, chop, chop)
    return Usage("loop", length, length)


def _sketch(rng: np.random.Generator, samples: Sequence[Sample], tempo: float) -> Sketch:
    """The query's own song; where it samples a riff it takes over that riff's key and tuning."""
    for sample in samples:
        if sample.source.sample_type == "riff":
            old = sample.source.recording.song.sketch
            shift = round(sample.treatment.semitones)
            tuning = old.tuning + sample.treatment.semitones - shift
            return draw_sketch(rng, tempo, ((old.tonic + shift) % 12, old.mode), tuning)
    return draw_sketch(rng, tempo)


def _rearranged(
    rng: np.random.Generator,
    bars: Sequence[Bar],
    passages: Sequence[Passage],
    samples: Sequence[Sample],
) -> list[Bar]:
    """The plan with the passages given to the samples: their chords, and few own instruments."""
    plan = list(bars)
    for passage in passages:
        sample = samples[passage.sample]
        layers = _own_layers(rng, sample)
        section = "verse" if rng.random() < 0.5 else "chorus"
        first, last = passage.start // 2, passage.end // 2 - 1
        for index in range(first, last + 1):
            bar = replace(
                plan[index],
                section=section,
                layers=layers,
                energy=1.0,
                starts=index == first,
                ends=index == last,
            )
            if sample.source.sample_type == "riff":
                chords = [_chord_at(sample, 2 * index + half - passage.start) for half in (0, 1)]
                bar = replace(bar, chords=(chords[0], chords[1]))
            plan[index] = bar
    return plan


def _own_layers(rng: np.random.Generator, sample: Sample) -> frozenset[str]:
    """Which of the query's own instruments play over a sample."""
    layers = {"lead"} if rng.random() < 0.65 else set()
    if sample.source.sample_type == "beat":
        layers |= {"bass", str(rng.choice(["comp", "riff", "pad"]))}
        if rng.random() < 0.25:
            layers.add("hats")
        return frozenset(layers)
    if "drums" not in sample.excerpt.stems or rng.random() < 0.7 or not layers:
        layers.add("drums")
    if "bass" not in sample.excerpt.stems:
        layers.add("bass")
    return frozenset(layers)


def _chord_at(sample: Sample, position: int) -> Chord:
    """The chord under a sample, ``position`` half bars after a passage began."""
    bars = sample.source.recording.song.bars
    offset = position % sample.usage.period % sample.excerpt.length
    half = sample.excerpt.start + offset
    chord = bars[min(half // 2, len(bars) - 1)].chords[half % 2]
    return chord.transposed(round(sample.treatment.semitones))


def _lay(
    sample: Sample,
    places: Sequence[Repetition],
    half_bar_s: float,
    own: Waveform,
    sample_rate: int,
) -> Waveform:
    """The layer of one sample over the whole query, at its level over the own material."""
    loop = excerpt_audio(sample, sample_rate)
    layer = np.zeros_like(own)
    sounding = np.zeros(len(own), bool)
    for place in places:
        begin = round(place.start * half_bar_s * sample_rate)
        length = round(place.length * half_bar_s * sample_rate)
        cut = faded(loop[: min(length, len(own) - begin)], sample_rate)
        layer[begin : begin + len(cut)] += cut
        sounding[begin : begin + len(cut)] = True
    powers = [float(np.square(track[sounding]).mean()) for track in (own, layer)]
    gain = np.sqrt(powers[0] / max(powers[1], 1e-12)) * db(sample.level_db)
    return layer * np.float32(gain)


def excerpt_audio(sample: Sample, sample_rate: int) -> Waveform:
    """The treated excerpt, float32 (samples,), before it gets its level."""
    recording = sample.source.recording
    half = recording.song.sketch.half_bar_s
    start_s = sample.excerpt.start * half
    end_s = start_s + sample.excerpt.length * half
    layer = recording.layer(sample.excerpt.stems)
    return cut_and_treat(layer, sample_rate, start_s, end_s, sample.treatment)


def faded(audio: Waveform, sample_rate: int) -> Waveform:
    """The audio without clicks at its ends: 1 ms fade in, 5 ms fade out."""
    result = audio.copy()
    rise, fall = sample_rate // 1000, sample_rate // 200
    result[:rise] *= np.linspace(0, 1, len(result[:rise]), dtype=np.float32)
    result[-fall:] *= np.linspace(1, 0, len(result[-fall:]), dtype=np.float32)
    return result
