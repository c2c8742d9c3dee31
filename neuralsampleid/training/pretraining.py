"""Pretraining of an encoder: its data, its folder, and what comes out."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from neuralsampleid.audio.front_ends import ConstantQFrontEnd, LogMelFrontEnd
from neuralsampleid.config import Gnn, ResNetIbn, Section, Training
from neuralsampleid.errors import UserError
from neuralsampleid.files import remove_leftovers, replacing_folder, write_json
from neuralsampleid.models.checkpoint import make_encoder
from neuralsampleid.models.encoder import SegmentEncoder, parameter_counts
from neuralsampleid.processes import is_first_process
from neuralsampleid.training.batches import PairData, ReadyViews
from neuralsampleid.training.device import Machine
from neuralsampleid.training.fitting import Plan, clear_remains, fit
from neuralsampleid.training.modules import Pretraining
from neuralsampleid.training.packs import PackedStems
from neuralsampleid.training.pairs import PairGeometry, PairSource
from neuralsampleid.training.views import BatchedViews
from neuralsampleid.training.waveform import WaveformViews

_LOG = logging.getLogger(__name__)
_LONG = 200_000  # pairs; compiling takes as long as training on some 10,000


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
        folder: for checkpoints, ``curves.csv`` and TensorBoard's events; see ``fitting``.
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
    if machine.compiled:
        encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        encoder.compile()
    data = _data(settings, packed, seed, encoder, machine)
    if is_first_process():
        prepare_folder(folder, settings, packed, seed)
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


def has_long_convolutions(settings: Gnn | ResNetIbn, tracks: int) -> bool:
    """Whether a training of so many tracks is one that gains by compiling."""
    training = settings.training
    pairs = training.epochs * (training.pairs_per_epoch or tracks)
    return isinstance(settings, ResNetIbn) and pairs >= _LONG


def prepare_folder(folder: Path, settings: Section, packed: PackedStems, seed: int) -> None:
    """Leave in a training's folder only what it can continue from; see ``claim_folder``."""
    claim_folder(folder, settings, packed, seed)
    clear_remains(folder)


def claim_folder(folder: Path, settings: Section, packed: PackedStems, seed: int) -> None:
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
    front_end: LogMelFrontEnd | ConstantQFrontEnd,
    training: Training,
    geometry: PairGeometry,
    *,
    half: bool = False,
) -> BatchedViews | WaveformViews:
    """What carries out the changes, by the configured backend; ``half``: see ``BatchedViews``."""
    # Music of one song is changed as a whole, new music only where the sample is.
    change_rest = training.pairs.rest == "same_song"
    if training.augmentation.backend == "batched":
        return BatchedViews(front_end, change_rest, half=half)
    return WaveformViews(front_end, change_rest, geometry.segment)


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
    views: BatchedViews | WaveformViews | ReadyViews
    views = make_views(encoder.front_end, training, source.geometry, half=on_gpu)
    if not on_gpu and machine.workers:
        views = ReadyViews(views)
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
