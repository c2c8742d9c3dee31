"""Our constant-Q front end against nnAudio's ``CQT1992v2``: speed and largest difference.

Command: ``python benchmarks/constant_q.py`` (needs nnaudio, in the development extra). One thread;
both take turns in one run, and CPU time counts.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from nnAudio.features.cqt import CQT1992v2

from neuralsampleid.audio.front_ends import ConstantQFrontEnd, segment_samples
from neuralsampleid.models.upstream_checkpoint import UPSTREAM_RESNET_IBN


@torch.inference_mode()
def main() -> None:
    """Print one row per batch size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="the median CPU time counts")
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    torch.manual_seed(0)
    settings = UPSTREAM_RESNET_IBN.front_end
    ours = ConstantQFrontEnd(settings)
    theirs = CQT1992v2(
        sr=settings.sample_rate,
        hop_length=settings.hop_length,
        fmin=settings.f_min,
        n_bins=settings.bins,
        bins_per_octave=settings.bins_per_octave,
        verbose=False,
    )
    print(
        f"{settings.bins} bins, one thread, torch {torch.__version__}; median of {rounds} rounds\n"
    )
    print(
        "| input | ours, × real time | nnAudio, × real time | ratio | largest relative difference |"
    )
    print("|---|---:|---:|---:|---:|")
    for batch, samples, name in (
        (1, 60 * settings.sample_rate, "one track of 60 s"),
        (16, segment_samples(settings), "16 segments of 5 s"),
    ):
        audio = 0.1 * torch.randn(batch, samples)
        times: dict[str, list[float]] = {"ours": [], "theirs": []}
        ours(audio)  # warm up
        theirs(audio)
        for _ in range(rounds):
            started = time.process_time()
            found = ours(audio)
            times["ours"].append(time.process_time() - started)
            started = time.process_time()
            expected = theirs(audio)
            times["theirs"].append(time.process_time() - started)
        seconds = batch * samples / settings.sample_rate
        speed = {key: seconds / statistics.median(taken) for key, taken in times.items()}
        difference = (found - expected).abs().max() / expected.abs().max()
        print(
            f"| {name} | {speed['ours']:.0f} | {speed['theirs']:.0f} "
            f"| {speed['ours'] / speed['theirs']:.1f} | {difference:.1e} |"
        )


if __name__ == "__main__":
    main()
