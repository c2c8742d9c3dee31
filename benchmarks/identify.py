"""Identifying a whole track: seconds per step, by the shipped model and by landmarks.

Command: ``OMP_WAIT_POLICY=PASSIVE python benchmarks/identify.py --landmarks CATALOGUE``
(``--threads``: 2 unless told otherwise). The shipped model's library is synthetic: 1,000 tracks
of three minutes; the query's fingerprinting is real, of three minutes of noise. What landmarks
cost depends on the music, so theirs is real: CATALOGUE, made by ``nsid index --weights landmarks``
(real_music.md), is cut into pieces of three minutes and repeated, each time a little higher, until
there are as many; the query is one piece.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from neuralsampleid.config import Landmarks
from neuralsampleid.library.finding import TrackSegments
from neuralsampleid.library.fingerprinters import Fingerprinter, fingerprinter_for_new
from neuralsampleid.library.identify import finder_of, identify, measure_chance
from neuralsampleid.library.landmark_finder import LandmarkFinder
from neuralsampleid.library.segment_finder import find_neighbours
from neuralsampleid.library.store import (
    Collection,
    File,
    changing_collection,
    create_collection,
    open_collection,
)
from neuralsampleid.models.weights import SHIPPED

SECONDS = 180


def main() -> None:
    """Print one row per step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--landmarks", type=Path, help="a catalogue of real music")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tracks", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3, help="the median counts")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"{options.threads} threads, {options.tracks} tracks and a query of {SECONDS} s; ", end=""
    )
    print(f"median (best) of {options.rounds}\n\n| step | s |\n|---|---:|")
    with tempfile.TemporaryDirectory() as folder:
        fingerprinter, about = fingerprinter_for_new(SHIPPED, None, None)
        out = Path(folder) / "catalogue"
        collection = synthetic(out, about, options.tracks, options.threads)
        steps = steps_of_model(fingerprinter, collection, options.threads)
        print_times("shipped model", steps, options.rounds)
    if options.landmarks is not None:
        collection, query = repeated(open_collection(options.landmarks), options.tracks)
        steps = steps_of_landmarks(collection, query, options.threads)
        print_times("landmarks", steps, options.rounds)


def synthetic(folder: Path, about: dict[str, object], tracks: int, threads: int) -> Collection:
    """A catalogue of random fingerprints."""
    rng = np.random.default_rng(0)
    hop, size = float(str(about["hop_s"])), int(str(about["embedding_size"]))
    create_collection(folder, about)
    count = int((SECONDS - float(str(about["segment_s"]))) / hop) + 1
    with changing_collection(folder) as writer:
        for number in range(tracks):
            rows = unit(rng.standard_normal((count, size)))
            writer.add_content(str(number), hop * np.arange(count), rows, SECONDS)
            writer.add_file(File(f"{number}.wav", 1, 1), str(number))
        measured = measure_chance(finder_of(open_collection(folder)), threads)
        if measured is not None:
            writer.note("chance", measured.as_json())
    return open_collection(folder)


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def repeated(collection: Collection, tracks: int) -> tuple[Collection, TrackSegments]:
    """Landmarks of as many pieces of music as wanted, and one of them as a query."""
    finder, settings = finder_of(collection), Landmarks.model_validate(collection.about["settings"])
    pieces = []
    for number in range(len(collection.sha256)):
        rows = finder.track(number)
        for start in np.arange(0, rows.seconds - SECONDS, SECONDS):
            own = (rows.starts_s >= start) & (rows.starts_s < start + SECONDS)
            times = rows.starts_s[own] - start
            pieces.append(np.column_stack([times, rows.embeddings[own, 0]]).astype(np.float32))
    chosen = []
    for number in range(tracks):
        turn, place = divmod(number, len(pieces))
        piece = pieces[place] + np.array([0, turn], np.float32)
        chosen.append(piece[piece[:, 1] < settings.bins])
    counts = np.array([len(piece) for piece in chosen])
    names = [str(number) for number in range(tracks)]
    made = replace(
        collection,
        rows=np.concatenate(chosen),
        paths=[[name] for name in names],
        sha256=names,
        first_row=np.cumsum(counts) - counts,
        row_count=counts,
        seconds=np.full(tracks, float(SECONDS)),
    )
    return made, finder_of(made).track(0)


def steps_of_model(
    fingerprinter: Fingerprinter, collection: Collection, threads: int
) -> Mapping[str, Callable[[], object]]:
    """The steps of one identification by fingerprints."""
    samples = SECONDS * fingerprinter.sample_rate
    audio = (np.random.default_rng(1).standard_normal(samples) * 0.1).astype(np.float32)
    query, finder = fingerprinter.fingerprint(audio), finder_of(collection)
    return {
        "fingerprint the query": lambda: fingerprinter.fingerprint(audio),
        "search": lambda: find_neighbours(query, collection, set(), threads),
        "search, passages and chance": lambda: identify(query, finder, threads=threads),
    }


def steps_of_landmarks(
    collection: Collection, query: TrackSegments, threads: int
) -> Mapping[str, Callable[[], object]]:
    """The steps of one identification by landmarks."""
    finder = LandmarkFinder(collection)
    nothing = TrackSegments(query.numbers[:0], query.starts_s[:0], query.embeddings[:0], SECONDS)
    finder.find(nothing, set(), threads)
    return {
        "make the tables, once for all queries": lambda: LandmarkFinder(collection).find(
            nothing, set(), threads
        ),
        "search over pitch and tempo, and passages": lambda: identify(
            query, finder, threads=threads
        ),
    }


def print_times(system: str, steps: Mapping[str, Callable[[], object]], rounds: int) -> None:
    """A row for each step."""
    for name, step in steps.items():
        taken = []
        for _ in range(rounds):
            started = time.perf_counter()
            step()
            taken.append(time.perf_counter() - started)
        print(
            f"| {system}: {name} | {statistics.median(taken):.2f} ({min(taken):.2f}) |", flush=True
        )


if __name__ == "__main__":
    main()
