"""What both trainings share: Lightning's trainer, checkpoints, and how one continues another."""

from __future__ import annotations

import json
import logging
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import lightning
import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import ModelCheckpoint

from neuralsampleid.config import Section
from neuralsampleid.devices import Exact
from neuralsampleid.errors import UserError
from neuralsampleid.files import remove_leftovers, replacing_folder, write_json
from neuralsampleid.models.checkpoint import write_checkpoint
from neuralsampleid.training.curves import EpochLog, progress_bars
from neuralsampleid.training.level_packs import PackedLevels
from neuralsampleid.training.machine import Machine, cluster_environment
from neuralsampleid.training.packs import PackedStems
from neuralsampleid.training.stopping import StopOnSignal

_LAST = "last.ckpt"  # what an interrupted training continues from
_BEST, _CURVES = "best.ckpt", "curves.csv"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """How long a training runs, and what it is judged by."""

    epochs: int
    batch_pairs: int  # of all processes
    best_by: str  # a metric of the held-out pairs
    mode: Literal["min", "max"]
    gradient_clip: float | None = None  # global norm
    some_parameters_idle: bool = False  # parameters that never get a gradient


class WholeFileIO(TorchCheckpointIO):
    """Checkpoints that appear whole or not at all, also where /tmp is another file system."""

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: Any,  # noqa: ANN401 - a path of any kind, as Lightning declares it
        storage_options: Any = None,  # noqa: ANN401
    ) -> None:
        write_checkpoint(Path(path), checkpoint)


def fit(
    module: lightning.LightningModule,
    data: lightning.LightningDataModule,
    plan: Plan,
    folder: Path,
    machine: Machine,
) -> dict[str, Any] | None:
    """Train, or continue a training of the same folder that was stopped, to the end.

    Args:
        module: what is trained; left as it is after the last step.
        data: the pairs.
        plan: epochs, and the metric by which the best one is chosen.
        folder: for checkpoints, and ``curves.csv``.
        machine: where it runs.

    Returns:
        The checkpoint of the best epoch on the CPU; None if no epoch could be judged.

    Raises:
        StoppedError: a signal ended it; what is done is saved.
    """
    best, latest = _checkpoints(folder, plan)
    trainer = _trainer(plan, [best, latest], folder, machine)
    last = folder / _LAST
    # Deterministic torch fills new memory, which nothing here reads: a tenth of a step and more
    # (benchmarks/training_step.md).
    deterministic: Any = torch.utils.deterministic
    deterministic.fill_uninitialized_memory = False
    with warnings.catch_warnings():
        # The machine's threads decide how many processes load.
        warnings.filterwarnings("ignore", ".*does not have many workers.*")
        warnings.filterwarnings("ignore", ".*LeafSpec.*")
        # The folder is prepared by the caller.
        warnings.filterwarnings("ignore", ".*Checkpoint directory .* exists.*")
        # ``ShareSampler`` continues in the middle of an epoch. A loader with a state would not do:
        # Lightning restores it in the middle of an epoch only, not at the end of one.
        warnings.filterwarnings("ignore", ".*your dataloader is not resumable.*")
        ckpt_path = str(last) if last.exists() else None
        trainer.fit(module, datamodule=data, ckpt_path=ckpt_path, weights_only=True)
    path = Path(best.best_model_path)
    if not path.is_file():
        return None
    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return content


def prepare_folder(
    folder: Path,
    settings: Section,
    packed: PackedStems | PackedLevels,
    seed: int,
    precision: Exact = "float32",
) -> None:
    """Leave in a training's folder only what it can continue from.

    Checkpoints of other settings, another seed, precision or music are removed: to continue them
    would train something that the configuration does not describe. So is what cannot be continued:
    of a training that ended or never saved, or half written when it was killed.

    Raises:
        UserError: the folder holds files, but no training left them; nothing is removed.
    """
    identity = {
        "settings": settings.model_dump(mode="json"),
        "seed": seed,
        "precision": precision,
        # Lightning's checkpoints name the best one by its path: a moved folder starts anew.
        "folder": str(folder.resolve()),
        "audio_sha256": packed.digest(),
    }
    _claim_folder(folder, identity)
    remove_leftovers(folder, {_LAST, _BEST, _CURVES})
    if not (folder / _LAST).exists():
        for name in (_BEST, _CURVES):
            (folder / name).unlink(missing_ok=True)


def end(folder: Path) -> None:
    """Note that a training's results are safe: a later run in the folder starts afresh."""
    (folder / _LAST).unlink(missing_ok=True)


def _claim_folder(folder: Path, identity: dict[str, Any]) -> None:
    """Make sure that what lies in a checkpoint folder belongs to this very training."""
    remove_leftovers(folder.parent, {folder.name})
    record = folder / "identity.json"
    if record.exists() and json.loads(record.read_text(encoding="utf-8")) == identity:
        _LOG.info("%s: continuing an earlier training", folder)
        return
    if folder.exists() and any(folder.iterdir()) and not record.exists():
        raise UserError(f"{folder}: holds files, but no training's; expected an empty folder")
    # The folder appears with its record: killed at any moment, no files are left without one.
    with replacing_folder(folder) as temporary:
        write_json(temporary / record.name, identity)


def _checkpoints(folder: Path, plan: Plan) -> tuple[ModelCheckpoint, ModelCheckpoint]:
    """Keep the best epoch, and the latest one to continue from.

    They are two because Lightning's ``save_last`` writes only where the best improves. Both save at
    the end of an epoch; in between, only a signal makes a checkpoint.
    """
    checkpoint = partial(
        ModelCheckpoint, folder, save_on_train_epoch_end=True, enable_version_counter=False
    )
    best = checkpoint(filename=Path(_BEST).stem, monitor=plan.best_by, mode=plan.mode)
    return best, checkpoint(filename=Path(_LAST).stem)


def _trainer(
    plan: Plan, checkpoints: list[ModelCheckpoint], folder: Path, machine: Machine
) -> lightning.Trainer:
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    on_gpu = machine.accelerator == "cuda"
    return lightning.Trainer(
        max_epochs=plan.epochs,
        accelerator=machine.accelerator,
        devices=machine.devices,
        num_nodes=machine.nodes,
        precision="bf16-mixed" if machine.precision == "bfloat16" else "32-true",
        strategy=_strategy(plan, machine),
        # torch offers it on GPUs only; elsewhere a process normalises by its own share.
        sync_batchnorm=on_gpu and machine.processes > 1,
        # The data module gives each process its share.
        use_distributed_sampler=False,
        gradient_clip_val=plan.gradient_clip,
        callbacks=[
            *checkpoints,
            EpochLog(folder / _CURVES, plan.batch_pairs),
            StopOnSignal(folder / _LAST),
            *progress_bars(),
        ],
        plugins=[WholeFileIO(), cluster_environment()],
        logger=False,
        num_sanity_val_steps=0,
        enable_model_summary=False,
        enable_progress_bar=bool(progress_bars()),
        # Some operations have no deterministic form on GPUs.
        deterministic="warn" if on_gpu else True,
    )


def _strategy(plan: Plan, machine: Machine) -> str:
    if machine.processes == 1:
        return "auto"
    return "ddp_find_unused_parameters_true" if plan.some_parameters_idle else "ddp"
