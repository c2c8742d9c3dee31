"""A benchmark of a person's own music: two queries that sample two of four references."""

from pathlib import Path
from typing import Any

from helpers.tunes import TUNE_RATE, put, tune

HEAD = "query_id,reference_id,query_start_s,query_end_s,reference_start_s,reference_end_s\n"
TABLE = HEAD + "".join(f"new {n}.wav,old {n}.wav,4,14,5,15\n" for n in range(2))


def make_own_music_files(folder: Path) -> None:
    """Write ``references/old 0.wav`` …, ``queries/new 0.wav`` … and ``samples.csv``."""
    for number in range(4):
        put(folder / f"references/old {number}.wav", tune(500 + number, 24))
    for number in range(2):
        mix = tune(600 + number, 24) * 0.5
        taken = tune(500 + number, 24)[TUNE_RATE * 5 : TUNE_RATE * 15]
        mix[TUNE_RATE * 4 : TUNE_RATE * 14] += 0.6 * taken
        put(folder / f"queries/new {number}.wav", mix)
    (folder / "samples.csv").write_text(TABLE)


def own_benchmark(folder: Path, **data: str) -> dict[str, Any]:
    """The configuration of a run on them by landmarks alone; ``data`` adds to its section."""
    paths = {"references": "references", "queries": "queries", "annotations": "samples.csv"} | data
    return {
        "run": "own",
        "data": {"kind": "own_music", **{key: str(folder / at) for key, at in paths.items()}},
        "encoders": {"shipped": {"architecture": "pretrained", "weights": "shipped"}},
        "systems": [{"kind": "landmarks", "name": "landmarks"}],
        "queries": {"query_seconds": [5.0, 10.0]},
        "metrics": {"cutoffs": [1, 3]},
        "intervals": {"resamples": 50},
        "comparisons": {"permutations": 50},
    }
