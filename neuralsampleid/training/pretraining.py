"""Pretraining of an encoder: its data, its folder, and what comes out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from neuralsampleid.config import Gnn, ReadingCnn, ResNetIbn
from neuralsampleid.errors import UserError
from neuralsampleid.models.checkpoint import make_encoder
from neuralsampleid.models.encoder import SegmentEncoder, parameter_counts
from neuralsampleid.models.reading_cnn import ReadingCnnEncoder
from neuralsampleid.processes import is_first_process
from neuralsampleid.training.batches import PairData
from neuralsampleid.training.contrastive import AnyPretraining, Pretraining
from neuralsampleid.training.fitting import Plan, fit, prepare_folder
from neuralsampleid.training.level_packs import PackedLevels
from neuralsampleid.training.machine import Machine
from neuralsampleid.training.packs import PackedStems
from neuralsampleid.training.pairs import PairSource, split_tracks, without_curriculum
from neuralsampleid.training.views import BatchedViews
from neuralsampleid.training.window_pretraining import WindowPretraining, collator
from neuralsampleid.training.windows import WindowSource

Trainable = Gnn | ResNetIbn | ReadingCnn
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pretrained:
    """What a pretraining leaves behind."""

    encoder: SegmentEncoder  # the best on held-out pairs
    best_epoch: int
    bad_batches: int  # batches whose loss was not finite


def pretrain(
    settings: Trainable,
    packed: PackedStems | PackedLevels,
    seed: int,
    folder: Path,
    machine: Machine | None = None,
) -> Pretrained:
    """Train an encoder; continue what an earlier run of it left in ``folder``, if it was stopped.

    Args:
        settings: the encoder and its training.
        packed: stems at the front end's sample rate; of a ``ReadingCnn`` their levels.
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
    encoder = make_encoder(settings, seed)
    if machine.precision == "bfloat16" and machine.accelerator == "cpu":
        # Twice as fast (benchmarks/training_step.md).
        encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    module, data = _module(settings, packed, seed, encoder, machine)
    if is_first_process():
        prepare_folder(folder, settings, packed, seed, machine.precision)
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


def _module(
    settings: Trainable,
    packed: PackedStems | PackedLevels,
    seed: int,
    encoder: SegmentEncoder,
    machine: Machine,
) -> tuple[AnyPretraining, PairData]:
    """What is trained, and on what."""
    held_out, kept = split_tracks(len(packed.tracks), settings.training.validation_share, seed)
    per_epoch = settings.training.pairs_per_epoch or len(kept)
    batch = min(settings.training.batch_pairs, per_epoch)
    machine.share_of(batch)
    total, steps = per_epoch * settings.training.epochs, per_epoch // batch
    on_gpu = machine.accelerator == "cuda"
    source: PairSource | WindowSource
    held: PairSource | WindowSource
    module: AnyPretraining
    if isinstance(settings, ReadingCnn):
        windows, frames = _levels_for(settings, packed), settings.window_frames
        of, training = settings.front_end, settings.training
        source = WindowSource(windows, kept, of, frames, training, seed, total)
        pairs = training.validation_pairs
        held = WindowSource(windows, held_out, of, frames, training, seed + 1, pairs)
        assert isinstance(encoder, ReadingCnnEncoder)
        module = WindowPretraining(encoder, training, steps, seed)
        collate: Callable[[list[Any]], Any] = collator(encoder).collate
    else:
        stems, of_pairs = _stems_for(settings, packed), settings.training
        source = PairSource(stems, kept, settings.front_end, of_pairs, seed, total)
        # Held-out pairs are always the same and always fully changed.
        fixed = without_curriculum(of_pairs)
        held = PairSource(
            stems, held_out, settings.front_end, fixed, seed + 1, fixed.validation_pairs
        )
        views = BatchedViews(
            encoder.front_end,
            of_pairs.pairs.rest == "same_song",
            half=on_gpu,
            ready=machine.workers > 0 and not on_gpu,
        )
        module = Pretraining(encoder, views, of_pairs, steps, seed)
        collate = views.collate
    data = PairData(source, held, collate, per_epoch, batch, machine.workers, pinned=on_gpu)
    return module, data


def _stems_for(settings: Gnn | ResNetIbn, packed: PackedStems | PackedLevels) -> PackedStems:
    assert isinstance(packed, PackedStems)
    if packed.sample_rate != settings.front_end.sample_rate:
        raise UserError(
            f"packed stems have {packed.sample_rate} Hz, expected {settings.front_end.sample_rate}"
        )
    return packed


def _levels_for(settings: ReadingCnn, packed: PackedStems | PackedLevels) -> PackedLevels:
    assert isinstance(packed, PackedLevels)
    if packed.bins != settings.front_end.bins:
        raise UserError(
            f"packed levels have {packed.bins} bins, expected {settings.front_end.bins}"
        )
    return packed


def _best_of(module: AnyPretraining, best: dict[str, Any] | None, batches: int) -> Pretrained:
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
