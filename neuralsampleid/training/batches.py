"""Batches for Lightning: each process makes its own share of the same global batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

import lightning
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from neuralsampleid.training.stopping import outlive_signals, signals_blocked


class TensorBatch:
    """A dataclass of tensors alone, which goes to another device as one."""

    def to(self, device: torch.device) -> Self:
        """The same batch on another device; Lightning calls this."""
        return self._each(lambda value: value.to(device))

    def pin_memory(self) -> Self:
        """The same batch where a GPU fetches it fastest; torch's loader calls this."""
        return self._each(Tensor.pin_memory)

    def _each(self, function: Callable[[Tensor], Tensor]) -> Self:
        return type(self)(**{name: function(value) for name, value in vars(self).items()})


class ShareSampler(Sampler[int]):
    """Global pair indices of one process and one epoch.

    Batch b of epoch e holds the indices from e · pairs per epoch + b · batch on, however many
    processes there are; of these, each takes a run of its own. So an item depends on nothing but
    its index, no pair is drawn twice, and all shares together are the batch of a single process.
    """

    def __init__(
        self, pairs_per_epoch: int, batch_pairs: int, process: int = 0, processes: int = 1
    ) -> None:
        self.pairs_per_epoch = pairs_per_epoch
        self.batch_pairs = batch_pairs
        self.share = batch_pairs // processes
        self.process = process
        self.epoch = 0
        self._first_batch = 0

    @property
    def batches(self) -> int:
        """Of an epoch; pairs that do not fill one are left out."""
        return self.pairs_per_epoch // self.batch_pairs

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before every epoch."""
        self.epoch = epoch

    def continue_at(self, epoch: int, batch: int) -> None:
        """Begin the next iteration at a batch of an epoch, once."""
        self.epoch, self._first_batch = epoch, batch

    def __len__(self) -> int:
        return self.batches * self.share

    def __iter__(self) -> Iterator[int]:
        first_batch, self._first_batch = self._first_batch, 0
        for batch in range(first_batch, self.batches):
            first = self.epoch * self.pairs_per_epoch + batch * self.batch_pairs
            first += self.process * self.share
            yield from range(first, first + self.share)


class PairLoader(DataLoader[Any]):
    """Its workers go on when all processes of a job are told to stop; the trainer ends them."""

    def __iter__(self) -> Any:  # noqa: ANN401 - as torch declares it
        with signals_blocked():
            return super().__iter__()


class PairData(lightning.LightningDataModule):
    """Training pairs, continued where a checkpoint left them, and held-out pairs.

    Every process sees all held-out pairs: they are few, and so all judge an epoch alike.

    Args:
        source: training pairs by global index.
        held_out: always the same pairs.
        collate: stacks pairs.
        pairs_per_epoch: of all processes.
        batch_pairs: of all processes; a multiple of their number.
        workers: processes that make training pairs, for each that trains.
        pinned: a thread copies training batches to where a GPU fetches them fastest.
    """

    def __init__(
        self,
        source: Dataset[Any],
        held_out: Dataset[Any],
        collate: Callable[[list[Any]], Any],
        pairs_per_epoch: int,
        batch_pairs: int,
        workers: int = 0,
        *,
        pinned: bool = False,
    ) -> None:
        super().__init__()
        self.source = source
        self.held_out = held_out
        self.held_out_pairs = len(held_out)  # type: ignore[arg-type] # torch's sets may have none
        self.collate = collate
        self.pairs_per_epoch = pairs_per_epoch
        self.batch_pairs = batch_pairs
        self.workers = workers
        self.pinned = pinned

    @property
    def steps_per_epoch(self) -> int:
        return self.pairs_per_epoch // self.batch_pairs

    def train_dataloader(self) -> DataLoader[Any]:
        trainer = self.trainer
        assert trainer is not None
        sampler = ShareSampler(
            self.pairs_per_epoch, self.batch_pairs, trainer.global_rank, trainer.world_size
        )
        # Workers fetch ahead as soon as the loader is iterated, before ``set_epoch``.
        sampler.continue_at(*divmod(trainer.global_step, self.steps_per_epoch))
        return PairLoader(
            self.source,
            sampler.share,
            sampler=sampler,
            collate_fn=self.collate,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            pin_memory=self.pinned,
            worker_init_fn=outlive_signals,
            # Else loaders draw from the generator that dropout draws from.
            generator=torch.Generator(),
        )

    def val_dataloader(self) -> DataLoader[Any]:
        trainer = self.trainer
        assert trainer is not None
        size = min(self.batch_pairs // trainer.world_size, self.held_out_pairs)
        return DataLoader(self.held_out, size, collate_fn=self.collate, generator=torch.Generator())
