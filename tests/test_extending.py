"""docs/extending.md, done as it says."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml

from helpers.songs import SMALL_LOG_MEL
from neuralsampleid.config import CustomEncoder, parse_config
from neuralsampleid.errors import UserError
from neuralsampleid.models.checkpoint import load_encoder, make_encoder, save_encoder

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
FILES = {"python": "encoders/log_mel_average.py", "yaml": "my_encoder.yaml"}


def block(language):
    """The one block of a language."""
    (text,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    return text


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the files that the page says to save, by the names that it says."""
    folder = tmp_path_factory.mktemp("extending")
    for language, name in FILES.items():
        assert f"`{name}`" in PAGE
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(block(language), encoding="utf-8")
    return folder


@pytest.fixture
def settings(folder):
    """The page's block of the configuration, with the file's whole path."""
    config = parse_config(yaml.safe_load(block("yaml")), "my_encoder.yaml")
    encoder = config.encoders["average"]
    return encoder.model_copy(update={"file": str(folder / encoder.file)})


def test_the_page_runs(folder):
    run, shown = block("sh").splitlines()
    assert run.startswith("snakemake ")
    # The page speaks from the repository's root; the results are to lie elsewhere.
    command = [sys.executable, "-m", *shlex.split(run), "--snakefile", str(ROOT / "Snakefile")]
    command[command.index("all")] = "2"
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    table = subprocess.run(
        shlex.split(shown), cwd=folder, text=True, capture_output=True, check=True
    )
    assert re.search(r"^\| Average +\| +3 \|", table.stdout, re.MULTILINE)
    metrics = pd.read_csv(folder / "results/my_encoder/report/metrics.csv")
    precision = metrics[(metrics["metric"] == "map") & (metrics["group"] == "all")]
    precision = precision.set_index("system")["value"]
    assert 0 < precision["average"] <= precision["oracle"] == 1
    # What the page points to is there.
    for name in re.findall(r"`((?:tables|figures)/\w+\.\w+|\w+\.csv)`", PAGE):
        assert (folder / "results/my_encoder/report" / name).stat().st_size > 0
    # Changing the file reruns what depends on it.
    (folder / FILES["python"]).write_text(block("python") + "\n# changed\n", encoding="utf-8")
    again = subprocess.run([*command, "-n"], cwd=folder, text=True, capture_output=True, check=True)
    assert "fingerprint" in again.stdout
    assert "demo_data" not in again.stdout


def test_the_encoder_is_what_the_page_says(settings, tmp_path):
    encoder = make_encoder(settings, seed=0)
    features = torch.rand(3, 128, 64)
    fingerprints = encoder(features)
    assert fingerprints.shape == (3, 128)
    # Deaf to rhythm: the order of the frames does not matter.
    assert torch.allclose(encoder(features[:, :, torch.randperm(64)]), fingerprints, atol=1e-5)
    save_encoder(tmp_path / "average.pt", encoder, settings)
    again = load_encoder(tmp_path / "average.pt", settings)
    assert torch.equal(again(features), fingerprints)
    assert again.segment_hop == 16


LEARNING = """
from torch import nn
from neuralsampleid.config import Section
from neuralsampleid.models.encoder import Encoding, SegmentEncoder

class Settings(Section):
    size: int = 8

class Encoder(SegmentEncoder):
    def __init__(self, settings, bins, frames):
        super().__init__()
        self.embedding_size = settings.size
        self.layer = nn.Linear(bins * frames, settings.size)

    def encode(self, features):
        return Encoding(nn.functional.normalize(self.layer(features.flatten(1)), dim=1), None)
"""


def custom(path, text, **settings):
    path.write_text(text, encoding="utf-8")
    return CustomEncoder(
        architecture="custom",
        file=str(path),
        settings=settings,
        front_end=SMALL_LOG_MEL,
    )


def test_one_seed_gives_the_same_weights(tmp_path):
    settings = custom(tmp_path / "learning.py", LEARNING, size=6)
    first, same, other = (make_encoder(settings, seed).layer.weight for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert first.shape == (6, 16 * 32)


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (("class Encoder(", "class Other("), {}, "no class 'Encoder'"),
        (("(SegmentEncoder):", ":"), {}, "derived from SegmentEncoder"),
        (("import nn", "import nothing_such"), {}, r"cannot be run \(ImportError"),
        (("class Settings", "class Settings)"), {}, r"cannot be run \(SyntaxError"),
        (("nn.functional.normalize", "nn.functional.relu"), {}, "cannot encode"),
        (("nn.functional.normalize", "(lambda x, dim: 2 * x)"), {}, "not of length 1"),
        (("= settings.size\n", "= 5\n"), {}, r"embeddings \(2, 8\), expected \(2, 5\)"),
        (("", ""), {"sizes": 3}, "settings: sizes: Extra inputs"),
    ],
)
def test_mistakes_are_one_line_that_names_the_file(tmp_path, change, settings, message):
    path = tmp_path / "broken.py"
    section = custom(path, LEARNING.replace(*change) if change[0] else LEARNING, **settings)
    with pytest.raises(UserError, match=message) as caught:
        make_encoder(section, seed=0)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    settings = custom(tmp_path / "gone.py", LEARNING).model_copy(
        update={"file": str(tmp_path / "nowhere.py")}
    )
    with pytest.raises(UserError, match=r"nowhere\.py: no such file"):
        make_encoder(settings, seed=0)
