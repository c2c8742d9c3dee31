"""The whole DAG on a micro configuration, by real Snakemake processes."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from helpers.workflow import micro, snakemake

SYSTEMS = ["proposed", "proposed_no_reranker", "baseline", "untrained"]
RESULTS = Path("results/micro")


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
    for name in ("main", "hit_rates", "sample_types"):
        for suffix in ("md", "csv", "tex", "html", "txt"):
            assert (report / f"tables/{name}.{suffix}").stat().st_size > 0
    for name in ("hit_rates", "map", "ranks", "learning_curves", "separation"):
        assert (report / f"figures/{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (report / f"figures/{name}.pdf").read_bytes().startswith(b"%PDF")
    record = json.loads((report / "provenance.json").read_text())
    assert record["seed"] == 3
    assert record["packages"]["torch"].startswith("2.")
    assert yaml.safe_load((report / "config.yaml").read_text())["run"] == "micro"


def test_second_run_has_nothing_to_do(finished):
    assert "Nothing to be done" in snakemake(finished, micro(), "-n").stdout


@pytest.mark.parametrize(
    ("key", "value", "rerun", "untouched"),
    [
        ("evaluation.resamples", 60, {"evaluate"}, {"match", "derive_queries", "pretrain"}),
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


def test_the_number_of_shards_changes_no_result(finished, copied):
    for part in ("models", "fingerprints", "evaluation", "report"):
        shutil.rmtree(copied / RESULTS / part)
    config = micro(shards={"separation": 3, "fingerprinting": 1})
    files = [RESULTS / "evaluation/proposed/matches.csv", RESULTS / "stems/quality.csv"]
    done = snakemake(copied, config, "--", *map(str, files))
    assert done.returncode == 0, done.stdout
    assert len(list((copied / RESULTS / "stems/reports").glob("*.csv"))) == 2
    assert len(list((copied / RESULTS / "fingerprints/gnn_trained/noise").iterdir())) == 2
    for file in files:
        assert (copied / file).read_bytes() == (finished / file).read_bytes()


def test_node_matrices_are_kept_for_the_reranker_only(finished):
    stores = finished / RESULTS / "fingerprints"
    with_nodes = {path.parts[-4] for path in stores.glob("*/*/*/nodes.npy")}
    assert with_nodes == {"gnn_trained"}
    assert (stores / "gnn_untrained/noise/0000/embeddings.npy").exists()


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
    store = RESULTS / "fingerprints/gnn_untrained/reference/0000"
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
    store = RESULTS / "fingerprints/gnn_untrained/query/0000"
    said = failure(snakemake(copied, micro(), "--", str(store)))
    assert "untrained.pt: checkpoint of architecture 'resnet_ibn', expected 'gnn'" in said


def test_empty_role_is_named(copied):
    data = copied / RESULTS / "data"
    tracks = pd.read_csv(data / "tracks.csv", dtype=str)
    tracks = tracks[tracks["role"] != "noise"]
    tracks.to_csv(data / "tracks.csv", index=False)
    config = micro(data={"kind": "catalogue", "folder": str(data)})
    store = RESULTS / "fingerprints/gnn_untrained/noise/0000"
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
