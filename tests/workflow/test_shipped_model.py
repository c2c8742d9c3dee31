"""The model that ships, made at micro size."""

import shutil

from helpers.workflow import RESULTS, micro, snakemake
from neuralsampleid.library.probability import read_calibration
from neuralsampleid.models.weights import architecture_of, load_any_encoder


def test_the_target_makes_a_model_and_its_card(copied):
    """On the finished run's music and stems; its report would hide what the target leaves out."""
    shutil.rmtree(copied / RESULTS / "report")
    config = micro(shipped="default")
    config["encoders"] = {"default": config["encoders"]["resnet_ibn"]}
    config["systems"] = [{"kind": "encoder", "name": "default", "encoder": "default"}]
    done = snakemake(copied, config, "--", "shipped_model")
    assert done.returncode == 0, done.stdout
    folder = copied / RESULTS / "release"
    model = folder / "model.pt"
    architecture = architecture_of(model)
    encoder, settings = load_any_encoder(model, architecture)
    assert (architecture, encoder.embedding_size) == ("resnet_ibn", settings.embedding_size)
    assert "| default " in (folder / "model_card.md").read_text(encoding="utf-8")
    calibration = read_calibration(copied / RESULTS / "models/default/calibration.json")
    assert calibration is not None
    assert calibration.trials == 2 * config["data"]["queries"]
    # What shows a run of the benchmark, a model does not need.
    assert not (copied / RESULTS / "report/figures").exists()
