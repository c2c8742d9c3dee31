"""Training of the re-ranker on a frozen encoder (docs/upstream.md, "Re-ranker").

Its negatives are mined (``mining``) as the configuration says. Held-out pairs are always mined
without upstream's flaws: by a right judgement the best epoch is chosen, and AUROCs compare.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchmetrics.functional.classification import binary_auroc

from neuralsampleid.config import Gnn, Reranker, Section
from neuralsampleid.errors import UserError
from neuralsampleid.models.checkpoint import make_reranker
from neuralsampleid.models.encoder import SegmentEncoder
from neuralsampleid.models.reranker import CrossAttentionReranker
from neuralsampleid.training.batches import PairData
from neuralsampleid.training.contrastive import epoch_mean
from neuralsampleid.training.fitting import Plan, fit, prepare_folder
from neuralsampleid.training.machine import Machine
from neuralsampleid.training.mining import MinedBatch, Miner, mine, mine_as_released
from neuralsampleid.training.packs import PackedStems
from neuralsampleid.training.pairs import PairSource, split_tracks, without_curriculum
from neuralsampleid.training.views import BatchedViews, PowerBatch


def train_reranker(
    settings: Reranker,
    encoder: SegmentEncoder,
    encoder_settings: Gnn,
    packed: PackedStems,
    seed: int,
    folder: Path,
    machine: Machine | None = None,
) -> CrossAttentionReranker:
    """Train on pairs drawn as in pretraining; the encoder stays as it is.

    Args:
        settings: the re-ranker and its training.
        encoder: trained, with node matrices.
        encoder_settings: pairs, augmentation and held-out share are those of its training.
        packed: stems at the front end's sample rate.
        seed: fixes weights, pairs and dropout.
        folder: as of ``pretrain``.
        machine: where it trains, on one of its devices: negatives are mined within a process.

    Returns:
        The re-ranker of the epoch with the highest area under the ROC curve on held-out pairs.
    """
    assert encoder.node_shape is not None
    machine = dataclasses.replace(machine or Machine(), devices=1, nodes=1)
    identity = _Identity.of(settings, encoder, encoder_settings)
    prepare_folder(folder, identity, packed, seed, machine.precision)
    data = _MinedData(settings, encoder.eval(), encoder_settings, packed, seed, machine.workers)
    model = make_reranker(settings, encoder.node_shape, seed)
    module = RerankerTraining(model, data.mined, settings, seed)
    plan = Plan(settings.training.epochs, data.batch_pairs, best_by="validation_auroc", mode="max")
    best = fit(module, data, plan, folder, machine)
    if best is None:
        raise UserError("training the re-ranker: no epoch could be judged, expected finite losses")
    module.load_state_dict(best["state_dict"])
    return model.cpu().eval()


class RerankerTraining(lightning.LightningModule):
    """Teaches a re-ranker to tell true matches from mined ones."""

    def __init__(
        self,
        model: CrossAttentionReranker,
        mined: Callable[[PowerBatch], MinedBatch],
        settings: Reranker,
        seed: int,
    ) -> None:
        super().__init__()
        self.model = model
        self.mined = mined
        self.settings = settings
        self.seed = seed
        self.train_loss = epoch_mean()
        self._random_state: dict[str, Tensor] = {}  # of an interrupted run
        self._validation: list[MinedBatch] = []

    def on_train_start(self) -> None:
        torch.manual_seed(self.seed)
        if "cpu" in self._random_state:
            torch.set_rng_state(self._random_state["cpu"])
        if "cuda" in self._random_state and self.device.type == "cuda":
            torch.cuda.set_rng_state(self._random_state["cuda"], self.device)

    def on_train_epoch_start(self) -> None:
        self.train_loss.reset()

    def training_step(self, batch: PowerBatch, _: int) -> Tensor:
        mined = self.mined(batch)
        loss = reranking_loss(self.model, mined)
        self.train_loss.update(loss.detach(), len(mined.queries))
        return loss

    def validation_step(self, batch: MinedBatch, _: int) -> None:
        self._validation.append(batch)

    def on_validation_epoch_end(self) -> None:
        if self.train_loss.weight > 0:
            self.log("train_loss", self.train_loss.compute())
        self.log_dict(validate(self.model, self._validation))
        self._validation.clear()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.model.parameters(), lr=self.settings.training.learning_rate)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["random_state"] = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            checkpoint["random_state"]["cuda"] = torch.cuda.get_rng_state(self.device)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._random_state = checkpoint["random_state"]


def reranking_loss(model: CrossAttentionReranker, batch: MinedBatch) -> Tensor:
    """Binary cross-entropy of the positives plus that of the negatives, each a mean."""
    logits = _logits(model, batch)
    losses = nn.functional.binary_cross_entropy_with_logits(logits, batch.labels, reduction="none")
    positive = batch.labels == 1
    return losses[positive].mean() + losses[~positive].mean()


@torch.no_grad()
def validate(model: CrossAttentionReranker, batches: list[MinedBatch]) -> dict[str, float]:
    """Loss and area under the ROC curve of positives against mined negatives."""
    losses = [float(reranking_loss(model, batch)) for batch in batches]
    logits = torch.cat([_logits(model, batch) for batch in batches]).float()
    labels = torch.cat([batch.labels for batch in batches]).int()
    return {
        "validation_loss": sum(losses) / len(losses),
        "validation_auroc": float(binary_auroc(logits, labels)),
    }


def _logits(model: CrossAttentionReranker, batch: MinedBatch) -> Tensor:
    projected = model.project_query(batch.queries)[batch.query_rows]
    candidates = model.project_candidate(batch.candidates)
    return model.logits(projected, candidates.rows(batch.candidate_rows))


class _Identity(Section):
    """What a re-ranker's training depends on, besides music and seed."""

    reranker: Reranker
    encoder: Gnn
    encoder_sha256: str

    @classmethod
    def of(cls, settings: Reranker, encoder: SegmentEncoder, encoder_settings: Gnn) -> _Identity:
        digest = hashlib.sha256()
        for name, value in encoder.state_dict().items():
            digest.update(name.encode())
            digest.update(value.cpu().numpy().tobytes())
        return cls(reranker=settings, encoder=encoder_settings, encoder_sha256=digest.hexdigest())


class _MinedData(PairData):
    """Training pairs, to be mined on the device, and held-out pairs that are mined once."""

    def __init__(
        self,
        settings: Reranker,
        encoder: SegmentEncoder,
        encoder_settings: Gnn,
        packed: PackedStems,
        seed: int,
        workers: int,
    ) -> None:
        training = encoder_settings.training
        held_out, kept = split_tracks(len(packed.tracks), training.validation_share, seed)
        per_epoch = settings.training.pairs_per_epoch or len(kept)
        fixed = without_curriculum(training)
        front_end = encoder_settings.front_end
        source = PairSource(
            packed, kept, front_end, fixed, seed + 2, per_epoch * settings.training.epochs
        )
        count = training.validation_pairs
        held = PairSource(packed, held_out, front_end, fixed, seed + 3, count)
        views = BatchedViews(encoder.front_end, training.pairs.rest == "same_song")
        batch = min(settings.training.batch_pairs, per_epoch)
        super().__init__(source, held, views.collate, per_epoch, batch, workers)
        self.encoder, self.views, self.pairs_held_out = encoder, views, held
        self.negatives = settings.training.negatives
        self.miner = mine_as_released if settings.training.mining == "released" else mine

    def setup(self, stage: str) -> None:
        assert self.trainer is not None
        self.encoder.to(self.trainer.strategy.root_device)

    def val_dataloader(self) -> DataLoader[Any]:
        assert self.trainer is not None
        device = self.trainer.strategy.root_device
        batches = []
        for start in range(0, len(self.pairs_held_out), self.batch_pairs):
            indices = range(start, min(start + self.batch_pairs, len(self.pairs_held_out)))
            if len(indices) > 1:
                pairs: Any = self.views.collate([self.pairs_held_out[index] for index in indices])
                batches.append(self._mined_by(mine, pairs.to(device)))
        # Lists of batches are what the loader's types do not know.
        return DataLoader(batches, batch_size=None, generator=torch.Generator())  # type: ignore[arg-type]

    def mined(self, batch: PowerBatch) -> MinedBatch:
        """Encode both views of pairs and find each query's negatives, as configured."""
        return self._mined_by(self.miner, batch)

    @torch.no_grad()
    def _mined_by(self, miner: Miner, batch: Any) -> MinedBatch:  # noqa: ANN401 - as the views'
        # In full precision, whatever the training's is.
        with torch.autocast(next(self.encoder.parameters()).device.type, enabled=False):
            queries, references = self.views.features(batch)
            encode = self.encoder.encode
            return miner(encode(queries), encode(references), self.negatives)
