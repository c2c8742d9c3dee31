"""The open benchmark from nothing to its report, and killed on the way.

Once with composed music in packages of the test's own, once with a slice of the real one: three
small packages that apt downloads, and three queries.
"""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest

from helpers.free_music import write_free_music
from helpers.workflow import ROOT, jobs_in, micro, planned, snakemake, start, wait_until

RUN = Path("results/slice")
# Package → what its tracks are in the slice.
SLICE = {
    "amoebax-data": ("test", "catalogue"),
    "neverball-common": ("test", "host"),
    "wizznic-data": ("train", ""),
}
SYSTEMS = [
    {"kind": "encoder", "name": "baseline", "encoder": "resnet_ibn"},
    {"kind": "landmarks", "name": "landmarks"},
]


def composed_music(folder):
    return write_free_music(folder / "set")


def real_music(folder):
    """A table of the slice's tracks, and section data."""
    if shutil.which("apt-get") is None:
        pytest.skip("there is no apt-get on this machine")
    line = ["apt-get", "download", "--print-uris", *SLICE]
    if subprocess.run(line, check=False, capture_output=True).returncode:
        pytest.skip("apt knows no packages: apt-get update")
    table = pd.read_csv(ROOT / "config/free_music.csv", dtype=str, keep_default_na=False)
    table = table[table["package"].isin(SLICE)]
    splits = [SLICE[package] for package in table["package"]]
    table[["split", "part"]], table["family"] = splits, table["package"]
    table.to_csv(folder / "tracks.csv", index=False)
    return {
        "kind": "free_music",
        "tracks": str(folder / "tracks.csv"),
        "recipe": str(ROOT / "tests/workflow/free_music_recipe.csv"),
        "training_seconds": 12.0,
    }


def configuration(data):
    """A small run that keeps the packages' audio in its own folder."""
    changes = {"run": "slice", "systems": SYSTEMS, "data": data | {"folder": f"{RUN}/music"}}
    return micro(**changes) | {"queries": {"query_seconds": [3.0]}, "page": {"audio": False}}


def results(folder):
    """The bytes of the catalogue, the packages' audio and the metrics."""
    files = [path for part in ("data", "music") for path in (folder / RUN / part).rglob("*")]
    files.append(folder / RUN / "report/metrics.csv")
    return {path.relative_to(folder): path.read_bytes() for path in files if path.is_file()}


def kill_snakemake(folder, config, moment):
    """Kill Snakemake as soon as a moment has come; its jobs end with it."""
    process = start(folder, config)
    wait_until(moment, process, seconds=600)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    end = time.monotonic() + 120
    while jobs_in(folder):
        assert time.monotonic() < end, "a job outlived Snakemake"
        time.sleep(0.05)
    assert snakemake(folder, config, "--unlock").returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("music", [composed_music, real_music])
def test_from_nothing_to_a_report_and_the_same_after_kills(music, tmp_path):
    config = configuration(music(tmp_path))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    done = snakemake(whole, config)
    if music is real_music and "cannot download" in done.stdout:
        pytest.skip("apt-get cannot download")
    assert done.returncode == 0, done.stdout
    assert (whole / RUN / "report/index.html").exists()
    assert not planned(whole, config)
    assert (whole / RUN / "data/deviations.csv").read_text() == "id,deviation\n"
    metrics = pd.read_csv(whole / RUN / "report/metrics.csv")
    grades = {f"grade:{grade}" for grade in ("loops", "producer", "buried")}
    assert grades <= set(metrics["group"])
    mean = metrics[(metrics["metric"] == "map") & (metrics["group"] == "grade:loops")]
    assert mean.set_index("system").loc["landmarks", "value"].max() == 1.0

    music_folder, audio = killed / RUN / "music", killed / RUN / "data/audio"
    kill_snakemake(killed, config, lambda: any(music_folder.glob("*/*.ogg")))
    kill_snakemake(killed, config, lambda: any(audio.glob("*.json")))
    done = snakemake(killed, config)
    assert done.returncode == 0, done.stdout
    assert results(killed) == results(whole)
