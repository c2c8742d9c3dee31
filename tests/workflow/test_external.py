"""Another program's rankings beside the systems of a finished run."""

import pandas as pd

from helpers.workflow import RESULTS, micro, snakemake


def test_rankings_from_a_file_are_a_row_of_every_table(copied):
    queries = pd.read_csv(copied / RESULTS / "evaluation/queries.csv")
    asked = queries.loc[queries["task"] == "full_track", ["query_id", "relevant"]]
    asked["reference"] = asked.pop("relevant").str.split("|").str[0]
    asked.assign(score=1).rename(columns={"query_id": "query"}).to_csv(copied / "other.csv")
    config = micro()
    config["systems"].append({"kind": "external", "name": "other", "rankings": "other.csv"})
    done = snakemake(copied, config)
    assert done.returncode == 0, done.stdout
    report = copied / RESULTS / "report"
    metrics = pd.read_csv(report / "metrics.csv").set_index(["system", "metric", "group"])["value"]
    assert (metrics["other", "map", "all"] > 0).all()
    assert metrics["other", "hit_rate", "all"].isna().all()
    assert pd.notna(metrics["other", "auroc", "all"])  # of full tracks
    rows = (report / "tables/main.md").read_text().splitlines()
    (row,) = (line for line in rows if line.startswith("| Other"))
    assert row.count("–") == 1 + 2  # an interval, and hit rates that nobody knows
    pairs = pd.read_csv(report / "comparisons.csv")
    own = pairs[(pairs["other"] == "other") & (pairs["table"] == "main")]
    assert set(own["metric"]) == {"map"}

    (copied / "other.csv").write_text("query,reference,score\nnobody,nothing,1\n")
    failed = snakemake(copied, config)
    assert "error: other.csv, line 2: 'nobody' is no query track" in failed.stdout
