"""HTDemucs, with a tiny model of random weights in a local folder."""

import shutil
import urllib.error
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.tiny_htdemucs import SOURCES, save_tiny_model
from neuralsampleid import config
from neuralsampleid.errors import UserError
from neuralsampleid.separation import htdemucs
from neuralsampleid.separation.backends import make_separator
from neuralsampleid.separation.htdemucs import HtDemucs
from neuralsampleid.separation.stems import STEMS


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save_tiny_model(folder, "tiny", SOURCES)
    save_tiny_model(folder, "six", [*SOURCES, "piano", "guitar"])
    return folder


def music(samples: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal(samples)).astype(np.float32)


@pytest.mark.parametrize(("rate", "samples"), [(22050, 30001), (44100, 44100), (16000, 7)])
def test_stems_are_as_long_as_the_mix(models: Path, rate: int, samples: int):
    stems = HtDemucs("tiny", models).separate(music(samples), rate)
    assert sorted(stems) == sorted(STEMS)
    for audio in stems.values():
        assert audio.dtype == np.float32
        assert audio.shape == (samples,)
        assert np.isfinite(audio).all()


def test_it_is_deterministic_and_follows_the_level_of_the_mix(models: Path):
    separator = HtDemucs("tiny", models)
    mix = music(30000)
    first, again, louder = (separator.separate(a, 44100) for a in (mix, mix, 4 * mix))
    for stem in STEMS:
        np.testing.assert_array_equal(first[stem], again[stem])
        # Normalisation makes the model itself blind to the level.
        np.testing.assert_allclose(louder[stem], 4 * first[stem], rtol=1e-3, atol=1e-4)


def test_in_bfloat16_stems_are_nearly_the_same(models: Path):
    mix = music(30000)
    full, half = (
        HtDemucs("tiny", models, precision=precision).separate(mix, 44100)
        for precision in ("float32", "bfloat16")
    )
    for stem in STEMS:
        assert half[stem].dtype == np.float32
        assert not np.array_equal(full[stem], half[stem])
        np.testing.assert_allclose(half[stem], full[stem], atol=0.03 * np.abs(full[stem]).max())


def test_each_source_gets_its_own_name(models: Path, monkeypatch: pytest.MonkeyPatch):
    def constant(model, mix, **options):
        assert options["shifts"] == 0
        levels = torch.arange(1, 5, dtype=torch.float32).reshape(1, 4, 1, 1)
        return levels.expand(1, 4, *mix.shape[1:])

    monkeypatch.setattr(htdemucs, "apply_model", constant)
    mix = music(1000)
    stems = HtDemucs("tiny", models).separate(mix, 44100)
    for level, source in enumerate(SOURCES, 1):
        expected = level * mix.std() + mix.mean()
        np.testing.assert_allclose(stems[source], expected, rtol=1e-4)


def test_silence_stays_silence(models: Path):
    stems = HtDemucs("tiny", models).separate(np.zeros(5000, np.float32), 44100)
    assert max(np.abs(audio).max() for audio in stems.values()) < 1e-6


def test_its_description_tells_weights_apart_and_not_folders(models: Path, tmp_path: Path):
    shutil.copytree(models, tmp_path / "copy")
    other = tmp_path / "other"
    other.mkdir()
    save_tiny_model(other, "tiny", SOURCES, seed=1)
    known = HtDemucs("tiny", models).description
    assert known == HtDemucs("tiny", tmp_path / "copy").description
    assert known != HtDemucs("tiny", other).description
    assert known["model"] == "tiny"


def test_the_configuration_chooses_it(models: Path):
    settings = config.Separation(backend="htdemucs", model="tiny", model_folder=str(models))
    assert isinstance(make_separator(settings), HtDemucs)


def test_a_missing_folder_is_named(tmp_path: Path):
    with pytest.raises(UserError, match=r"separation\.model_folder: .*nowhere' is not a folder"):
        HtDemucs("htdemucs", tmp_path / "nowhere")


def test_an_unknown_name_is_named(models: Path):
    with pytest.raises(UserError, match=r"separation\.model: 'huge' cannot be loaded") as caught:
        HtDemucs("huge", models)
    assert "\n" not in str(caught.value)


def test_damaged_weights_are_named(models: Path, tmp_path: Path):
    weights = next(models.glob("tinysig-*.th"))
    (tmp_path / weights.name).write_bytes(weights.read_bytes()[:-1])
    (tmp_path / "tiny.yaml").write_text("models: ['tinysig']\n")
    with pytest.raises(UserError, match="Invalid checksum"):
        HtDemucs("tiny", tmp_path)


def test_other_sources_are_refused(models: Path):
    with pytest.raises(UserError, match=r"'six' gives drums, bass, .*guitar, expected vocals"):
        HtDemucs("six", models)


def test_no_network_says_what_to_do(monkeypatch: pytest.MonkeyPatch):
    def offline(name: str, repo: Path | None = None) -> None:
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(htdemucs, "get_model", offline)
    with pytest.raises(UserError, match=r"separation\.model_folder, or separation\.backend 'hpss'"):
        HtDemucs("htdemucs")
