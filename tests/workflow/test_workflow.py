"""The whole DAG on a micro configuration, by real Snakemake processes."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

ROOT = Path(__file__).parents[2]
MICRO = Path(__file__).with_name("micro.yaml")
SYSTEMS = ["proposed", "proposed_no_reranker", "baseline", "untrained"]
RESULTS = Path("results/micro")


def micro(**changes):
    """The micro configuration with some values replaced; dots separate the levels of a key."""
    config = yaml.safe_load(MICRO.read_text())
    for key, value in changes.items():
        *parents, leaf = key.split(".")
        part = config
        for parent in parents:
            part = part.setdefault(parent, {})
        part[leaf] = value
    return config


def snakemake(folder, config, *arguments):
    """Run Snakemake in a folder; returns the finished process with all that it printed."""
    file = folder / "config.json"
    file.write_text(json.dumps(config))
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile")]
    command += ["--configfile", str(file), "--cores", "2", *arguments]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )


def planned(folder, config):
    """Names of the rules that a dry run would execute."""
    done = snakemake(folder, config, "-n")
    assert done.returncode == 0, done.stdout
    table = done.stdout.rpartition("Job stats:")[2].partition("total")[0]
    return set(re.findall(r"^(\w+) +\d+$", table, flags=re.MULTILINE)) - {"all"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder in which the micro configuration has run to its end."""
    folder = tmp_path_factory.mktemp("micro")
    done = snakemake(folder, micro())
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of the finished run that a test may spoil."""
    folder = tmp_path / "run"
    shutil.copytree(finished, folder, symlinks=True)
    return folder


def test_metrics_hold_every_system_as_fractions(finished):
    metrics = pd.read_csv(finished / RESULTS / "report/metrics.csv")
    assert list(metrics) == (
        [
            "system",
            "protocol",
            "metric",
            "k",
            "query_seconds",
            "group",
            "value",
            "low",
            "high",
            "queries",
        ]
    )
    assert list(dict.fromkeys(metrics["system"])) == SYSTEMS
    values = metrics[["value", "low", "high"]].stack().dropna()
    assert values.between(0, 1).all()
    everything = metrics[metrics["group"] == "all"].groupby("system")["metric"].value_counts()
    for system in SYSTEMS:
        assert everything[system, "map"] == 1
        assert everything[system, "hit_rate"] == 2 * 2  # lengths × cutoffs


def test_report_is_complete(finished):
    report = finished / RESULTS / "report"
    tables = ("main", "hit_rates", "sample_types", "conditions", "localisation", "rejection")
    for name in (*tables, "median_ranks", "comparisons"):
        for suffix in ("md", "csv", "tex", "html", "txt"):
            assert (report / f"tables/{name}.{suffix}").stat().st_size > 0
    figures = ("hit_rates", "map", "ranks", "learning_curves", "separation", "conditions")
    for name in (*figures, "changes", "localisation", "rejection", "calibration"):
        assert (report / f"figures/{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (report / f"figures/{name}.pdf").read_bytes().startswith(b"%PDF")
    record = json.loads((report / "provenance.json").read_text())
    assert record["seed"] == 3
    assert record["packages"]["torch"].startswith("2.")
    assert yaml.safe_load((report / "config.yaml").read_text())["run"] == "micro"


def test_every_query_is_asked_with_and_without_its_answers(finished):
    folder = finished / RESULTS / "evaluation"
    queries = pd.read_csv(folder / "queries.csv", keep_default_na=False)
    absent = queries["protocol"].str.endswith("_absent")
    assert absent.sum() == (~absent).sum() > 0
    assert (queries["conditions"].str.contains("level_db:")).any()
    matches = pd.read_csv(folder / "proposed/matches.csv")
    without = matches[matches["protocol"] == "full_track_absent"]
    excluded = dict(queries[absent][["query_id", "excluded"]].itertuples(index=False))
    for query_id, ranking in without.groupby("query_id")["reference_id"]:
        assert not set(ranking) & set(excluded[query_id].split("|"))
    assert set(without["query_id"]) == set(excluded)
    assert matches["probability"].between(0, 1).all()
    metrics = pd.read_csv(finished / RESULTS / "report/metrics.csv")
    for system in SYSTEMS:
        own = metrics[metrics["system"] == system]
        assert {"auroc", "equal_error_rate", "localised_1s"} <= set(own["metric"])
        assert ("calibration_error" in set(own["metric"])) == (system == "proposed")


def test_systems_are_compared_in_pairs(finished):
    report = finished / RESULTS / "report"
    table = pd.read_csv(report / "comparisons.csv")
    pairs = set(table[["system", "other"]].itertuples(index=False, name=None))
    assert len(pairs) == 6
    assert (table["p_value"] <= table["p_holm"]).all()
    metrics = pd.read_csv(report / "metrics.csv").query("metric == 'map' and group == 'all'")
    values = metrics.set_index("system")["value"]
    for row in table.query("table == 'main' and metric == 'map'").itertuples():
        assert row.difference == pytest.approx(values[row.system] - values[row.other], abs=2e-6)
    found = pd.read_csv(report / "found_by_one.csv")
    assert (found["first_rank"] <= found["k"]).all()
    assert not (found["other_first_rank"] <= found["k"]).any()


def test_second_run_has_nothing_to_do(finished):
    assert "Nothing to be done" in snakemake(finished, micro(), "-n").stdout


@pytest.mark.parametrize(
    ("key", "value", "rerun", "untouched"),
    [
        ("evaluation.resamples", 60, {"evaluate"}, {"match", "derive_queries", "pretrain"}),
        ("evaluation.permutations", 99, {"compare", "tables"}, {"match", "evaluate"}),
        ("index.kind", "hnsw", {"build_index", "match"}, {"fingerprint", "pretrain"}),
        ("reranker.epochs", 2, {"train_reranker"}, {"pretrain", "fingerprint", "build_index"}),
        ("evaluation.ranks", 9, {"match"}, {"build_index", "train_reranker"}),
        ("index.candidates", 4, {"match"}, {"build_index", "fingerprint"}),
        ("reranker.candidates", 2, {"match"}, {"train_reranker", "build_index"}),
    ],
)
def test_changed_value_reruns_what_depends_on_it(finished, key, value, rerun, untouched):
    rules = planned(finished, micro(**{key: value}))
    assert rerun <= rules
    assert not untouched & rules


def test_changed_training_reruns_one_encoder_only(finished):
    config = micro()
    config["encoders"]["resnet_ibn"]["training"]["epochs"] = 3
    done = snakemake(finished, config, "-n")
    assert re.search(r"^pretrain +1$", done.stdout, flags=re.MULTILINE)


def test_one_seed_gives_the_same_metrics_byte_for_byte(copied):
    metrics = copied / RESULTS / "report/metrics.csv"
    before = metrics.read_bytes()
    for part in ("models", "fingerprints", "evaluation", "report"):
        shutil.rmtree(copied / RESULTS / part)
    done = snakemake(copied, micro())
    assert done.returncode == 0, done.stdout
    assert metrics.read_bytes() == before


def test_report_is_one_page(finished):
    done = snakemake(finished, micro(), "--report", "report.html")
    assert done.returncode == 0, done.stdout
    page = (finished / "report.html").read_text()
    assert "Mean average precision over full-track queries" in page
    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']https?:", page)


def failure(done):
    """What a failed run said; a traceback is for our bugs."""
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    return done.stdout


def test_unknown_key_is_one_line(tmp_path):
    said = failure(snakemake(tmp_path, micro(**{"evaluation.resample": 5}), "-n"))
    assert "config.json: evaluation.resample: unknown key" in said


def test_undecodable_reference_stops_the_run(copied):
    track = copied / RESULTS / "data/audio/reference_000.flac"
    track.write_bytes(b"not audio")
    store = RESULTS / "fingerprints/gnn_untrained/reference"
    said = failure(snakemake(copied, micro(), "--forcerun", "fingerprint", "--", str(store)))
    assert f"error: {track}: cannot be decoded" in said
    assert not (copied / store).exists()


def test_undecodable_training_clip_is_listed_and_skipped(copied):
    (copied / RESULTS / "data/audio/train_001.flac").write_bytes(b"not audio")
    report = RESULTS / "stems/report.csv"
    done = snakemake(copied, micro(), "--forcerun", "separate", "--", str(report))
    assert done.returncode == 0, done.stdout
    rows = pd.read_csv(copied / report).set_index("track_id")
    assert rows.loc["train_001", "status"] == "skipped"
    assert "train_001.flac" in rows.loc["train_001", "reason"]
    assert (rows.drop("train_001")["status"] == "separated").all()


def test_stem_folder_without_a_stem_is_named(copied):
    stems = copied / RESULTS / "data/true_stems"
    (stems / "train_002/bass.flac").unlink()
    config = micro(separation={"backend": "precomputed", "stems_folder": str(stems)})
    said = failure(snakemake(copied, config, "--", str(RESULTS / "stems/report.csv")))
    assert re.search(r"error: .*train_002.*bass", said)


def test_checkpoint_of_another_architecture_is_named(copied):
    models = copied / RESULTS / "models"
    shutil.copy(models / "resnet_ibn/trained.pt", models / "gnn/untrained.pt")
    store = RESULTS / "fingerprints/gnn_untrained/query"
    said = failure(snakemake(copied, micro(), "--", str(store)))
    assert "untrained.pt: checkpoint of architecture 'resnet_ibn', expected 'gnn'" in said


def test_empty_role_is_named(copied):
    data = copied / RESULTS / "data"
    tracks = pd.read_csv(data / "tracks.csv", dtype=str)
    tracks = tracks[tracks["role"] != "noise"]
    tracks.to_csv(data / "tracks.csv", index=False)
    config = micro(data={"kind": "catalogue", "folder": str(data)})
    store = RESULTS / "fingerprints/gnn_untrained/noise"
    said = failure(snakemake(copied, config, "--", str(store)))
    assert "no track has the role 'noise'" in said


def test_a_folder_with_a_catalogue_runs_too(copied):
    data = copied / "music"
    shutil.move(copied / RESULTS / "data", data)
    shutil.rmtree(copied / RESULTS)
    systems = [{"name": "untrained", "encoder": "gnn", "weights": "untrained"}]
    config = micro(data={"kind": "catalogue", "folder": str(data)}, systems=systems)
    done = snakemake(copied, config)
    assert done.returncode == 0, done.stdout
    metrics = pd.read_csv(copied / RESULTS / "report/metrics.csv")
    assert set(metrics["system"]) == {"untrained"}
    assert not (copied / RESULTS / "stems").exists()
