"""The paper's run: planned at full width, and carried out in small from archive to tables."""

import hashlib
import json
import os
import re
import resource
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from helpers.file_server import serving
from helpers.fma import METADATA, write_clips, write_evaluation
from helpers.tiny_htdemucs import SOURCES, save_tiny_model
from helpers.workflow import ROOT, micro, snakemake
from neuralsampleid.separation.stems import STEMS
from neuralsampleid.training.packs import open_packed

RESULTS = Path("results/micro")
QUIET: dict[str, Any] = {"capture_output": True, "text": True}


def archive_of(folder: Path) -> bytes:
    """A ZIP archive of all that lies in a folder."""
    target = folder.with_suffix(".zip")
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return target.read_bytes()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the run on small data and small models has come to its end."""
    folder = tmp_path_factory.mktemp("paper")
    clips = write_clips(folder / "clips", [2, 3, 5, 1000, 1001, 99135])
    (clips / "fma_medium/099/099134.mp3").write_bytes(b"")
    (folder / "metadata/fma_metadata").mkdir(parents=True)
    (folder / "metadata/fma_metadata/tracks.csv").write_text(METADATA)
    (folder / "models").mkdir()
    save_tiny_model(folder / "models", "htdemucs", SOURCES)
    config = micro(
        data={
            "kind": "fma",
            "artefacts": str(folder / "fma.csv"),
            "evaluation": write_evaluation(folder / "sample100", seconds=12.0),
        },
        separation={
            "backend": "htdemucs",
            "model_folder": str(folder / "models"),
            "format": "mp3",
        },
        shards={"separation": 4},
        systems=[{"kind": "encoder", "name": "proposed", "encoder": "gnn", "reranker": "reranker"}],
    )
    (folder / "config.json").write_text(json.dumps(config))
    with serving() as site:
        site.files = {
            "fma_medium.zip": archive_of(clips),
            "fma_metadata.zip": archive_of(folder / "metadata"),
        }
        site.break_after = [1000]  # the download is resumed
        rows = [
            f"{name},{site.url}/{name},rc1,,,{hashlib.sha1(content).hexdigest()}\n"
            for name, content in site.files.items()
        ]
        (folder / "fma.csv").write_text("name,url,version,size,sha256,sha1\n" + "".join(rows))
        # The published number of clips plans the shards; here it is that of the small archive.
        done = snakemake(folder, config, "--", str(RESULTS / "unpacked/fma_medium.zip"))
        assert done.returncode == 0, done.stdout
        assert any(asked.startswith("bytes=1000-") for asked in site.asked)
    config["data"]["folder"] = str(folder / RESULTS / "unpacked/fma_medium.zip")
    config["data"]["metadata"] = str(folder / "metadata")
    wanted = [str(RESULTS / name) for name in ("report/tables/main.csv", "stems/report.csv")]
    done = snakemake(folder, config, "--", *wanted)
    assert done.returncode == 0, done.stdout
    return folder


def test_stems_have_the_released_layout(run: Path):
    stems = run / RESULTS / "stems/htdemucs"
    assert sorted(path.name for path in stems.iterdir()) == [
        "000002", "000003", "000005", "001000", "001001", "099135",
    ]  # fmt: skip
    for track in stems.iterdir():
        assert {path.name for path in track.glob("*.mp3")} == {f"{stem}.mp3" for stem in STEMS}


def test_a_clip_without_audio_is_listed_and_not_fatal(run: Path):
    report = pd.read_csv(run / RESULTS / "stems/report.csv", dtype=str).set_index("track_id")
    assert report.loc["099134", "status"] == "skipped"
    assert "cannot be decoded" in report.loc["099134", "reason"]
    assert (report.drop("099134")["status"] == "separated").all()
    faulty = pd.read_csv(run / RESULTS / "data/faulty_clips.csv", dtype=str).set_index("track_id")
    assert faulty.loc["099134", "known"] == "yes"


def test_stems_are_packed_in_shards(run: Path):
    folders = sorted((run / RESULTS / "stems/packed_16000").iterdir())
    assert [folder.name for folder in folders] == ["0000", "0001"]
    packed = open_packed(folders)
    assert packed.sample_rate == 16000
    assert len(packed.tracks) == 6
    assert packed.tracks["samples"].between(6.9 * 16000, 7.2 * 16000).all()


def test_tables_come_out(run: Path):
    systems = pd.read_csv(run / RESULTS / "report/tables/main.csv")["System"]
    assert systems.tolist() == ["Proposed", "Oracle", "Random ranking"]
    metrics = pd.read_csv(run / RESULTS / "report/metrics.csv")
    assert set(metrics["system"]) == {"proposed", "oracle", "random"}
    assert (metrics[metrics["metric"] == "map"]["queries"] > 0).any()
    tracks = pd.read_csv(run / RESULTS / "data/tracks.csv", dtype=str).set_index("track_id")
    assert tracks.loc["000003", "title"] == "Electric Ave"


def measured(command: list[str], folder: Path, said: Path) -> tuple[int, resource.struct_rusage]:
    """A command's status, and what it and its children used; other processes are left out."""
    with said.open("w") as file:
        process = subprocess.Popen(command, cwd=folder, stdout=file, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, used


def test_full_width_is_planned_in_time(tmp_path: Path):
    for number in range(25_000):
        clip = tmp_path / f"fma_medium/{number // 1000:03}/{number:06}.mp3"
        clip.parent.mkdir(parents=True, exist_ok=True)
        clip.touch()
    evaluation = write_evaluation(tmp_path / "sample100", seconds=0.5)
    data = json.dumps({"folder": str(tmp_path), "evaluation": evaluation})
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--configfile"]
    command += [str(ROOT / "config/paper.yaml"), "--config", f"data={data}", "--cores", "2"]
    target = "results/paper/data/tracks.csv"
    done = subprocess.run([*command, target], cwd=tmp_path, check=False, **QUIET)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / target).read_text().splitlines()) > 25_000
    plan = tmp_path / "plan.txt"
    status, used = measured([*command, "-n"], tmp_path, plan)
    assert status == 0, plan.read_text()
    assert used.ru_utime + used.ru_stime < 60
    assert used.ru_maxrss < 2 * 1024**2  # KiB of its largest process
    counts = dict(re.findall(r"^(\w+) +(\d+)$", plan.read_text(), flags=re.MULTILINE))
    assert (counts["separate"], counts["pack_stems"]) == ("100", "200")
    assert 300 < int(counts["total"]) < 1000


def test_archives_are_planned_without_a_file(tmp_path: Path):
    write_evaluation(tmp_path / "sample100", seconds=0.5)
    (tmp_path / "sample100/annotations").rename(tmp_path / "sample100-ext")
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "-n"]
    command += ["--configfile", str(ROOT / "config/paper.yaml"), "--cores", "2"]
    done = subprocess.run(command, cwd=tmp_path, check=False, **QUIET)
    assert done.returncode == 0, done.stderr
    counts = dict(re.findall(r"^(\w+) +(\d+)$", done.stdout, flags=re.MULTILINE))
    assert (counts["fetch_artefact"], counts["unpack_archive"]) == ("2", "2")
    assert counts["separate"] == "100"


def test_missing_data_are_one_line(tmp_path: Path):
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "-n"]
    command += ["--configfile", str(ROOT / "config/paper.yaml"), "--config", "data={folder: clips}"]
    done = subprocess.run(command, cwd=tmp_path, check=False, **QUIET)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    assert re.search(r"^sample100-ext\S*: no such f", done.stdout + done.stderr, re.MULTILINE)
