"""Pretraining of an encoder: data, Lightning's trainer, checkpoints, learning curves."""

from __future__ import annotations

import json
import logging
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader, Sampler

from neuralsampleid.audio.front_end import ConstantQFrontEnd, LogMelFrontEnd
from neuralsampleid.config import Gnn, ResNetIbn, Training
from neuralsampleid.errors import UserError
from neuralsampleid.files import write_json
from neuralsampleid.models.checkpoint import make_encoder
from neuralsampleid.models.encoder import SegmentEncoder
from neuralsampleid.training.batched import BatchedViews
from neuralsampleid.training.curves import CurveWriter, EpochLog, progress_bars
from neuralsampleid.training.module import Pretraining
from neuralsampleid.training.packed import PackedStems
from neuralsampleid.training.pairs import PairGeometry, PairSource, RawPair
from neuralsampleid.training.waveform import WaveformViews

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pretrained:
    """What a pretraining leaves behind."""

    encoder: SegmentEncoder  # the best on held-out pairs
    best_epoch: int
    bad_batches: int  # batches whose loss was not finite


class EpochSampler(Sampler[int]):
    """Global pair indices of one epoch, so that an item depends on nothing but its index."""

    def __init__(self, pairs_per_epoch: int) -> None:
        self.pairs_per_epoch = pairs_per_epoch
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before every epoch, also after a resumption."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.pairs_per_epoch

    def __iter__(self) -> Iterator[int]:
        first = self.epoch * self.pairs_per_epoch
        yield from range(first, first + self.pairs_per_epoch)


def pretrain(
    settings: Gnn | ResNetIbn, packed: PackedStems, seed: int, folder: Path, workers: int = 0
) -> Pretrained:
    """Train an encoder; continue from ``folder/last.ckpt`` if an earlier run of it was stopped.

    Args:
        settings: the encoder and its training.
        packed: stems at the front end's sample rate.
        seed: fixes weights, pairs and dropout.
        folder: for checkpoints, ``curves.csv`` and TensorBoard's events.
        workers: processes that make pairs; 0 makes them in this one. Does not change the result.

    Raises:
        UserError: too few tracks, the wrong sample rate, or a loss that is never finite.
    """
    training = settings.training
    if packed.sample_rate != settings.front_end.sample_rate:
        raise UserError(
            f"packed stems have {packed.sample_rate} Hz, expected {settings.front_end.sample_rate}"
        )
    claim_folder(folder, settings, packed, seed)
    encoder = make_encoder(settings, seed)
    held_out, kept = split_tracks(len(packed.tracks), training.validation_share, seed)
    loaders = _loaders(settings, packed, held_out, kept, seed, workers, encoder)
    module = Pretraining(encoder, loaders.views, training, loaders.steps_per_epoch, seed)
    best, latest = _checkpoints(folder)
    trainer = _trainer(training, [best, latest], folder)
    last = folder / "last.ckpt"
    with warnings.catch_warnings():
        # Loading in this process is chosen on purpose; two cores are fully used either way.
        warnings.filterwarnings("ignore", ".*does not have many workers.*")
        warnings.filterwarnings("ignore", ".*LeafSpec.*")
        # The folder is claimed above, and a skipped batch is counted.
        warnings.filterwarnings("ignore", ".*Checkpoint directory .* exists.*")
        warnings.filterwarnings("ignore", ".*`training_step` returned `None`.*")
        trainer.fit(
            module,
            loaders.training,
            loaders.validation,
            ckpt_path=str(last) if last.exists() else None,
            weights_only=True,
        )
    return _best_of(module, best, training.epochs * loaders.steps_per_epoch)


def claim_folder(folder: Path, settings: Gnn | ResNetIbn, packed: PackedStems, seed: int) -> None:
    """Make sure that what lies in a checkpoint folder belongs to this very training.

    Checkpoints of other settings, another seed or other music are removed: to continue them would
    train something that the configuration does not describe.

    Raises:
        UserError: the folder holds files, but no training left them; nothing is removed.
    """
    identity = {
        "settings": settings.model_dump(mode="json"),
        "seed": seed,
        # Lightning's checkpoints name the best one by its path: a moved folder starts anew.
        "folder": str(folder.resolve()),
        "audio_sha256": packed.digest(),
    }
    record = folder / "identity.json"
    if record.exists() and json.loads(record.read_text(encoding="utf-8")) == identity:
        _LOG.info("%s: continuing an earlier training", folder)
        return
    if folder.exists() and any(folder.iterdir()) and not record.exists():
        raise UserError(f"{folder}: holds files, but no training's; expected an empty folder")
    shutil.rmtree(folder, ignore_errors=True)
    write_json(record, identity)


def split_tracks(count: int, validation_share: float, seed: int) -> tuple[list[int], list[int]]:
    """Divide track indices into held-out and kept ones; at least one held out, two kept.

    Raises:
        UserError: fewer than three tracks.
    """
    if count < 3:
        raise UserError(f"{count} training tracks, expected at least 3 to hold some out")
    order = np.random.default_rng(seed).permutation(count).tolist()
    held_out = min(max(1, round(validation_share * count)), count - 2)
    return sorted(order[:held_out]), sorted(order[held_out:])


def without_curriculum(training: Training) -> Training:
    """The same training with fully changed pairs from the start."""
    full = training.augmentation.model_copy(update={"curriculum": 0.0})
    return training.model_copy(update={"augmentation": full})


def make_views(
    front_end: LogMelFrontEnd | ConstantQFrontEnd, training: Training, geometry: PairGeometry
) -> BatchedViews | WaveformViews:
    """What carries out the changes, by the configured backend."""
    # Music of one song is changed as a whole, new music only where the sample is.
    change_rest = training.pairs.rest == "same_song"
    if training.augmentation.backend == "batched":
        return BatchedViews(front_end, change_rest)
    return WaveformViews(front_end, change_rest, geometry.segment)


@dataclass(frozen=True)
class _Loaders:
    training: DataLoader[RawPair]
    validation: DataLoader[RawPair]
    views: BatchedViews | WaveformViews
    steps_per_epoch: int


def _loaders(
    settings: Gnn | ResNetIbn,
    packed: PackedStems,
    held_out: list[int],
    kept: list[int],
    seed: int,
    workers: int,
    encoder: SegmentEncoder,
) -> _Loaders:
    training, front_end = settings.training, settings.front_end
    per_epoch = training.pairs_per_epoch or len(kept)
    batch = min(training.batch_pairs, per_epoch)
    total = per_epoch * training.epochs
    source = PairSource(packed, kept, front_end, training, seed, total)
    # Held-out pairs are always the same and always fully changed.
    fixed = without_curriculum(training)
    pairs = training.validation_pairs
    held = PairSource(packed, held_out, front_end, fixed, seed + 1, pairs)
    views = make_views(encoder.front_end, training, source.geometry)
    return _Loaders(
        DataLoader(
            source,
            batch,
            sampler=EpochSampler(per_epoch),
            collate_fn=views.collate,
            num_workers=workers,
            persistent_workers=workers > 0,
            drop_last=True,
        ),
        DataLoader(held, min(batch, pairs), collate_fn=views.collate, num_workers=0),
        views,
        per_epoch // batch,
    )


def _checkpoints(folder: Path) -> tuple[ModelCheckpoint, ModelCheckpoint]:
    """Keep the best epoch, and the latest one to continue from.

    They are two because Lightning's ``save_last`` writes only where the best improves. Both save at
    the end of an epoch: earlier, a resumed run would repeat a part of it.
    """
    best = ModelCheckpoint(
        folder,
        "best",
        monitor="validation_loss",
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )
    latest = ModelCheckpoint(
        folder, "last", save_on_train_epoch_end=True, enable_version_counter=False
    )
    return best, latest


def _trainer(
    training: Training, checkpoints: list[ModelCheckpoint], folder: Path
) -> lightning.Trainer:
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    return lightning.Trainer(
        max_epochs=training.epochs,
        accelerator="auto",
        devices=1,
        gradient_clip_val=training.gradient_clip,
        callbacks=[
            *checkpoints,
            CurveWriter(folder / "curves.csv"),
            EpochLog(),
            *progress_bars(),
        ],
        logger=TensorBoardLogger(folder, name="tensorboard", version=""),
        log_every_n_steps=1,
        num_sanity_val_steps=0,
        enable_model_summary=False,
        enable_progress_bar=bool(progress_bars()),
        deterministic=True,
    )


def _best_of(module: Pretraining, checkpoint: ModelCheckpoint, batches: int) -> Pretrained:
    bad = int(module.get_buffer("bad_batches"))
    best = Path(checkpoint.best_model_path)
    if bad >= batches or not best.is_file():
        raise UserError(
            f"pretraining: none of {batches} batches had a finite loss, expected one that learns; "
            "look at the learning rate and the temperature"
        )
    content = torch.load(best, map_location="cpu", weights_only=True)
    module.load_state_dict(content["state_dict"])
    if bad:
        _LOG.warning("%d batches had a loss that is not finite and were skipped", bad)
    return Pretrained(module.encoder.eval(), int(content["epoch"]), bad)
