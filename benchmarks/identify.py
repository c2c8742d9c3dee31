"""Identifying a whole track: seconds per step, by the shipped model and by landmarks.

Command: ``OMP_WAIT_POLICY=PASSIVE python benchmarks/identify.py --landmarks LIBRARY``
(``--threads``: 2 unless told otherwise). The shipped model's library is synthetic: 1,000 tracks
of three minutes; the query's fingerprinting is real, of three minutes of noise. What landmarks
cost depends on the music, so theirs is the open benchmark's: LIBRARY, which ``nsid index --weights
landmarks`` makes of ``results/free_music_audio/warzone2100-music``, is cut into pieces of three
minutes and repeated, each time a little higher, until there are as many; the query is one piece.
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

from neuralsampleid.audio.ffmpeg import Decoded
from neuralsampleid.fingerprints.segments import Segments
from neuralsampleid.landmarks.peaks import Peaks
from neuralsampleid.library.finders import Finder, LandmarkFinder, SegmentFinder, finders_of
from neuralsampleid.library.fingerprinter import Fingerprinter, for_new_library
from neuralsampleid.library.identify import identify
from neuralsampleid.library.schema import LibraryInfo
from neuralsampleid.library.store import (
    File,
    Library,
    Track,
    changing_library,
    create_library,
    open_library,
)
from neuralsampleid.models.weights import SHIPPED

SECONDS = 180


def main() -> None:
    """Print one row per step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--landmarks", type=Path, help="a library of real music")
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
        info, fingerprinter = for_new_library(Path("/music"), SHIPPED, None, None)
        out = Path(folder) / "library"
        synthetic(out, info, options.tracks, options.threads)
        steps = steps_of_model(fingerprinter, out, options.threads)
        print_times("shipped model", steps, options.rounds)
    if options.landmarks is not None:
        library = repeated(open_library(options.landmarks), options.tracks)
        print_times("landmarks", steps_of_landmarks(library, options.threads), options.rounds)


def synthetic(folder: Path, info: LibraryInfo, tracks: int, threads: int) -> None:
    """A library of random fingerprints."""
    rng, own = np.random.default_rng(0), info.encoder
    create_library(folder, info)
    count = int((SECONDS - own.segment_s) / own.hop_s) + 1
    starts = own.hop_s * np.arange(count)
    with changing_library(folder) as writer:
        for number in range(tracks):
            rows = unit(rng.standard_normal((count, own.embedding_size)))
            ends = starts + own.segment_s
            segments = Segments.of({"": len(rows)}, rows, starts_s=starts, ends_s=ends)
            writer.add(File(f"{number}.wav", 1, 1), str(number), Track(SECONDS, segments))
        (finder,) = finders_of(open_library(folder))
        chance = finder.measure_chance(threads)
        writer.note(info.model_copy(update={"encoder": own.model_copy(update={"chance": chance})}))


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def repeated(library: Library, tracks: int) -> Library:
    """Landmarks of as many pieces of music as wanted."""
    settings, pieces = library.info.landmarks.settings, []
    frames = int(SECONDS / settings.frame_s)
    for seconds, peaks in zip(library.seconds, library.landmarks, strict=True):
        for start in range(0, int((seconds - SECONDS) / settings.frame_s), frames):
            own = (peaks.frames >= start) & (peaks.frames < start + frames)
            pieces.append(Peaks(peaks.frames[own] - np.int32(start), peaks.bins[own]))
    chosen = []
    for number in range(tracks):
        turn, place = divmod(number, len(pieces))
        bins = pieces[place].bins + np.int16(turn)
        inside = bins < settings.bins
        chosen.append(Peaks(pieces[place].frames[inside], bins[inside]))
    names = [str(number) for number in range(tracks)]
    return replace(
        library,
        paths=[[name] for name in names],
        sha256=names,
        seconds=np.full(tracks, float(SECONDS)),
        landmarks=chosen,
    )


def steps_of_model(
    fingerprinter: Fingerprinter, folder: Path, threads: int
) -> Mapping[str, Callable[[], object]]:
    """The steps of one identification by fingerprints."""
    library, rate = open_library(folder), fingerprinter.encoder.front_end.sample_rate
    noise = np.random.default_rng(1).standard_normal(SECONDS * rate) * 0.1
    audio = Decoded(noise.astype(np.float32), rate)
    query, finder = fingerprinter.of_audio(audio), finders_of(library)[0]
    assert isinstance(finder, SegmentFinder)
    return {
        "fingerprint the query": lambda: fingerprinter.of_audio(audio),
        "search": lambda: finder.nearest(query.fingerprints, frozenset(), threads),
        "search, lines and chance": lambda: identify(query, library, [finder], threads=threads),
    }


def steps_of_landmarks(library: Library, threads: int) -> Mapping[str, Callable[[], object]]:
    """The steps of one identification by landmarks; the query is the first track."""
    query = Track(SECONDS, landmarks=library.landmarks[0])
    nothing = Track(SECONDS, landmarks=Peaks(np.zeros(0, np.int32), np.zeros(0, np.int16)))

    def new() -> Finder:
        made = LandmarkFinder(library.landmarks, library.seconds, library.info.landmarks.settings)
        made.find(nothing, threads=threads)
        return made

    finder = new()
    return {
        "make the tables, once for all queries": new,
        "search over pitch and tempo, and lines": lambda: identify(
            query, library, [finder], threads=threads
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
