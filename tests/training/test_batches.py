"""Each process's share of the batches."""

import subprocess
import sys
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from neuralsampleid.training.batches import ShareSampler


def batches(sampler: ShareSampler) -> list[list[int]]:
    indices = list(sampler)
    return [indices[at : at + sampler.share] for at in range(0, len(indices), sampler.share)]


def test_a_single_process_takes_every_batch_in_order():
    sampler = ShareSampler(pairs_per_epoch=7, batch_pairs=3)
    assert list(sampler) == [0, 1, 2, 3, 4, 5]
    sampler.set_epoch(3)
    assert list(sampler) == [21, 22, 23, 24, 25, 26]
    assert len(sampler) == 6


def test_an_epoch_is_continued_once():
    sampler = ShareSampler(pairs_per_epoch=7, batch_pairs=3)
    sampler.continue_at(epoch=2, batch=1)
    sampler.set_epoch(2)  # as Lightning does before the epoch
    assert list(sampler) == [17, 18, 19]
    assert len(sampler) == 6  # Lightning counts the batches before, too
    sampler.set_epoch(3)
    assert list(sampler) == [21, 22, 23, 24, 25, 26]


@given(
    processes=st.integers(1, 8),
    share=st.integers(1, 6),
    batch_count=st.integers(1, 5),
    left_over=st.integers(0, 3),
    epoch=st.integers(0, 9),
    first=st.integers(0, 4),
)
def test_shares_together_are_the_batches_of_one_process(
    processes: int, share: int, batch_count: int, left_over: int, epoch: int, first: int
):
    batch = processes * share
    pairs = batch_count * batch + min(left_over, batch - 1)

    def drawn(process: int, of: int) -> list[list[int]]:
        sampler = ShareSampler(pairs, batch, process, of)
        sampler.continue_at(epoch, min(first, batch_count - 1))
        return batches(sampler)

    alone = drawn(0, 1)
    shared = zip(*(drawn(process, processes) for process in range(processes)), strict=True)
    assert [list(chain.from_iterable(shares)) for shares in shared] == alone
    assert len(alone) == batch_count - min(first, batch_count - 1)
    assert all(epoch * pairs <= index < (epoch + 1) * pairs for part in alone for index in part)


FAILING = """
import time
import torch
from torch.utils.data import Dataset
from neuralsampleid.training.batches import PairLoader
from neuralsampleid.training.stopping import outlive_signals

class Slow(Dataset):
    def __len__(self):
        return 9

    def __getitem__(self, index):
        time.sleep(60 * (index > 0))
        return torch.tensor(index)

items = iter(PairLoader(Slow(), 1, num_workers=1, worker_init_fn=outlive_signals))
next(items)
raise SystemExit(3)
"""


def test_a_process_ends_though_its_workers_are_busy():
    command = [sys.executable, "-c", FAILING]
    assert subprocess.run(command, timeout=50, check=False).returncode == 3
