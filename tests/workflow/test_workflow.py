"""The whole DAG on a micro configuration, by real Snakemake processes."""

import json
import os
import random
import re
import shutil
import signal
import time
from itertools import combinations

import pandas as pd
import pytest
import yaml

from helpers.tables import row_of
from helpers.workflow import RESULTS, micro, planned, snakemake, start
from neuralsampleid.catalogue.formats import LINES, MATCHES, QUERIES, read_table
from neuralsampleid.catalogue.tables import read_catalogue
from neuralsampleid.evaluation.occurrences import judge_lines

SYSTEMS = ["proposed", "proposed_no_reranker", "baseline", "reading", "untrained"]
SYSTEMS += ["landmarks", "proposed_landmarks", "evidence"]
BOUNDS = ["oracle", "random"]


def test_metrics_hold_every_system_as_fractions(finished):
    metrics = pd.read_csv(finished / RESULTS / "report/metrics.csv")
    assert list(metrics) == (
        [
            "system",
            "task",
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
    assert list(dict.fromkeys(metrics["system"])) == SYSTEMS + BOUNDS
    values = metrics[["value", "low", "high"]].stack().dropna()
    assert values.between(0, 1).all()
    everything = metrics[metrics["group"] == "all"].groupby("system")["metric"].value_counts()
    for system in SYSTEMS:
        assert everything[system, "map"] == 1
        assert everything[system, "hit_rate"] == 2 * 2  # lengths × cutoffs
    perfect = metrics[metrics["system"] == "oracle"].dropna(subset="value").set_index("metric")
    assert (perfect["value"] == (perfect.index != "equal_error_rate")).all()


def test_report_is_complete(finished):
    report = finished / RESULTS / "report"
    tables = ("main", "hit_rates", "sample_types", "conditions", "localisation", "answers")
    for name in (*tables, "median_ranks", "comparisons"):
        for suffix in ("md", "csv", "tex", "html", "txt"):
            assert (report / f"tables/{name}.{suffix}").stat().st_size > 0
    figures = ("hit_rates", "map", "ranks", "learning_curves", "separation", "conditions")
    for name in (*figures, "localisation", "answers", "calibration"):
        assert (report / f"figures/{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (report / f"figures/{name}.pdf").read_bytes().startswith(b"%PDF")
    record = json.loads((report / "provenance.json").read_text())
    assert record["seed"] == 3
    assert record["packages"]["torch"].startswith("2.")
    assert yaml.safe_load((report / "config.yaml").read_text())["run"] == "micro"


def test_every_query_is_asked_with_and_without_its_answers(finished):
    folder = finished / RESULTS / "evaluation"
    queries = pd.read_csv(folder / "queries.csv", keep_default_na=False)
    absent = queries["task"].str.endswith("_absent")
    assert absent.sum() == (~absent).sum() > 0
    assert (queries["conditions"].str.contains("level_db:")).any()
    matches = pd.read_csv(folder / "proposed/matches.csv")
    without = matches[matches["task"] == "full_track_absent"]
    excluded = dict(queries[absent][["query_id", "excluded"]].itertuples(index=False))
    for query_id, ranking in without.groupby("query_id")["reference_id"]:
        assert not set(ranking) & set(excluded[query_id].split("|"))
    assert set(without["query_id"]) == set(excluded)
    assert matches["probability"].between(0, 1).all()
    metrics = pd.read_csv(finished / RESULTS / "report/metrics.csv")
    for system in SYSTEMS:
        own = metrics[metrics["system"] == system]
        assert {"auroc", "equal_error_rate", "answer_recall_at_1"} <= set(own["metric"])
        assert ("calibration_error" in set(own["metric"])) == (system == "proposed")


def test_lines_of_every_system_are_judged(finished):
    """A fusion has each track's lines from one of its systems; landmarks know the pitch."""
    run = finished / RESULTS
    metrics = pd.read_csv(run / "report/metrics.csv").query("group == 'all'")
    occurrences = read_catalogue(run / "data").occurrences
    queries = read_table(run / "evaluation/queries.csv", QUERIES)
    for system in SYSTEMS:
        folder = run / "evaluation" / system
        parts = [read_table(path, LINES) for path in sorted(folder.glob("lines/*.csv"))]
        assert len(parts) == (2 if system == "proposed_landmarks" else 1)
        pairs = [set(part[["query_id", "reference_id"]].itertuples(index=False)) for part in parts]
        assert len(set.union(*pairs)) == sum(map(len, pairs))
        if "landmarks" in system:
            assert parts[0]["pitch_semitones"].notna().all()
        matches = read_table(folder / "matches.csv", MATCHES)
        judged = judge_lines(pd.concat(parts), matches, queries, occurrences)
        recall = row_of(metrics, system=system, metric="occurrence_recall")
        found = judged.pairs["occurrence_found"].sum() / len(occurrences)
        assert recall["value"] == pytest.approx(found, abs=1e-6)
    assert row_of(metrics, system="landmarks", metric="per_second_f1")["value"] > 0


def test_systems_are_compared_in_pairs(finished):
    report = finished / RESULTS / "report"
    table = pd.read_csv(report / "comparisons.csv")
    pairs = set(table[["system", "other"]].itertuples(index=False, name=None))
    assert pairs == set(combinations(SYSTEMS, 2))
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
        ("intervals.resamples", 60, {"evaluate"}, {"match", "derive_queries", "pretrain"}),
        ("comparisons.permutations", 99, {"compare", "tables"}, {"match", "evaluate"}),
        ("index.kind", "hnsw", {"build_index", "match"}, {"fingerprint", "pretrain"}),
        (
            "rerankers.reranker.training.epochs",
            2,
            {"train_reranker"},
            {"pretrain", "fingerprint", "build_index"},
        ),
        ("ranking.tracks", 9, {"match"}, {"build_index", "train_reranker"}),
        ("search.candidates", 4, {"match"}, {"build_index", "fingerprint"}),
        (
            "rerankers.reranker.rescoring.candidates",
            2,
            {"match"},
            {"train_reranker", "build_index"},
        ),
        (
            "encoders.gnn.fingerprints.segment_hop",
            32,
            {"fingerprint"},
            {"pretrain", "train_reranker"},
        ),
        ("landmarks.partners", 2, {"match_landmarks"}, {"find_peaks", "match"}),
        # Copies of one recording are found by peaks, so all rankings depend on them.
        (
            "peaks.peak_bins",
            5,
            {"find_peaks", "find_copies", "match"},
            {"fingerprint", "build_index"},
        ),
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "rule", "key", "ending"),
    [
        ("gnn", "pretrain", "encoders.gnn.training.epochs", signal.SIGTERM),
        ("reranker", "train_reranker", "rerankers.reranker.training.epochs", signal.SIGKILL),
    ],
)
def test_a_killed_training_continues_and_a_forced_one_starts_afresh(
    copied, model, rule, key, ending
):
    config = micro(**{key: 60})
    target = str(RESULTS / f"models/{model}/trained.pt")
    weights = copied / target
    log = copied / RESULTS / "logs" / (f"{rule}_gnn.log" if model == "gnn" else f"{rule}.log")

    def epochs():
        text = log.read_text() if log.exists() else ""  # Snakemake removes it before the job
        return [int(number) for number in re.findall(r"epoch (\d+) of 60", text)]

    done = snakemake(copied, config, "--", target)
    assert done.returncode == 0, done.stdout
    assert epochs() == list(range(1, 61))
    undisturbed = weights.read_bytes()
    log.unlink()
    moment, late = random.randint(2, 40), random.uniform(0, 0.1)
    process = start(copied, config, "--forcerun", rule, "--", target)
    while process.poll() is None and len(epochs()) < moment:
        time.sleep(0.02)
    assert process.poll() is None, process.communicate()[0]
    time.sleep(late)
    os.killpg(process.pid, ending)  # as SLURM does: everything that belongs to the job
    process.communicate()
    assert epochs()[0] == 1, "the forced training took the finished one's checkpoint"
    assert not weights.exists()
    # A killed Snakemake leaves its lock behind.
    done = snakemake(copied, config, "--nolock", "--rerun-incomplete", "--", target)
    assert done.returncode == 0, done.stdout
    assert epochs()[0] > 1, f"nothing was continued after {ending!r} at {moment}, {late}"
    assert weights.read_bytes() == undisturbed, (ending, moment, late)


def test_the_number_of_shards_changes_no_result(finished, copied):
    for part in ("models", "fingerprints", "evaluation", "report"):
        shutil.rmtree(copied / RESULTS / part)
    config = micro(shards={"separation": 3, "fingerprinting": 2})
    files = [RESULTS / "evaluation/proposed_no_reranker/matches.csv", RESULTS / "stems/quality.csv"]
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


def test_scale_study_is_a_target_of_its_own(copied):
    assert not (copied / RESULTS / "scale").exists()
    done = snakemake(copied, micro(), "scale")
    assert done.returncode == 0, done.stdout
    folder = copied / RESULTS / "scale"
    table = pd.read_csv(folder / "indexes.csv")
    rows = zip(table["segments"], table["kind"], strict=True)
    assert list(rows) == [(150, "flat"), (150, "ivf"), (400, "flat")]
    assert (folder / "scale.png").read_bytes().startswith(b"\x89PNG")
    assert not (folder / "catalogue").exists()  # it may be large


def test_report_is_one_page(finished):
    done = snakemake(finished, micro(), "--report", "report.html")
    assert done.returncode == 0, done.stdout
    page = (finished / "report.html").read_text()
    assert "hit rates at k = 1, 3 for segment queries" in page  # the micro configuration's
    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']https?:", page)


def failure(done):
    """What a failed run said; a traceback is for our bugs."""
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    return done.stdout


def test_unknown_key_is_one_line(tmp_path):
    said = failure(snakemake(tmp_path, micro(**{"intervals.resample": 5}), "-n"))
    assert "config.json: intervals.resample: unknown key" in said


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
    row = {"kind": "encoder", "name": "untrained", "encoder": "gnn", "weights": "untrained"}
    config = micro(data={"kind": "catalogue", "folder": str(data)}, systems=[row])
    done = snakemake(copied, config)
    assert done.returncode == 0, done.stdout
    metrics = pd.read_csv(copied / RESULTS / "report/metrics.csv")
    assert set(metrics["system"]) == {"untrained", *BOUNDS}
    assert not (copied / RESULTS / "stems").exists()
