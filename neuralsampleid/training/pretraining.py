"""Pretraining of an encoder: its data, its folder, and what comes out."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from neuralsampleid.config import Gnn, ResNetIbn
from neuralsampleid.errors import UserError
from neuralsampleid.models.checkpoint import make_encoder
from neuralsampleid.models.encoder import SegmentEncoder, parameter_counts
from neuralsampleid.processes import is_first_process
from neuralsampleid.training.batches import PairData
from neuralsampleid.training.contrastive import Pretraining
from neuralsampleid.training.fitting import Plan, fit, prepare_folder
from neuralsampleid.training.machine import Machine
from neuralsampleid.training.packs import PackedStems
from neuralsampleid.training.pairs import PairSource, split_tracks, without_curriculum
from neuralsampleid.training.views import BatchedViews

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pretrained:
    """What a pretraining leaves behind."""

    encoder: SegmentEncoder  # the best on held-out pairs
    best_epoch: int
    bad_batches: int  # batches whose loss was not finite


def pretrain(
    settings: Gnn | ResNetIbn,
    packed: PackedStems,
    seed: int,
    folder: Path,
    machine: Machine | None = None,
) -> Pretrained:
    """Train an encoder; continue what an earlier run of it left in ``folder``, if it was stopped.

    Args:
        settings: the encoder and its training.
        packed: stems at the front end's sample rate.
        seed: fixes weights, pairs and dropout.
        folder: for checkpoints and ``curves.csv``; see ``fitting``.
        machine: where it trains; one process on the CPU if left out.

    Raises:
        UserError: too few tracks, the wrong sample rate, a batch that the machine's processes
            cannot share, or a loss that is never finite.
        StoppedError: a signal ended it; calling again continues.
    """
    machine = machine or Machine()
    training = settings.training
    if packed.sample_rate != settings.front_end.sample_rate:
        raise UserError(
            f"packed stems have {packed.sample_rate} Hz, expected {settings.front_end.sample_rate}"
        )
    encoder = make_encoder(settings, seed)
    if machine.precision == "bfloat16" and machine.accelerator == "cpu":
        # Twice as fast (benchmarks/training_step.md).
        encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    data = _data(settings, packed, seed, encoder, machine)
    if is_first_process():
        prepare_folder(folder, settings, packed, seed, machine.precision)
    module = Pretraining(encoder, data.views, training, data.steps_per_epoch, seed)
    count = parameter_counts(encoder)
    plan = Plan(
        training.epochs,
        data.batch_pairs,
        best_by="validation_loss",
        mode="min",
        gradient_clip=training.gradient_clip,
        some_parameters_idle=count.acting < count.stored,
    )
    best = fit(module, data, plan, folder, machine)
    return _best_of(module, best, training.epochs * data.steps_per_epoch)


def _data(
    settings: Gnn | ResNetIbn,
    packed: PackedStems,
    seed: int,
    encoder: SegmentEncoder,
    machine: Machine,
) -> PairData:
    training, front_end = settings.training, settings.front_end
    held_out, kept = split_tracks(len(packed.tracks), training.validation_share, seed)
    per_epoch = training.pairs_per_epoch or len(kept)
    batch = min(training.batch_pairs, per_epoch)
    machine.share_of(batch)
    total = per_epoch * training.epochs
    source = PairSource(packed, kept, front_end, training, seed, total)
    # Held-out pairs are always the same and always fully changed.
    fixed = without_curriculum(training)
    held = PairSource(packed, held_out, front_end, fixed, seed + 1, training.validation_pairs)
    on_gpu = machine.accelerator == "cuda"
    views = BatchedViews(
        encoder.front_end,
        training.pairs.rest == "same_song",
        half=on_gpu,
        ready=machine.workers > 0 and not on_gpu,
    )
    return PairData(source, held, views, per_epoch, batch, machine.workers, pinned=on_gpu)


def _best_of(module: Pretraining, best: dict[str, Any] | None, batches: int) -> Pretrained:
    bad = int(module.get_buffer("bad_batches"))
    if bad >= batches or best is None:
        raise UserError(
            f"pretraining: none of {batches} batches had a finite loss, expected one that learns; "
            "look at the learning rate and the temperature"
        )
    module.load_state_dict(best["state_dict"])
    if bad:
        _LOG.warning("%d batches had a loss that is not finite and were skipped", bad)
    return Pretrained(module.encoder.cpu().eval(), int(best["epoch"]), bad)
