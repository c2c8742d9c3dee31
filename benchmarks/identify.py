"""Identifying a whole track: seconds per step.

Command: ``OMP_WAIT_POLICY=PASSIVE python benchmarks/identify.py`` (``--threads``: 2 unless told
otherwise). The catalogue is synthetic: 1,000 tracks of three minutes with the released graph
network's hop and embedding size. The query's fingerprinting is real: three minutes of noise
through that network with random weights, which changes no cost.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from neuralsampleid.config import Gnn
from neuralsampleid.models.checkpoint import make_encoder
from neuralsampleid.retrieval.collection import (
    Collection,
    File,
    changing_collection,
    create_collection,
    open_collection,
)
from neuralsampleid.retrieval.fingerprint import fingerprint_track, segment_seconds
from neuralsampleid.retrieval.identify import (
    find_matches,
    identify,
    measure_chance,
)
from neuralsampleid.retrieval.ranges import TrackSegments

SECONDS = 180


def main() -> None:
    """Print one row per step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tracks", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5, help="the median counts")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        collection = synthetic(Path(folder) / "catalogue", options.tracks, options.threads)
        print_times(collection, options.threads, options.rounds)


def synthetic(folder: Path, tracks: int, threads: int) -> Collection:
    """A catalogue of random fingerprints."""
    settings, rng = Gnn(), np.random.default_rng(0)
    front_end = settings.front_end
    hop = settings.segment_hop * front_end.hop_length / front_end.sample_rate
    segment = segment_seconds(settings)
    about = {"embedding_size": settings.embedding_size, "hop_s": hop, "segment_s": segment}
    create_collection(folder, about)
    count = int((SECONDS - segment) / hop) + 1
    with changing_collection(folder) as writer:
        for number in range(tracks):
            rows = unit(rng.standard_normal((count, settings.embedding_size)))
            writer.add_content(str(number), hop * np.arange(count), rows, SECONDS)
            writer.add_file(File(f"{number}.wav", 1, 1), str(number))
        measured = measure_chance(open_collection(folder), threads)
        if measured is not None:  # without, every track with a passage would be an answer
            writer.note("chance", measured.as_json())
    return open_collection(folder)


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def print_times(collection: Collection, threads: int, rounds: int) -> None:
    """The steps of one identification."""
    settings = Gnn()
    encoder = make_encoder(settings, seed=0).eval()
    samples = SECONDS * settings.front_end.sample_rate
    audio = (np.random.default_rng(1).standard_normal(samples) * 0.1).astype(np.float32)
    found = fingerprint_track(encoder, audio)
    query = TrackSegments(
        np.arange(len(found.embeddings)), found.starts_s, found.embeddings, SECONDS
    )
    steps: dict[str, Callable[[], object]] = {
        "fingerprint the query": lambda: fingerprint_track(encoder, audio),
        "search": lambda: find_matches(query, collection, set(), threads),
        "search, passages and chance": lambda: identify(query, collection, threads=threads),
    }
    print(
        f"{threads} threads, {len(collection.sha256)} tracks of {SECONDS} s "
        f"({len(collection.rows)} segments), a query of {SECONDS} s; median (best) of {rounds}\n"
    )
    print("| step | s |\n|---|---:|")
    for name, step in steps.items():
        taken = []
        for _ in range(rounds):
            started = time.perf_counter()
            step()
            taken.append(time.perf_counter() - started)
        print(f"| {name} | {statistics.median(taken):.2f} ({min(taken):.2f}) |", flush=True)


if __name__ == "__main__":
    main()
