"""Shards that are killed or run out of disk: nothing finished is lost, no half of it is taken."""

import os
import signal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from helpers.disk import nearly_full
from helpers.fma import write_clips, write_evaluation
from helpers.workflow import jobs_in, micro, snakemake, start, wait_until
from neuralsampleid.audio.io import read_audio
from neuralsampleid.separation.stems import STEMS
from neuralsampleid.training.packs import open_packed

CLIPS = 10
STEMS_FOLDER, REPORT = Path("results/micro/stems/hpss"), "results/micro/stems/report.csv"
PACKED = [f"results/micro/stems/packed_16000/{shard}" for shard in ("0000", "0001")]
NAMES = {"origin.json", *(f"{stem}.flac" for stem in STEMS)}


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Ten clips and a small Sample100, as the section ``data``."""
    folder = tmp_path_factory.mktemp("music")
    write_clips(folder, list(range(2, 2 + CLIPS)))
    evaluation = write_evaluation(folder / "sample100", seconds=6.0)
    return {"kind": "fma", "folder": str(folder), "evaluation": evaluation}


@pytest.fixture
def config(music: dict[str, Any]) -> dict[str, Any]:
    return micro(data=music, shards={"separation": CLIPS // 2})


@pytest.fixture(scope="module")
def undisturbed(music: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of the packed stems of a run that nobody killed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    done = snakemake(folder, micro(data=music), "--", PACKED[0])
    assert done.returncode == 0, done.stdout
    packed = open_packed([folder / PACKED[0]])
    assert len(packed.tracks) == CLIPS
    return packed.digest()


def finished(folder: Path) -> dict[Path, tuple[int, int]]:
    """Inode and time of change of all files of finished tracks, each of which must be whole."""
    tracks = [path for path in folder.iterdir() if not path.name.startswith(".")]
    for track in tracks:
        assert {path.name for path in track.iterdir()} == NAMES
        lengths = {len(read_audio(track / f"{stem}.flac", 22050)) for stem in STEMS}
        assert len(lengths) == 1
        assert lengths.pop() > 6 * 22050
    files = [path for track in tracks for path in track.iterdir()]
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["everything", "shard"])
def test_a_killed_separation_goes_on_where_it_was(
    victim: str, config: dict[str, Any], undisturbed: str, tmp_path: Path
):
    process = start(tmp_path, config, "--", REPORT)
    stems = tmp_path / STEMS_FOLDER
    shard: list[int] = []
    wait_until(lambda: shard.extend(jobs_in(tmp_path, ".separate.py")) or shard, process)
    wait_until(lambda: stems.is_dir() and len(list(stems.glob("0*/origin.json"))) >= 2, process)
    if victim == "everything":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        for pid in shard:
            os.kill(pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode != 0
    before = finished(stems)
    assert 2 <= len(before) // len(NAMES) < CLIPS
    if victim == "everything":
        snakemake(tmp_path, config, "--unlock")
    done = snakemake(tmp_path, config, "--", REPORT, *PACKED)
    assert done.returncode == 0, done.stdout
    assert before.items() <= finished(stems).items()
    assert sorted(path.name for path in stems.iterdir()) == [f"{n:06}" for n in range(2, 2 + CLIPS)]
    assert (pd.read_csv(tmp_path / REPORT)["status"] == "separated").all()
    assert open_packed([tmp_path / folder for folder in PACKED]).digest() == undisturbed
    logs = (tmp_path / "results/micro/logs").glob("separate_*.log")
    assert "finished before" in "".join(log.read_text() for log in logs)


def test_a_killed_fingerprinting_leaves_no_store(config: dict[str, Any], tmp_path: Path):
    store = "results/micro/fingerprints/gnn_untrained/noise/0000"
    process = start(tmp_path, config, "--", store)
    parent = (tmp_path / store).parent
    wait_until(lambda: parent.is_dir() and any(parent.glob(".0000.*/embeddings.npy")), process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / store).exists()
    snakemake(tmp_path, config, "--unlock")
    done = snakemake(tmp_path, config, "--", store)
    assert done.returncode == 0, done.stdout
    # What the killed process had begun is gone, too.
    assert [path.name for path in parent.iterdir() if path.is_dir()] == ["0000"]


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_loses_nothing(
    config: dict[str, Any], undisturbed: str, tmp_path: Path
):
    stems = tmp_path / STEMS_FOLDER
    with nearly_full(stems.parent, room=2**21) as make_room:
        done = snakemake(tmp_path, config, "--", REPORT)
        assert done.returncode != 0
        assert "Traceback" not in done.stdout
        line = r"error: results/micro/stems/reports/000\d\.csv: cannot be made \(No space left on "
        assert pd.Series(done.stdout.splitlines()).str.match(line).sum() == 1
        before = finished(stems)
        assert 1 <= len(before) // len(NAMES) < CLIPS
        make_room()
        done = snakemake(tmp_path, config, "--", REPORT, *PACKED)
        assert done.returncode == 0, done.stdout
        assert before.items() <= finished(stems).items()
        assert open_packed([tmp_path / folder for folder in PACKED]).digest() == undisturbed
