"""The shortest samples that ``nsid identify`` finds: excerpts of a library's tracks.

Command: ``python benchmarks/shortest.py MUSIC LIBRARY``; LIBRARY is made by ``nsid index MUSIC``.
Of each of some tracks an excerpt is asked about *alone*; *once* within 20 s of another track, as
loud as that; and *four times* within them. Printed is the share of the excerpts whose track is an
answer. Excerpts are not changed in tempo or pitch.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from numpy.random import default_rng

from neuralsampleid.audio.ffmpeg import read_any_part
from neuralsampleid.library.identify import Identifier

RATE, AROUND_S, LENGTHS_S = 22050, 20.0, (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
PLACES_S = {"alone": (), "once": (7.0,), "four times": (0.5, 5.5, 10.5, 15.5)}


def main() -> None:
    """Print one row for each length."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("music", type=Path)
    parser.add_argument("library", type=Path)
    parser.add_argument("--tracks", type=int, default=24)
    options = parser.parse_args()
    identifier, rng = Identifier.open(options.library), default_rng(3)
    long = np.flatnonzero(identifier.library.seconds > AROUND_S + max(LENGTHS_S))
    chosen = rng.permutation(long)[: options.tracks].tolist()
    print(f"| excerpt, s | {', % | '.join(PLACES_S)}, % |")
    print("|---:|---:|---:|---:|")
    for length in LENGTHS_S:
        shares = []
        for places in PLACES_S.values():
            found = 0
            for track, other in zip(chosen, chosen[1:] + chosen[:1], strict=True):
                paths = identifier.library.paths[track]
                excerpt = part(options.music / paths[0], length, rng)
                around = part(options.music / identifier.library.paths[other][0], AROUND_S, rng)
                answers = asked(identifier, mixed(excerpt, around, places))
                found += paths in [answer.paths for answer in answers]
            shares.append(f"{100 * found / len(chosen):.0f}")
        print(f"| {length} | {' | '.join(shares)} |", flush=True)


def part(path: Path, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """A part of a track from anywhere between its fifth second and its end, of loudness 0.1."""
    total = soundfile.info(path).duration
    start = rng.uniform(5.0, total - seconds)
    audio = read_any_part(path, RATE, start, seconds)
    return audio * (0.1 / max(float(np.sqrt(np.mean(audio**2))), 1e-4))


def mixed(excerpt: np.ndarray, around: np.ndarray, places: tuple[float, ...]) -> np.ndarray:
    """The excerpt at some places (s) of other music; without places alone."""
    if not places:
        return excerpt
    for place in places:
        start = int(place * RATE)
        around[start : start + len(excerpt)] += excerpt[: len(around) - start]
    return around


def asked(identifier: Identifier, query: np.ndarray) -> list:
    """The answers to a query."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "query.wav"
        soundfile.write(path, query, RATE, subtype="FLOAT")
        return list(identifier.identify_file(path).answers)


if __name__ == "__main__":
    main()
