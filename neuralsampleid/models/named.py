"""Weights by name: the shipped default, those of a run, or any file."""

from __future__ import annotations

from pathlib import Path

from neuralsampleid.errors import UserError

DEFAULT = "default"
LANDMARKS = "landmarks"  # the name, in their place, of the system that has no weights
SHIPPED = Path(__file__).parent / "default" / "model.pt"  # written by ``make default-model``
HOW_TO_GET_WEIGHTS = (
    "'default' (ships with this project; make default-model trains it again), a run's folder such "
    "as results/demo (make demo) or that of one of its models, a checkpoint, or the published "
    "files (snakemake --configfile config/published.yaml --cores 1; with --encoder)"
)


def weights_file(name: str) -> Path:
    """The checkpoint that a name means.

    Args:
        name: ``default``, a folder of a run or of one of its models, or a file. A file or folder
            that is called ``default`` is meant by ``./default``.

    Raises:
        UserError: there is no such checkpoint, or a run has several; says what can be had.
    """
    if name == DEFAULT:
        return _existing(SHIPPED, name)
    path = Path(name)
    if not path.is_dir():
        return _existing(path, name)
    if (path / "trained.pt").is_file():
        return path / "trained.pt"
    trained = sorted(path.glob("models/*/trained.pt"))
    encoders = [file for file in trained if "reranker" not in file.parent.name]
    if len(encoders) != 1:
        found = ", ".join(str(file.parent) for file in encoders) or "none"
        raise UserError(f"{name}: encoders in this run: {found}; expected one, or its folder")
    return encoders[0]


def _existing(path: Path, name: str) -> Path:
    if not path.is_file():
        raise UserError(f"{name}: no such weights, expected {HOW_TO_GET_WEIGHTS}")
    return path
