"""Results of the open benchmark as Markdown, for docs/results.md.

Command: ``python benchmarks/free_music_results.py results/free_music`` after ``make free-music``.
It prints the tables of the run's report, intervals in full size, then what the run cost.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import pandas as pd

TABLES = {
    "grades": "The three grades",
    "main": "All queries",
    "sample_types": "By part",
    "conditions": "By condition",
    "localisation": "Occurrences",
    "answers": "Answers",
    "median_ranks": "Median ranks",
    "comparisons": "Pairs of systems",
}


def rule_of(job: str) -> str:
    """The rule whose name begins a benchmark file's name."""
    text = "".join(path.read_text(encoding="utf-8") for path in Path("rules").rglob("*.smk"))
    names = re.findall(r"^ *rule (\w+):", text, flags=re.MULTILINE)
    return max((name for name in names if job.startswith(name)), key=len, default=job)


def main() -> None:
    """Print the tables of a finished run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    run = parser.parse_args().run
    record = json.loads((run / "report/provenance.json").read_text(encoding="utf-8"))
    print(f"Commit {record['git']['commit']}, seed {record['seed']}, {record['device']}.")
    for name, title in TABLES.items():
        print(f"\n## {title}\n")
        table = (run / f"report/tables/{name}.md").read_text(encoding="utf-8").strip()
        print(re.sub(" *</?sub> *| {2,}", " ", table))
    print("\n## Costs\n\n| rule | jobs | CPU s | wall s |\n|---|---:|---:|---:|")
    jobs = [
        pd.read_csv(path, sep="\t").assign(rule=rule_of(path.stem))
        for path in sorted(run.glob("benchmarks/*.tsv"))
    ]
    costs = (
        pd.concat(jobs)
        .groupby("rule")
        .agg(jobs=("s", "size"), cpu=("cpu_time", "sum"), wall=("s", "sum"))
    )
    costs.loc["all"] = costs.sum()
    for rule, row in costs.sort_values("cpu", ascending=False).iterrows():
        print(f"| {rule} | {row['jobs']:.0f} | {row['cpu']:.0f} | {row['wall']:.0f} |")


if __name__ == "__main__":
    main()
