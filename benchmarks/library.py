"""Libraries of 1,000 to 100,000 tracks: what opening, asking and keeping them costs.

Command: ``OMP_WAIT_POLICY=PASSIVE python benchmarks/library.py SOURCE --tracks 1000 10000``

SOURCE is a library that ``nsid index`` made of real music. Its tracks are cut into pieces of three
minutes. Where these are too few they are repeated, each time changed: its peaks at another tempo
(up to 3 %) and pitch (up to a semitone) and without a fifth of them; its fingerprints with noise
that makes their cosine with the original's 0.9. Queries are three minutes of a piece that no
library holds, in which eight seconds of one that is there sound four times, at another tempo and
pitch and without half of the peaks. Each size is asked in a new process, with one thread, then two.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.random import Generator, default_rng

from neuralsampleid.fingerprints.segments import Segments
from neuralsampleid.landmarks import index as landmark_index
from neuralsampleid.landmarks.peaks import Peaks
from neuralsampleid.library import fingerprint_tables, tables
from neuralsampleid.library.finders import CANDIDATES, Evidence, Finder, LandmarkFinder, finders_of
from neuralsampleid.library.identify import identify
from neuralsampleid.library.store import (
    File,
    Library,
    Track,
    changing_library,
    create_library,
    open_library,
)

SECONDS, EXCERPT_S, TIMES = 180.0, 8.0, 4
QUERIES, HOSTS = 5, 10  # pieces that no library holds
_EXHAUSTIVE = 10_000  # tracks in which ten times as many candidates are judged
COSINE = 0.9  # of a changed copy's fingerprints with the original's


def main() -> None:
    """Make the libraries, ask them, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="a library of real music, of both systems")
    parser.add_argument("--tracks", type=int, nargs="+", default=[1000])
    parser.add_argument("--folder", type=Path, default=Path("/tmp/nsid_libraries"))
    parser.add_argument("--keep", action="store_true", help="the libraries, for the next run")
    parser.add_argument("--ask", type=int, help="threads; used by this script for its processes")
    options = parser.parse_args()
    source = open_library(options.source)
    pieces = list(pieces_of(source))
    if options.ask is not None:
        print(json.dumps(measured(options.folder, source, pieces, options.ask)))
        return
    print(f"{len(pieces)} pieces of {options.source.name}, {QUERIES} queries of {SECONDS:.0f} s\n")
    print("| " + " | ".join(("tracks", "threads", *NAMES)) + " |")
    print("|" + "---:|" * (2 + len(NAMES)))
    made = []
    for tracks in options.tracks:
        folder = options.folder / str(tracks)
        if not folder.exists():
            made.append(f"{tracks} tracks: {repeated(options.source, pieces, folder, tracks)}")
        for threads in (1, 2):
            own = [sys.executable, __file__, str(options.source), "--folder", str(folder)]
            asked = subprocess.run([*own, "--ask", str(threads)], capture_output=True, check=True)
            values = json.loads(asked.stdout)
            print(
                f"| {tracks:,} | {threads} | " + " | ".join(values[name] for name in NAMES) + " |"
            )
            sys.stdout.flush()
        sizes = {part.name: size_of(part) for part in folder.iterdir()}
        minutes = tracks * SECONDS / 60
        parts = ", ".join(f"{name} {size / minutes / 1024:.1f}" for name, size in sizes.items())
        made.append(f"{tracks} tracks: KiB for a minute: {parts}")
        if not options.keep:
            shutil.rmtree(folder)
    print("\n" + "\n".join(f"- {line}" for line in made))


def size_of(path: Path) -> int:
    """Bytes of a file, or of those in a folder."""
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files)


def pieces_of(library: Library) -> Iterator[Track]:
    """Three minutes each, of all tracks."""
    settings = library.info.landmarks.peaks
    for place, seconds in enumerate(library.seconds):
        peaks, segments = library.landmarks[place], library.fingerprints[place]
        for start in np.arange(0, seconds - SECONDS, SECONDS):
            own = peaks.within(start, start + SECONDS, settings)
            inside = (segments.starts_s >= start) & (segments.ends_s <= start + SECONDS)
            if inside.sum() > 100 and len(own.frames) > 1000:
                yield Track(
                    SECONDS,
                    moved(segments.rows(np.flatnonzero(inside)), library),
                    Peaks.at(own.frames - start / settings.frame_s, own.bins),
                )


def moved(segments: Segments, library: Library) -> Segments:
    """Segments as those of a track of their own."""
    numbers = segments.numbers - segments.numbers[0]
    return with_embeddings(segments, segments.embeddings, numbers, library)


def with_embeddings(
    segments: Segments, embeddings: np.ndarray, numbers: np.ndarray, library: Library
) -> Segments:
    """Other embeddings and numbers of a track."""
    encoder = library.info.encoder
    starts = numbers * encoder.hop_s
    ends = starts + encoder.segment_s
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    times = {"starts_s": starts, "ends_s": ends, "numbers": numbers}
    return replace(segments, embeddings=unit.astype(np.float32), **times)


def repeated(source: Path, pieces: Sequence[Track], folder: Path, tracks: int) -> str:
    """Make a library of as many tracks; returns how long its tables took."""
    library, rng = open_library(source), default_rng(0)
    originals = pieces[HOSTS:]
    create_library(folder, library.info)
    with changing_library(folder) as writer:
        for number in range(tracks):
            track = originals[number % len(originals)]
            if number >= len(originals):
                track = changed(track, library, rng)
            writer.add(File(f"{number}.wav", 1, 1), str(number), track)
    made = open_library(folder)
    started = time.perf_counter()
    tables.update_tables(folder, made.landmarks, made.info.landmarks)
    middle = time.perf_counter()
    fingerprint_tables.update_tables(folder, made.fingerprints, 2)
    ended = time.perf_counter()
    return (
        f"tables of landmarks took {middle - started:.0f} s, of fingerprints {ended - middle:.0f} s"
    )


def changed(track: Track, library: Library, rng: Generator) -> Track:
    """A copy that is much like another track."""
    bins = library.info.landmarks.peaks.bins
    frames = track.landmarks.frames * rng.uniform(0.97, 1.03)
    heights = track.landmarks.bins + rng.uniform(-3, 3)
    kept = (heights >= 0) & (heights < bins - 1) & (rng.random(len(heights)) < 0.8)
    peaks = Peaks.at(frames[kept], heights[kept])
    vectors = track.fingerprints.embeddings
    noise = rng.standard_normal(vectors.shape) * np.sqrt((COSINE**-2 - 1) / vectors.shape[1])
    own = with_embeddings(track.fingerprints, vectors + noise, track.fingerprints.numbers, library)
    return Track(1.04 * SECONDS, own, peaks)


def query_of(number: int, pieces: Sequence[Track], library: Library) -> tuple[Track, int]:
    """A query, and the track that it samples."""
    rng, host = default_rng(number), pieces[number]
    sampled = int(rng.integers(0, min(len(pieces) - HOSTS, len(library.sha256))))
    part, settings = pieces[HOSTS + sampled], library.info.landmarks.peaks
    start = rng.uniform(0, SECONDS - EXCERPT_S)
    own = part.landmarks.within(start, start + EXCERPT_S, settings)
    tempo, pitch = rng.uniform(0.8, 1.25), rng.uniform(-9, 9)
    frames, bins = [host.landmarks.frames], [host.landmarks.bins]
    vectors = host.fingerprints.embeddings.copy()
    for time_s in np.linspace(10, SECONDS - 20, TIMES):
        kept = rng.random(len(own.frames)) < 0.5
        frames.append(
            (time_s + (own.frames[kept] * settings.frame_s - start) / tempo) / settings.frame_s
        )
        bins.append(own.bins[kept] + pitch)
        here = np.searchsorted(host.fingerprints.starts_s, time_s)
        there = np.flatnonzero((part.fingerprints.starts_s >= start) &
                               (part.fingerprints.ends_s <= start + EXCERPT_S))  # fmt: skip
        there = there[: len(vectors) - here]
        vectors[here : here + len(there)] += part.fingerprints.embeddings[there]
    every = np.concatenate(frames), np.concatenate(bins)
    inside = (every[1] >= 0) & (every[1] < settings.bins - 1)
    peaks = Peaks.at(every[0][inside], every[1][inside])
    own_segments = with_embeddings(host.fingerprints, vectors, host.fingerprints.numbers, library)
    return Track(SECONDS, own_segments, peaks), sampled


NAMES = (
    "open, s", "fingerprints, s", "landmarks, s", "both, with answers, s", "nsid identify, s",
    "its memory, MiB", "first by fingerprints", "first by landmarks", "answers",
    "neighbours kept, %", "nearest kept, %", "landmarks kept, %",
)  # fmt: skip


class Timed(Finder):
    """A finder that has opened its tables, and how long it took to ask them last."""

    def __init__(self, finder: Finder) -> None:
        index = finder.make_index()
        self.finder = replace(finder, make_index=lambda: index)
        self.found_by, self.calibration = finder.found_by, finder.calibration
        self.chance = finder.chance

    def find(self, query: Track, without: Set[int] = frozenset(), threads: int = 1) -> Evidence:
        """As the finder."""
        begun = time.perf_counter()
        evidence = self.finder.find(query, without, threads)
        self.seconds, self.scores = time.perf_counter() - begun, evidence.scores
        return evidence


def measured(
    folder: Path, source: Library, pieces: Sequence[Track], threads: int
) -> dict[str, str]:
    """Open a library and ask it, in this process."""
    started = time.perf_counter()
    library = open_library(folder)
    finders = [Timed(finder) for finder in finders_of(library)]
    values = {"open, s": f"{time.perf_counter() - started:.2f}"}
    taken: dict[str, list[float]] = {name: [] for name in NAMES}
    first, scores = dict.fromkeys(("fingerprints", "landmarks"), 0), {}
    answers = 0
    for number in range(QUERIES):
        query, sampled = query_of(number, pieces, library)
        begun = time.perf_counter()
        answers += len(identify(query, library, finders, threads=threads))
        taken["both, with answers, s"].append(time.perf_counter() - begun)
        for finder in finders:
            taken[f"{finder.finder.found_by}, s"].append(finder.seconds)
            # Its changed copies are as right.
            best = int(finder.scores.argmax()) % (len(pieces) - HOSTS)
            first[finder.finder.found_by] += best == sampled
            scores[number, finder.finder.found_by] = finder.scores[sampled]
    for name in ("fingerprints, s", "landmarks, s", "both, with answers, s"):
        values[name] = f"{statistics.median(taken[name][1:]):.2f}"  # Numba reads its cache at first
    values |= {f"first by {name}": f"{count} of {QUERIES}" for name, count in first.items()}
    values["answers"] = str(answers)
    values["nsid identify, s"] = f"{whole_command(folder, source, threads):.2f}"
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    values["its memory, MiB"] = f"{peak:.0f}"  # at most resident, mapped files among it
    kept = kept_of(library, finders[0].finder.make_index(), pieces) if threads == 1 else None
    values["neighbours kept, %"] = f"{kept[0]:.1f}" if kept else ""
    values["nearest kept, %"] = f"{kept[1]:.1f}" if kept else ""
    values["landmarks kept, %"] = ""
    if threads == 2 and len(library.sha256) <= _EXHAUSTIVE:
        own = [scores[number, "landmarks"] for number in range(QUERIES)]
        values["landmarks kept, %"] = f"{landmarks_kept(library, pieces, own):.1f}"
    return values


def whole_command(folder: Path, source: Library, threads: int) -> float:
    """Seconds of ``nsid identify`` for a file of three minutes, from the start of the program."""
    nearest = int(np.abs(source.seconds - SECONDS).argmin())
    file = Path(source.info.music, source.paths[nearest][0])
    own = ["identify", str(file), "--library", str(folder), "--threads", str(threads)]
    started = time.perf_counter()
    command = [sys.executable, "-m", "neuralsampleid.cli", *own]
    subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - started


def landmarks_kept(library: Library, pieces: Sequence[Track], scores: Sequence[float]) -> float:
    """Percent of the scores that ten times as many candidates and the search of few tracks give."""
    landmark_index.MANY = len(library.sha256)
    made = library.info.landmarks
    settings = made.settings.model_copy(update={"candidates": 10 * made.settings.candidates})
    info = {"landmarks": made.model_copy(update={"settings": settings})}
    finder = LandmarkFinder.of_library(replace(library, info=library.info.model_copy(update=info)))
    shares = []
    for number, score in enumerate(scores):
        query, sampled = query_of(number, pieces, library)
        most = finder.find(query, threads=2).scores[sampled]
        shares.append(score / most if most > 0 else 1.0)
    return 100 * float(np.mean(shares))


def kept_of(library: Library, index: object, pieces: Sequence[Track]) -> tuple[float, float]:
    """Shares of the exact neighbours, and of the nearest, that a search finds; percent."""
    asked = np.concatenate([
        query_of(number, pieces, library)[0].fingerprints.embeddings[::20]
        for number in range(QUERIES)
    ])  # fmt: skip
    found = index.nearest(asked, CANDIDATES)
    own = found.tracks << 32 | found.numbers
    best = np.full((len(asked), CANDIDATES), -np.inf, np.float32)
    labels = np.full(best.shape, -1)
    for first in range(0, len(library.sha256), 500):
        parts = library.fingerprints[first : first + 500]
        vectors = np.concatenate([part.embeddings for part in parts])
        names = np.concatenate(
            [(first + place) << 32 | part.numbers for place, part in enumerate(parts)]
        )
        every = np.concatenate([best, asked @ vectors.T], axis=1)
        named = np.concatenate([labels, np.tile(names, (len(asked), 1))], axis=1)
        order = np.argpartition(-every, CANDIDATES - 1, axis=1)[:, :CANDIDATES]
        best, labels = (np.take_along_axis(each, order, axis=1) for each in (every, named))
    nearest = np.take_along_axis(labels, best.argmax(axis=1)[:, None], axis=1)[:, 0]
    kept = [len(np.intersect1d(*rows)) / CANDIDATES for rows in zip(own, labels, strict=True)]
    return 100 * float(np.mean(kept)), 100 * float((nearest[:, None] == own).any(axis=1).mean())


if __name__ == "__main__":
    main()
