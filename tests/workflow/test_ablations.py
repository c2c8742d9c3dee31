"""The ablations' part of the DAG: what is shared, what is left out, and one run of it."""

import re

import pandas as pd
import pytest

from helpers.workflow import RESULTS, micro, planned, snakemake

ROWS = {
    "bypassed": {"encoder": {"graph": "bypassed"}},
    "no_reranker": {"reranker": False},
    "mined_as_released": {"reranker": {"training": {"mining": "released"}}},
}


def test_rows_share_encoders_and_nothing_else_is_made(tmp_path):
    config = micro(ablations={"seeds": [1, 5], "rows": ROWS})
    done = snakemake(tmp_path, config, "-n", "ablations")
    assert done.returncode == 0, done.stdout
    table = done.stdout.rpartition("Job stats:")[2]
    counts = {name: int(n) for name, n in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)}
    assert counts.pop("total") == sum(counts.values())
    assert (counts.pop("ablations"), counts.pop("ablation_report")) == (1, 1)
    expected = {
        "demo_data": 1, "separate": 1, "pack_stems": 1, "find_copies": 1, "derive_queries": 1,
        "pretrain": 2, "train_reranker": 3, "fingerprint": 2 * 3, "build_index": 2,
        "match": 4, "locate": 4, "evaluate": 4,
    }  # fmt: skip
    for seed in (1, 5):
        assert {name: counts.pop(f"ablations_{seed}_{name}") for name in expected} == expected
    assert not counts


def test_the_report_needs_no_ablations(tmp_path):
    config = micro(ablations={"rows": ROWS})
    assert not [rule for rule in planned(tmp_path, config) if "ablation" in rule]


@pytest.fixture
def small(finished):
    """On the finished run's music, so that only training and ranking are repeated."""
    data = finished / RESULTS / "data"
    config = micro(
        data={"kind": "catalogue", "folder": str(data)},
        separation={"backend": "precomputed", "stems_folder": str(data / "true_stems")},
        ablations={"seeds": [1, 2], "rows": {"no_reranker": ROWS["no_reranker"]}},
    )
    config["encoders"]["gnn"]["training"]["epochs"] = 1
    return config


@pytest.mark.slow
def test_a_run_over_two_seeds(small, tmp_path):
    done = snakemake(tmp_path, small, "ablations")
    assert done.returncode == 0, done.stdout
    folder = tmp_path / RESULTS / "ablations"
    for suffix in ("csv", "md", "tex", "txt", "png", "pdf"):
        assert (folder / f"ablations.{suffix}").stat().st_size > 0
    rows = pd.read_csv(folder / "ablations.csv")
    assert rows["Row"].tolist() == ["Proposed", "No reranker"]
    assert (rows["Seeds"] == 2).all()
    values = pd.read_csv(folder / "metrics.csv")
    measured = values[values["metric"] == "map"].set_index(["system", "seed"])["value"]
    for seed in (1, 2):
        for name in ("proposed", "no_reranker"):
            made = tmp_path / f"results/micro_ablations_{seed}/evaluation/{name}/metrics.csv"
            own = pd.read_csv(made).query("metric == 'map' and group == 'all'")
            assert own["value"].item() == measured[name, seed]
    assert not list(tmp_path.glob("results/*/report"))
    weights = [tmp_path / f"results/micro_ablations_{n}/models/proposed/trained.pt" for n in (1, 2)]
    assert weights[0].read_bytes() != weights[1].read_bytes()
    assert "Nothing to be done" in snakemake(tmp_path, small, "-n", "ablations").stdout
