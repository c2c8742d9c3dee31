"""Planning the paper's run on 25,000 clips: seconds, memory and jobs of ``snakemake -n``.

Command: ``python benchmarks/full_width.py`` (about a minute). The clips are empty files, as
planning looks at names only; the annotations are made up, and of Sample100 there is noise alone.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from neuralsampleid.audio.io import write_audio

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=25_000)
    parser.add_argument("--noise", type=int, default=320)
    options = parser.parse_args()
    print("| state | s | CPU s | peak memory, MiB | jobs |")
    print("|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        own = folder / "own.json"
        own.write_text(json.dumps({"data": prepare(folder, options.clips, options.noise)}))
        command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile")]
        command += ["--configfile", str(ROOT / "config/paper.yaml"), str(own)]
        plan(folder, [*command, "-n"], "nothing made yet")
        target = ["--", "results/paper/data/tracks.csv"]
        subprocess.run([*command, *target], cwd=folder, check=True, capture_output=True)
        plan(folder, [*command, "-n"], "catalogue made")


def prepare(folder: Path, clips: int, noise: int) -> dict[str, object]:
    """Empty clips and a Sample100 without audio of its own; the section ``data``."""
    for number in range(clips):
        touch(folder / f"fma_medium/{number // 1000:03}/{number:06}.mp3")
    annotations = folder / "sample100-ext"
    (annotations / "annotations").mkdir(parents=True)
    (annotations / "tracks.csv").write_text("track_id,artist,title\nT1,a,b\nT2,c,d\n")
    (annotations / "samples.csv").write_text(
        "sample_id,target_track_id,query_track_id,t_target,t_query,n_repetitions,"
        "estimated_tempo_ratio,sample_type,interpolation,comments\nS1,T2,T1,0,0,1,1.0,riff,no,\n"
    )
    times = [{"start_time": 0.0, "end_time": 2.0, "id": 1, "type": "occurrence"}]
    sides = {"query_time_annotations": times, "target_time_annotations": times}
    (annotations / "annotations/S1.json").write_text(json.dumps(sides))
    for number in range(noise):
        write_audio(folder / f"noise/{number}.wav", np.zeros(1600, np.float32), 16000)
    return {
        "folder": str(folder),
        "evaluation": {
            "kind": "sample100",
            "annotations": str(annotations),
            "audio": None,
            "noise": str(folder / "noise"),
        },
    }


def touch(path: Path) -> None:
    """An empty file, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def plan(folder: Path, command: list[str], state: str) -> None:
    """Run one plan and print its row."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    jobs = re.findall(r"^total +(\d+)$", done.stdout, flags=re.MULTILINE)[-1]
    print(f"| {state} | {wall:.1f} | {cpu:.1f} | {after.ru_maxrss / 1024:.0f} | {jobs} |")


if __name__ == "__main__":
    main()
