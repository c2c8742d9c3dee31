"""Identifying a whole track: seconds per step, by the shipped model and by landmarks.

Command: ``OMP_WAIT_POLICY=PASSIVE python benchmarks/identify.py --landmarks LIBRARY``
(``--threads``: 2 unless told otherwise). The shipped model's library is synthetic: 1,000 tracks
of three minutes; the query's fingerprinting is real, of three minutes of noise. What landmarks
cost depends on the music, so theirs is the open benchmark's: LIBRARY, which ``nsid index --weights
landmarks`` makes of ``results/free_music_audio``, is cut into pieces of three minutes. Where these
are too few they are repeated: each time at another tempo (up to 3 %) and pitch (up to a semitone),
and without a fifth of the peaks. The query is a mix: half of the peaks of two pieces.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.random import default_rng

from neuralsampleid.audio.sound import mixed as sound_of
from neuralsampleid.fingerprints.segments import Segments
from neuralsampleid.landmarks.peaks import Peaks
from neuralsampleid.library.finders import SegmentFinder, finders_of
from neuralsampleid.library.fingerprint_tables import update_tables as update_fingerprints
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
from neuralsampleid.library.tables import index_of, update_tables
from neuralsampleid.models.weights import SHIPPED

SECONDS = 180


def main() -> None:
    """Print one row per step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--landmarks", type=Path, help="a library of real music")
    parser.add_argument("--without-model", action="store_true", help="landmarks alone")
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
        if not options.without_model:
            info, fingerprinter = for_new_library(Path("/music"), SHIPPED, None, None)
            out = Path(folder) / "library"
            synthetic(out, info, options.tracks, options.threads)
            steps = steps_of_model(fingerprinter, out, options.threads)
            print_times("shipped model", steps, options.rounds)
        if options.landmarks is not None:
            out = Path(folder) / "landmarks"
            repeated(open_library(options.landmarks), out, options.tracks)
            print_times("landmarks", steps_of_landmarks(out, options.threads), options.rounds)
            minutes = options.tracks * SECONDS / 60
            sizes = [path.stat().st_size for path in out.rglob("*") if path.is_file()]
            print(f"\nLandmarks on disk: {sum(sizes) / minutes / 1024:.1f} KiB for a minute.")
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"Resident memory at most: {peak:.0f} MiB, mapped files among it.")


def synthetic(folder: Path, info: LibraryInfo, tracks: int, threads: int) -> None:
    """A library of random fingerprints."""
    rng, own = default_rng(0), info.encoder
    create_library(folder, info)
    count = int((SECONDS - own.segment_s) / own.hop_s) + 1
    starts = own.hop_s * np.arange(count)
    with changing_library(folder) as writer:
        for number in range(tracks):
            rows = unit(rng.standard_normal((count, own.embedding_size)))
            ends = starts + own.segment_s
            segments = Segments.of({"": len(rows)}, rows, starts_s=starts, ends_s=ends)
            writer.add(File(f"{number}.wav", 1, 1), str(number), Track(SECONDS, segments))
        library = open_library(folder)
        update_fingerprints(folder, library.fingerprints, threads)
        (finder,) = finders_of(library)
        chance = finder.measure_chance(library.fingerprints, library.sha256, threads)
        writer.note(info.model_copy(update={"encoder": own.model_copy(update={"chance": chance})}))


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def pieces_of(library: Library) -> list[Peaks]:
    """The peaks of three minutes each, of all tracks."""
    frames, pieces = int(SECONDS / library.info.landmarks.peaks.frame_s), []
    for peaks in library.landmarks:
        for start in range(0, peaks.length - frames, frames):
            own = (peaks.frames >= start) & (peaks.frames < start + frames)
            pieces.append(Peaks(peaks.frames[own] - start, peaks.bins[own]))
    return pieces


def repeated(library: Library, folder: Path, tracks: int) -> None:
    """A library of the landmarks of as many pieces of music as wanted."""
    settings, pieces, rng = library.info.landmarks.peaks, pieces_of(library), default_rng(0)
    create_library(folder, library.info)
    with changing_library(folder) as writer:
        for number in range(tracks):
            peaks = pieces[number % len(pieces)]
            if number >= len(pieces):
                frames = peaks.frames * rng.uniform(0.97, 1.03)
                bins = peaks.bins + rng.uniform(-3, 3)
                kept = (bins >= 0) & (bins < settings.bins - 1) & (rng.random(len(bins)) < 0.8)
                peaks = Peaks.at(frames[kept], bins[kept])
            seconds = (peaks.length + 1) * settings.frame_s
            writer.add(File(f"{number}.wav", 1, 1), str(number), Track(seconds, landmarks=peaks))
    made = open_library(folder)
    update_tables(folder, made.landmarks, made.seconds, made.info.landmarks)


def mixed(one: Peaks, other: Peaks) -> Peaks:
    """Half of the peaks of two pieces."""
    frames, bins = (
        np.concatenate([getattr(one, name)[::2], getattr(other, name)[1::2]])
        for name in ("frames", "bins")
    )
    return Peaks.at(frames, bins)


def steps_of_model(
    fingerprinter: Fingerprinter, folder: Path, threads: int
) -> Mapping[str, Callable[[], object]]:
    """The steps of one identification by fingerprints."""
    library, rate = open_library(folder), fingerprinter.encoder.front_end.sample_rate
    noise = default_rng(1).standard_normal(SECONDS * rate) * 0.1
    audio = sound_of(lambda: [noise.astype(np.float32)[:, None]], rate)
    query, finder = fingerprinter.of_sound(audio), finders_of(library)[0]
    assert isinstance(finder, SegmentFinder)
    return {
        "fingerprint the query": lambda: fingerprinter.of_sound(audio),
        "search": lambda: finder.find(query, threads=threads),
        "search, and answers": lambda: identify(query, library, [finder], threads=threads),
    }


def steps_of_landmarks(folder: Path, threads: int) -> Mapping[str, Callable[[], object]]:
    """The steps of one identification by landmarks; the query is a mix of two tracks."""
    library = open_library(folder)
    (finder,) = finders_of(library)
    query = Track(SECONDS, landmarks=mixed(*library.landmarks[:2]))
    # Compiles what is not compiled yet.
    answers = len(identify(query, library, [finder], threads=threads))

    def opened() -> object:
        anew = open_library(folder)
        return index_of(anew.landmarks, anew.info.landmarks)

    return {
        "open the library": opened,
        "search": lambda: finder.find(query, threads=threads),
        f"search, and lines of {answers} answers": lambda: identify(
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
