"""Results of the open benchmark as Markdown, for docs/results.md.

Command: ``python benchmarks/free_music_results.py results/free_music`` after ``make free-music``.
It prints tables of the run's report, mAP by condition, and what the run cost.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import pandas as pd
import yaml
from demo import costs

from neuralsampleid.config import parse_config
from neuralsampleid.report.labels import bin_label, words

TABLES = {
    "grades": "The three grades",
    "main": "All queries",
    "localisation": "Occurrences",
    "answers": "Answers",
    "comparisons": "Differences between systems",
}


def by_condition(metrics: pd.DataFrame, labels: dict[str, str], dimension: str) -> pd.DataFrame:
    """Each system's mAP of full tracks with its interval in percent, a column per value."""
    rows = metrics.query("metric == 'map' and task == 'full_track'")
    if dimension == "part":
        rows = rows[~rows["group"].str.contains(":") & (rows["group"] != "all")]
    else:
        rows = rows[rows["group"].str.startswith(f"{dimension}:")]
    cells = {
        (labels.get(row.system, row.system), bin_label(row.group.rpartition(":")[2])): (
            f"{100 * row.value:.1f} [{100 * row.low:.1f}–{100 * row.high:.1f}]"
        )
        for row in rows.itertuples()
    }
    columns = list(dict.fromkeys(column for _, column in cells))
    systems = dict.fromkeys(system for system, _ in cells)
    table = pd.DataFrame({c: [cells[s, c] for s in systems] for c in columns}, index=[*systems])
    counts = rows.drop_duplicates("group")["queries"].astype(str)
    table.loc["Queries"] = counts.to_list()
    return table.rename_axis("System")


def markdown(table: pd.DataFrame) -> str:
    """A table without padding."""
    return re.sub(" {2,}", " ", table.to_markdown(disable_numparse=True, stralign="right"))


def main() -> None:
    """Print the tables of a finished run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    run = parser.parse_args().run
    record = json.loads((run / "report/provenance.json").read_text(encoding="utf-8"))
    config = parse_config(yaml.safe_load(record["config"]), "provenance.json")
    labels = {row.name: row.label or row.name for row in config.systems}
    labels |= {"oracle": "Oracle", "random": "Random ranking"}
    print(f"Commit {record['git']['commit']}, seed {record['seed']}, {record['device']}.")
    for name, title in TABLES.items():
        table = (run / f"report/tables/{name}.md").read_text(encoding="utf-8").strip()
        print(f"\n## {title}\n\n{re.sub(' *</?sub> *| {2,}', ' ', table)}")
    metrics = pd.read_csv(run / "report/metrics.csv")
    print("\n## mAP by condition")
    groups = metrics["group"].str.extract(r"^(\w+):")[0].dropna().unique()
    for dimension in ["part", *groups]:
        table = by_condition(metrics, labels, dimension)
        if dimension != "grade" and len(table.columns) > 1:
            print(f"\n**{words(dimension)}**\n\n{markdown(table)}")
    print(f"\n## Costs\n\n{markdown(costs(run))}")


if __name__ == "__main__":
    main()
