"""A long mix of known tracks: how much of it a tracklist has right, seconds and memory.

Command: ``OMP_WAIT_POLICY=PASSIVE python benchmarks/mix.py MUSIC LIBRARY --hours 10`` (needs
ffmpeg). MUSIC is a folder of tracks; LIBRARY is made by ``nsid index`` of most of them, or of a
copy under the same names without endings. Up to four minutes of each track follow each other in
random order, with crossfades of 10 s; each plays up to 4 % faster or slower, half of them at their
own pitch, half as from a turntable. Tracks that the library lacks should have no entry.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.random import default_rng

from neuralsampleid.exports.tracklist import Entry, entries_of
from neuralsampleid.library.identify import Identifier

RATE, FADE, MOST_S, LEAST_S, OVERLAP_S = 22050, 10 * 22050, 240, 100, 5


@dataclass(frozen=True)
class Played:
    """A track of the mix."""

    title: str
    start_s: float
    end_s: float


def main() -> None:
    """Print one row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("music", type=Path)
    parser.add_argument("library", type=Path)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        mix = Path(folder) / "mix.flac"
        played = write_mix(sorted(options.music.iterdir()), options.hours, mix)
        started = time.perf_counter()
        identifier = Identifier.open(options.library)
        answers = identifier.identify_file(mix, threads=options.threads).answers
        taken = time.perf_counter() - started
    known = {str(Path(path).with_suffix("")) for same in identifier.library.paths for path in same}
    entries = entries_of(answers)
    found = {one for one in played for entry in entries if is_right(entry, one)}
    wrong = [entry for entry in entries if not any(is_right(entry, one) for one in played)]
    unknown = sum(one.title not in known for one in played)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print("| hours | tracks | of the library | found | wrong entries | answers | s | MiB |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    counts = (len(played), len(played) - unknown, len(found), len(wrong), len(answers))
    print(f"| {options.hours:g} | {' | '.join(map(str, counts))} | {taken:.0f} | {memory:.0f} |")


def is_right(entry: Entry, played: Played) -> bool:
    """Whether an entry is of a track while it plays."""
    together = min(entry.end_s, played.end_s) - max(entry.start_s, played.start_s)
    return entry.title == played.title and together >= OVERLAP_S


def write_mix(files: list[Path], hours: float, out: Path) -> list[Played]:
    """Write a mix of some files as FLAC; what plays when."""
    rng, played, written, turn = default_rng(2), [], 0, []
    rise = np.sqrt(np.linspace(0, 1, FADE, dtype=np.float32))
    tail = np.zeros(FADE, np.float32)
    with soundfile.SoundFile(out, "w", RATE, 1, format="FLAC") as sink:
        while written < hours * 3600 * RATE:
            turn = turn or rng.permutation(len(files)).tolist()
            path, tempo = files[turn.pop()], rng.uniform(0.96, 1.04)
            audio = decoded(path, tempo, own_pitch=bool(rng.random() < 0.5))
            if len(audio) < LEAST_S * RATE:
                continue
            audio *= 0.5 / max(float(np.abs(audio).max()), 1e-3)
            audio[:FADE] = audio[:FADE] * rise + tail * rise[::-1]
            played.append(Played(path.stem, written / RATE, (written + len(audio)) / RATE))
            sink.write(audio[:-FADE])
            written += len(audio) - FADE
            tail = audio[-FADE:]
        sink.write(tail * rise[::-1])
    return played


def decoded(path: Path, tempo: float, own_pitch: bool) -> np.ndarray:
    """A track at another tempo; empty where ffmpeg cannot read it."""
    turntable = f"aresample=44100,asetrate={round(44100 * tempo)},aresample={RATE}"
    change = f"atempo={tempo}" if own_pitch else turntable
    source = ("-nostdin", "-v", "error", "-t", str(MOST_S), "-i", str(path), "-af", change)
    command = ["ffmpeg", *source, "-ar", str(RATE), "-ac", "1", "-f", "f32le", "-"]
    content = subprocess.run(command, capture_output=True, check=False).stdout
    return np.frombuffer(content, np.float32).copy()


if __name__ == "__main__":
    main()
