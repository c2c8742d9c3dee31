"""Libraries in shards and several libraries: the same answers as of one; each error in one line."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from helpers.songs import small_gnn
from helpers.tunes import TUNE_RATE, put, tune
from neuralsampleid.cli import main
from neuralsampleid.errors import UserError
from neuralsampleid.library.chance import Chance
from neuralsampleid.library.identify import Identifier, Thresholds
from neuralsampleid.library.joining import contents_of, open_libraries
from neuralsampleid.library.shards import Shard, folders_of
from neuralsampleid.library.update import index_music
from neuralsampleid.models.checkpoint import make_encoder, save_encoder
from neuralsampleid.report.answers import as_json

TRACKS, SECONDS = 9, 8.0  # below ten, chance is not measured
SHOWN = Thresholds(best=TRACKS)


@pytest.fixture(scope="module")
def music(tmp_path_factory) -> Path:
    """Nine tunes, two of which are equal, and queries beside them. Do not change."""
    folder = tmp_path_factory.mktemp("made")
    for number in range(TRACKS - 1):
        put(folder / "music" / f"{'deep/' * (number % 2)}{number}.wav", tune(number, SECONDS))
    shutil.copy(folder / "music/2.wav", folder / "music/a copy.wav")
    middle = slice(2 * TUNE_RATE, 6 * TUNE_RATE)
    put(folder / "loop.wav", np.concatenate([tune(1, SECONDS)[middle], tune(2, SECONDS)[middle]]))
    put(folder / "other.wav", tune(77, SECONDS))
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("weights") / "small.pt"
    settings = small_gnn(embedding_size=64)
    save_encoder(path, make_encoder(settings, seed=4), settings)
    return str(path)


def index(music: Path, out: Path, weights: str | None, shards: int) -> None:
    for number in range(1, shards + 1):
        index_music(music, out, weights, shard=Shard(number, shards))


def answers(music: Path, *libraries: Path) -> str:
    """Of an excerpt, of something else, and of a track of the library, as JSON."""
    asked = Identifier.open(*libraries)
    queries = [music / "loop.wav", music / "other.wav", music / "music/a copy.wav"]
    return as_json({str(q): asked.identify_file(q, thresholds=SHOWN) for q in queries})


@pytest.mark.parametrize("systems", ["landmarks", None])
def test_shards_answer_as_one_library(systems, music, tmp_path):
    index_music(music / "music", tmp_path / "one", systems)
    expected = answers(music, tmp_path / "one")
    best = json.loads(expected)[0]["answers"]
    assert {tuple(best[0]["paths"]), tuple(best[1]["paths"])} == {
        ("2.wav", "a copy.wav"), ("deep/1.wav",)
    }  # fmt: skip
    for shards in (1, 2, 5):
        index(music / "music", tmp_path / str(shards), systems, shards)
        assert answers(music, tmp_path / str(shards)) == expected
        assert (
            open_libraries([tmp_path / str(shards)]).paths
            == open_libraries([tmp_path / "one"]).paths
        )
