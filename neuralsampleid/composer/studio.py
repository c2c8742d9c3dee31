"""The demo's songs: how many, which of them sample which, and each as audio."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neuralsampleid.audio.io import write_audio
from neuralsampleid.composer.compose import STEMS, compose
from neuralsampleid.composer.excerpt import Source
from neuralsampleid.composer.form import Sketch, draw_sketch
from neuralsampleid.composer.names import draw_artist, draw_title
from neuralsampleid.composer.produce import (
    Production,
    occurrence_rows,
    produce,
    production_rows,
)
from neuralsampleid.composer.recording import Recording, record
from neuralsampleid.composer.treatment import MAX_RATIO

if TYPE_CHECKING:
    from neuralsampleid.config import DemoData

_ROLES = ("train", "reference", "noise", "query")
_TWO_SAMPLES = 0.25  # of the queries
_SAMPLED = 0.9  # of the references


@dataclass(frozen=True)
class Studio:
    """What all tracks have in common."""

    demo: DemoData
    seed: int
    soundfont: Path


@dataclass(frozen=True)
class Assignment:
    """A query is to sample a reference (both by their numbers)."""

    sample_id: str
    reference: int
    sample_type: str  # beat or riff


@dataclass(frozen=True)
class Task:
    """One track to render; only queries have assignments."""

    role: str
    index: int
    assignments: tuple[Assignment, ...] = ()

    @property
    def track_id(self) -> str:
        return f"{self.role}_{self.index:03d}"


@dataclass(frozen=True)
class Rendered:
    """What is to be told of a rendered track."""

    track: dict[str, object]
    occurrences: list[dict[str, object]]
    samples: list[dict[str, object]]
    song: dict[str, object]


def plan_tasks(studio: Studio) -> list[Task]:
    """All tracks in catalogue order, with the queries' samples."""
    counts = {
        "train": studio.demo.training_songs,
        "reference": studio.demo.references,
        "noise": studio.demo.noise_songs,
    }
    tasks = [Task(role, index) for role, number in counts.items() for index in range(number)]
    return tasks + [
        Task("query", index, assignments)
        for index, assignments in enumerate(assign_samples(studio))
    ]


def assign_samples(studio: Studio) -> list[tuple[Assignment, ...]]:
    """Decide which query samples which references.

    Nine of ten references are sampled in turn, so that some are sampled twice; a quarter of the
    queries take a second one, of the other type and with a tempo within reach.
    """
    demo = studio.demo
    rng = np.random.default_rng([studio.seed, len(_ROLES)])
    pool = rng.permutation(demo.references)[: math.ceil(_SAMPLED * demo.references)]
    firsts = [int(pool[index % len(pool)]) for index in range(demo.queries)]
    types = rng.permutation([("beat", "riff")[index % 2] for index in range(demo.queries)])
    doubles = set(rng.permutation(demo.queries)[: round(_TWO_SAMPLES * demo.queries)].tolist())
    tempi = [_open(studio, "reference", i)[2].tempo for i in range(demo.references)]
    used = np.bincount(firsts, minlength=demo.references)
    numbers = count(1)
    assignments = []
    for query, (first, kind) in enumerate(zip(firsts, types, strict=True)):
        own = [Assignment(f"D{next(numbers):03d}", first, str(kind))]
        near = [int(other) for other in pool if other != first and _near(tempi, first, other)]
        if query in doubles and near:
            second = min(near, key=lambda other: used[other])
            used[second] += 1
            other_kind = "riff" if kind == "beat" else "beat"
            own.append(Assignment(f"D{next(numbers):03d}", second, other_kind))
        assignments.append(tuple(own))
    return assignments


def render_track(studio: Studio, folder: Path, task: Task) -> Rendered:
    """Make one track and write its audio."""
    if task.role == "query":
        production = produce_query(studio, task)
        audio, sketch = production.mix, production.sketch
        occurrences = occurrence_rows(production, task.track_id)
        samples = production_rows(production, task.track_id)
    else:
        recording = record_song(studio, task.role, task.index)
        audio, sketch = recording.mix, recording.song.sketch
        occurrences, samples = [], []
        if task.role == "train":
            for stem in STEMS:
                path = folder / "true_stems" / task.track_id / f"{stem}.flac"
                write_audio(path, recording.stems[stem], studio.demo.sample_rate)
    path = Path("audio") / f"{task.track_id}.flac"
    write_audio(folder / path, audio, studio.demo.sample_rate)
    rng = np.random.default_rng([studio.seed, len(_ROLES) + 1, _ROLES.index(task.role), task.index])
    track: dict[str, object] = {
        "track_id": task.track_id,
        "role": task.role,
        "path": path.as_posix(),
        "duration_s": round(len(audio) / studio.demo.sample_rate, 6),
        "title": draw_title(rng),
        "artist": draw_artist(rng),
    }
    return Rendered(track, occurrences, samples, _describe(task.track_id, sketch))


def record_song(studio: Studio, role: str, index: int) -> Recording:
    """The recording of a training song, a reference or a noise song."""
    rng, seconds, sketch = _open(studio, role, index)
    return record(
        rng, compose(rng, seconds, sketch), seconds, studio.demo.sample_rate, studio.soundfont
    )


def produce_query(studio: Studio, task: Task) -> Production:
    """A query, from its references rendered anew."""
    sources = [
        Source(
            assignment.sample_id,
            f"reference_{assignment.reference:03d}",
            assignment.sample_type,
            record_song(studio, "reference", assignment.reference),
        )
        for assignment in task.assignments
    ]
    rng = _generator(studio.seed, "query", task.index)
    return produce(
        rng, sources, _draw_seconds(rng, studio.demo), studio.demo.sample_rate, studio.soundfont
    )


def _open(studio: Studio, role: str, index: int) -> tuple[np.random.Generator, float, Sketch]:
    """A song's generator after its length and sketch were drawn, and those two."""
    rng = _generator(studio.seed, role, index)
    seconds = studio.demo.training_seconds if role == "train" else _draw_seconds(rng, studio.demo)
    return rng, seconds, draw_sketch(rng)


def _generator(seed: int, role: str, index: int) -> np.random.Generator:
    return np.random.default_rng([seed, _ROLES.index(role), index])


def _draw_seconds(rng: np.random.Generator, demo: DemoData) -> float:
    return float(np.round(rng.uniform(demo.min_seconds, demo.max_seconds), 2))


def _near(tempi: Sequence[float], first: int, other: int) -> bool:
    """Whether two references can be brought to one tempo with some room for choice."""
    return abs(math.log(tempi[first] / tempi[other])) < 0.9 * math.log(MAX_RATIO)


def _describe(track_id: str, sketch: Sketch) -> dict[str, object]:
    return {
        "track_id": track_id,
        "style": sketch.style.name,
        "tempo": round(sketch.tempo, 4),
        "tonic": sketch.tonic,
        "mode": sketch.mode,
        "tuning": round(sketch.tuning, 4),
    }
