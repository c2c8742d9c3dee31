"""What the demo costs in CPU seconds, and whether its training shows.

Command: ``python benchmarks/demo.py FOLDER`` (an hour and more). It runs the demo with three seeds
and two instruction sets, each in ``FOLDER/<instructions>_<seed>``, and prints a row per run, then
CPU seconds by rule. A run that ended there is not repeated. CPU seconds count every process of a
run, Snakemake's own too. To measure another commit, run this file in that commit's environment from
the top of its checkout.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import time
from pathlib import Path

import pandas as pd

# What lets PyTorch, oneDNN and OpenBLAS use no more than AVX2.
INSTRUCTIONS = {
    "native": {},
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
    },
}
SYSTEMS = ("proposed", "untrained")


def measured_run(folder: Path, seed: int, instructions: str) -> dict[str, float]:
    """CPU and wall seconds of a demo that is run in a folder, or was."""
    note = folder / "seconds.json"
    if not note.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["snakemake", "-s", str(Path("Snakefile").resolve()), "--cores", "2"]
        command += ["--directory", str(folder), "--config", f"seed={seed}"]
        started, before = time.monotonic(), cpu_seconds()
        with (folder / "log.txt").open("w") as log:
            environment = os.environ | INSTRUCTIONS[instructions]
            environment.pop("PYTHONDONTWRITEBYTECODE", None)  # as the Makefile does
            subprocess.run(command, env=environment, stdout=log, stderr=log, check=True)
        seconds = {"cpu": cpu_seconds() - before, "wall": time.monotonic() - started}
        note.write_text(json.dumps(seconds), encoding="utf-8")
    found: dict[str, float] = json.loads(note.read_text(encoding="utf-8"))
    return found


def cpu_seconds() -> float:
    """Of all processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def findings(folder: Path) -> list[str]:
    """Each system's mAP with its interval, in percent, and whether the two intervals are apart."""
    metrics = pd.read_csv(folder / "results/demo/report/metrics.csv")
    overall = metrics.query("metric == 'map' and task == 'full_track' and group == 'all'")
    rows = overall.set_index("system")[["value", "low", "high"]].mul(100).loc[list(SYSTEMS)]
    cells = [f"{row.value:.1f} [{row.low:.1f}–{row.high:.1f}]" for row in rows.itertuples()]
    apart = rows["low"].iloc[0] > rows["high"].iloc[1]
    return [*cells, "yes" if apart else "no"]


def costs(run: Path) -> pd.DataFrame:
    """Jobs, CPU seconds and wall seconds of each rule, and of all, from the files that jobs left.

    A file belongs to the rule of this folder with the longest name that its own begins with.
    """
    text = "".join(path.read_text(encoding="utf-8") for path in Path("rules").rglob("*.smk"))
    rules = sorted(re.findall(r"^ *rule (\w+):", text, flags=re.MULTILINE), key=len, reverse=True)

    def rule_of(job: str) -> str:
        return next((rule for rule in rules if job.startswith(rule)), job)

    jobs = [
        pd.read_csv(path, sep="\t").assign(rule=rule_of(path.stem))
        for path in sorted(run.glob("benchmarks/*.tsv"))
    ]
    columns = {"jobs": ("s", "size"), "CPU s": ("cpu_time", "sum"), "wall s": ("s", "sum")}
    table = pd.concat(jobs).groupby("rule").agg(**columns).round().astype(int)
    table.loc["all"] = table.sum()
    return table.sort_values("CPU s", ascending=False)


def main() -> None:
    """Run what is missing and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--instructions", nargs="+", choices=INSTRUCTIONS, default=[*INSTRUCTIONS])
    given = parser.parse_args()
    print("| instructions | seed | CPU s | wall s | proposed, mAP (%) | untrained | apart |")
    print("|---|---:|---:|---:|---:|---:|---|")
    rules = {}
    for seed in given.seeds:
        for kind in given.instructions:
            folder = given.folder / f"{kind}_{seed}"
            seconds = measured_run(folder, seed, kind)
            cells = [kind, seed, f"{seconds['cpu']:.0f}", f"{seconds['wall']:.0f}"]
            print(f"| {' | '.join(map(str, [*cells, *findings(folder)]))} |", flush=True)
            rules[f"{kind} {seed}"] = costs(folder / "results/demo")["CPU s"].drop("all")
    table = pd.DataFrame(rules).fillna(0.0)
    print(f"\n| CPU s of rule | {' | '.join(table.columns)} |\n|---|{'---:|' * len(rules)}")
    for rule, values in table.sort_values(table.columns[0], ascending=False).iterrows():
        print(f"| {rule} | {' | '.join(f'{value:.0f}' for value in values)} |")


if __name__ == "__main__":
    main()
