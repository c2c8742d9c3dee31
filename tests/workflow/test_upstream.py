"""The published configuration from a user's folder to the tables, by real Snakemake processes."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import torch

from helpers.file_server import serving
from helpers.parity import released_weights
from helpers.sample100 import annotation, interval, write_annotations
from helpers.tables import compact
from neuralsampleid.artefacts.table import read_record
from neuralsampleid.config import Gnn
from neuralsampleid.models.checkpoint import make_encoder, save_encoder
from neuralsampleid.models.encoder import parameter_counts
from neuralsampleid.models.weights import load_any_reranker
from neuralsampleid.upstream.folder import default_segments, evaluate_folder

ROOT = Path(__file__).parents[2]
REPORT = Path("results/upstream/report")
SMALL = Gnn(channels=[8, 16], blocks=[1, 1], feature_size=16, projection_size=32, graph="bypassed")
SECONDS = (5, 7, 10, 15, 20)


def snakemake(place, *arguments, **data):
    """Run the published configuration in a folder; keywords replace keys of its section data."""
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile")]
    command += ["--configfile", str(ROOT / "upstream/config.yaml"), "--cores", "2"]
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    if data:
        command += ["--config", f"data={json.dumps(data)}"]
    return subprocess.run(
        [*command, *arguments],
        cwd=place,
        env={**environment, "PYTHONWARNINGS": "ignore", "OMP_DISPLAY_ENV": "verbose"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )


def write_lists(folder, fingerprints):
    """The list of queries in the order of the occurrences, and its four subsets."""
    names = list(dict.fromkeys(json.loads((fingerprints / "query_db_lookup.json").read_text())))
    rows = [
        {
            "sample_id": f"S{number}",
            "query_file": name.partition("_")[0],
            "ref_file": "T100",
            "start_time": float(number),
            "end_time": number + 4.5,
        }
        for number, name in enumerate(names)
    ]
    lists = {
        "sample100_query_index": rows,
        "riff_query_type": [row for row in rows if row["query_file"] < "T208"],
        "beat_query_type": [row for row in rows if row["query_file"] >= "T208"][:-1],
        "no_interpolation": rows[::2],
    }
    for name, content in lists.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return rows


def write_queries_annotations(folder, rows):
    """Sample100-ext of the same queries; unlike the lists it has the last, and who interpolates."""
    header = "sample_id,query_track_id,target_track_id,sample_type,interpolation"
    samples = [f"{header},estimated_tempo_ratio,comments"]
    for number, row in enumerate(rows):
        kind = "riff" if row["query_file"] < "T208" else "beat"
        values = (row["sample_id"], row["query_file"], "T100", kind, ("no", "yes")[number % 2])
        samples.append(",".join((*values, "1.0", "")))
    tracks = [
        "track_id, artist, title",
        *(f"{row['query_file']}, A, B" for row in rows),
        "T100, A, B",
    ]
    write_annotations(
        folder,
        "\n".join(dict.fromkeys(tracks)),
        "\n".join(samples),
        [
            annotation(
                *(row["sample_id"], row["query_file"], "T100"),
                at=[interval(row["start_time"], row["end_time"], 1)],
                of=[interval(0.0, 4.5, 1)],
            )
            for row in rows
        ],
    )


@pytest.fixture(scope="module")
def published(parity_set, tmp_path_factory):
    """A folder with what a user may have: no baseline archive, and no list of interpolated ones."""
    fingerprints, ground_truth = parity_set
    folder = tmp_path_factory.mktemp("published")
    with zipfile.ZipFile(folder / "model_tc_35_best.zip", "w") as archive:
        for path in sorted(fingerprints.rglob("*")):
            archive.write(path, Path("model_tc_35_best") / path.relative_to(fingerprints))
    shutil.copy(ground_truth, folder / "gt_dict.json")
    write_queries_annotations(folder / "sample100-ext", write_lists(folder, fingerprints))
    save_encoder(folder / "model_tc_35_best.pth", make_encoder(SMALL, seed=0), SMALL)
    torch.save(released_weights("classifier"), folder / "clf_tc_35_4.pth")
    return folder


@pytest.fixture(scope="module")
def finished(published, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    before = (ROOT / "upstream/artefacts.csv").read_bytes()
    done = snakemake(folder, folder=str(published))
    assert done.returncode == 0, done.stdout
    assert (ROOT / "upstream/artefacts.csv").read_bytes() == before
    if sys.platform == "linux":  # libgomp tells how threads wait in the jobs: they do not spin
        assert set(re.findall(r"GOMP_SPINCOUNT = '(\d+)'", done.stdout)) == {"0"}
    return folder


def value(metrics, **wanted):
    for column, what in wanted.items():
        metrics = metrics[metrics[column] == what]
    assert len(metrics) == 1
    return metrics["value"].item()


@pytest.mark.parametrize("protocol", ["released", "corrected"])
@pytest.mark.parametrize("system", ["proposed", "proposed_no_reranker"])
def test_metrics_are_those_of_the_library(finished, published, parity_set, system, protocol):
    metrics = pd.read_csv(finished / REPORT / "metrics.csv")
    metrics = metrics[(metrics["system"] == system) & (metrics["protocol"] == protocol)]
    weights = published / "clf_tc_35_4.pth"
    reranker = [load_any_reranker(weights)] if system == "proposed" else []
    lengths = default_segments(system)
    judged = evaluate_folder(*parity_set, system, protocol, "ivfpq", lengths, *reranker)
    precision = judged.mean_average_precision()
    assert value(metrics, metric="map", group="all") == pytest.approx(precision, abs=1e-6)
    for row, k in zip(judged.hit_rates(), (1, 3, 10), strict=True):
        for rate, seconds in zip(row, SECONDS, strict=True):
            found = value(metrics, metric="hit_rate", group="all", k=k, query_seconds=seconds)
            assert 100 * found == pytest.approx(rate, abs=1e-4, nan_ok=True)
    everything = metrics[(metrics["group"] == "all") & (metrics["k"] == 1)]
    assert everything["queries"].tolist() == judged.queries()
    answers = [a.average_precision for a in judged.track_answers if a.track < "T208"]
    riff = metrics[(metrics["group"] == "riff") & (metrics["metric"] == "map")]
    assert riff["queries"].item() == len(answers)
    assert riff["value"].item() == pytest.approx(sum(answers) / len(answers), abs=1e-6)


def groups_of(finished, protocol):
    """Groups of each occurrence that was asked about at 5 s, by its number."""
    file = finished / f"results/upstream/evaluation/proposed/{protocol}/per_query.csv"
    answers = pd.read_csv(file, keep_default_na=False)
    segments = answers[answers["query_seconds"] == "5.0"]
    numbers = segments["occurrence"].str.rpartition("_")[2].astype(int)
    return dict(zip(numbers, segments["groups"].str.split("|"), strict=True))


def test_groups_are_those_of_the_lists_as_released_and_else_of_the_annotations(finished):
    released, corrected = (groups_of(finished, name) for name in ("released", "corrected"))
    last = max(corrected)
    assert len(corrected) == last + 1 == 35
    assert corrected[last] == ["beat", "not_interpolated"]
    for number, groups in corrected.items():
        assert ("not_interpolated" in groups, "interpolated" in groups) == (
            (True, False) if number % 2 == 0 else (False, True)
        )
        assert len({"riff", "beat"} & set(groups)) == 1
    assert len(released) > 10
    for number, groups in released.items():
        assert set(groups) - {""} == set(corrected[number]) - {"interpolated"} - (
            {"beat"} if number == last else set()
        )


def test_a_missing_archive_is_reported_and_not_fatal(finished):
    metrics = pd.read_csv(finished / REPORT / "metrics.csv")
    assert set(metrics["system"]) == {"proposed", "proposed_no_reranker"}
    files = pd.read_csv(finished / REPORT / "tables/artefacts.csv").set_index("File")
    assert files.loc["model_tc_39_100.zip", "State"] == "missing: no evaluation of baseline"
    missing = files.loc["yes_interpolation.json", "State"]
    assert missing == "missing: no group interpolated from its list"
    assert files.loc["sample100-ext", "Checksum"] == "differs"
    assert files.loc["gt_dict.json", "Checksum"] == "differs"
    assert files.loc["clf_tc_35_4.pth", "Checksum"] == "unrecorded"
    table = "\n".join(compact((finished / REPORT / "tables/main.md").read_text()))
    assert "Baseline (ResNet-IBN) | Released | – | – | – | 0 | –" in table


def test_tables_show_parameters_and_quoted_figures(finished):
    tables = finished / REPORT / "tables"
    for name in ("main", "hit_rates", "sample_types", "interpolation", "artefacts"):
        for suffix in ("md", "csv", "tex", "html", "txt"):
            assert (tables / f"{name}.{suffix}").stat().st_size > 0
    for name in ("hit_rates", "map"):
        for suffix in ("png", "pdf"):
            assert (finished / REPORT / f"figures/{name}.{suffix}").stat().st_size > 0
    main = pd.read_csv(tables / "main.csv")
    counts = parameter_counts(make_encoder(SMALL, seed=0))
    assert int(main.loc[0, "Parameters stored"]) == counts.stored
    assert int(main.loc[0, "Parameters acting"]) == counts.acting
    assert main.loc[main["System"] == "Proposed", "mAP quoted (%)"].tolist() == [44.2, 44.2]
    assert main.loc[main["System"] != "Proposed", "mAP quoted (%)"].isna().all()
    hits = pd.read_csv(tables / "hit_rates.csv")
    assert set(hits["Protocol"]) == {"Released", "Corrected", "Quoted"}
    assert hits.loc[hits["k"] == "Queries", "5 s (%)"].astype(float).max() == 35


def test_a_finished_run_has_nothing_to_do(finished, published):
    done = snakemake(finished, "-n", folder=str(published))
    assert "Nothing to be done" in done.stdout, done.stdout


def test_everything_is_planned_without_a_file(tmp_path):
    done = snakemake(tmp_path, "-n")
    assert done.returncode == 0, done.stdout
    assert re.search(r"^fetch_artefact +12$", done.stdout, flags=re.MULTILINE)
    assert re.search(r"^evaluate_upstream +6$", done.stdout, flags=re.MULTILINE)


def test_a_missing_file_is_one_line(published, tmp_path):
    done = snakemake(tmp_path, "--", "results/upstream/artefacts/gt_dict.json", folder="empty")
    assert done.returncode != 0
    assert "error: empty/gt_dict.json: no such file or folder" in done.stdout
    assert "Traceback" not in done.stdout


def test_files_are_downloaded_recorded_and_verified(published, tmp_path):
    names = ["gt_dict.json", "sample100_query_index.json", "riff_query_type.json"]
    extended = ["sample100-ext/tracks.csv", "sample100-ext/annotations/S1.json"]
    table = tmp_path / "artefacts.csv"
    results = tmp_path / "results/upstream/artefacts"
    wanted = [f"results/upstream/artefacts/{name}" for name in (*names, "sample100-ext")]
    with serving() as site:
        site.files = {
            Path(name).name: (published / name).read_bytes() for name in (*names, *extended)
        }
        site.break_after = [100]
        rows = [f"{name},{site.url}/{name},,,\n" for name in (*names, *extended)]
        table.write_text("name,url,version,size,sha256\n" + "".join(rows))
        done = snakemake(tmp_path, "--", *wanted, artefacts=str(table))
        assert done.returncode == 0, done.stdout
        recorded = pd.read_csv(table, dtype=str).set_index("name")
        for name in names:
            content = (results / name / name).read_bytes()
            assert content == site.files[name]
            assert recorded.loc[name, "sha256"] == hashlib.sha256(content).hexdigest()
        for name in extended:
            content = (results / "sample100-ext" / name).read_bytes()
            assert content == site.files[Path(name).name]
            assert recorded.loc[name, "sha256"] == hashlib.sha256(content).hexdigest()
        # What was recorded is no reason to fetch again, and no other file passes for it.
        assert (
            "Nothing to be done"
            in snakemake(tmp_path, "-n", "--", *wanted, artefacts=str(table)).stdout
        )
        site.files["gt_dict.json"] = b"{}"
        del site.files["S1.json"]
        for name in ("gt_dict.json", "sample100-ext"):
            shutil.rmtree(results / name)
        done = snakemake(tmp_path, "-k", "--", *wanted, artefacts=str(table))
    assert done.returncode != 0
    assert re.search(r"error: http\S+/gt_dict.json: size 2, expected \d+", done.stdout)
    # The annotations may be missing; what came of them is not taken for the whole.
    assert [path.name for path in (results / "sample100-ext").glob("[!.]*")] == ["record.json"]
    assert "S1.json: the server has no such file" in read_record(results / "sample100-ext").reason


def test_a_mistyped_key_is_one_line(tmp_path):
    done = snakemake(tmp_path, "-n", foldr="x")
    assert done.returncode != 0
    assert "data.foldr: unknown key" in done.stdout
